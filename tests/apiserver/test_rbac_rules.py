"""What rules allow, and when some allow all that others do."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8slite.apiserver.authorization.rules import allows, in_words, uncovered
from k8slite.apiserver.request_info import RequestInfo

Json = dict[str, Any]


def rule(verbs: str, groups: str = "", resources: str = "", names: str = "") -> Json:
    found: Json = {
        "verbs": verbs.split(","),
        "apiGroups": groups.split(","),
        "resources": resources.split(","),
    }
    return {**found, "resourceNames": names.split(",")} if names else found


def ask(verb: str, group: str, resource: str, name: str = "") -> RequestInfo:
    plural, _, subresource = resource.partition("/")
    return RequestInfo(verb, "", True, group, "v1", "ns", plural, name, subresource)


@pytest.mark.parametrize(
    ("one", "asked", "allowed"),
    [
        (rule("get", "", "pods"), ask("get", "", "pods"), True),
        (rule("get", "", "pods"), ask("list", "", "pods"), False),
        (rule("get", "", "pods"), ask("get", "apps", "pods"), False),
        (rule("get", "", "pods"), ask("get", "", "pods/log"), False),
        (rule("get", "", "pods/log"), ask("get", "", "pods/log"), True),
        (rule("get", "", "pods/log"), ask("get", "", "pods"), False),
        (rule("get", "", "*/scale"), ask("get", "", "pods/scale"), True),
        (rule("get", "", "*/scale"), ask("get", "", "pods"), False),
        (rule("*", "*", "*"), ask("patch", "apps", "deployments/scale"), True),
        (rule("get", "", "pods", "a,b"), ask("get", "", "pods", "b"), True),
        (rule("get", "", "pods", "a,b"), ask("get", "", "pods", "c"), False),
        (rule("list", "", "pods", "a"), ask("list", "", "pods"), False),
        (rule("*", "*", "*"), RequestInfo("get", "/healthz"), False),
    ],
)
def test_a_rule_about_resources(one: Json, asked: RequestInfo, allowed: bool) -> None:
    assert allows(one, asked) is allowed


@pytest.mark.parametrize(
    ("url", "path", "allowed"),
    [
        ("/healthz", "/healthz", True),
        ("/healthz", "/healthz/x", False),
        ("/healthz/*", "/healthz/x", True),
        ("*", "/metrics", True),
    ],
)
def test_a_rule_about_paths(url: str, path: str, allowed: bool) -> None:
    one = {"verbs": ["get"], "nonResourceURLs": [url]}
    assert allows(one, RequestInfo("get", path)) is allowed
    assert not allows(one, RequestInfo("post", path))


VERBS, GROUPS, NAMES = ("get", "list"), ("", "apps"), ("", "a", "b")
RESOURCES = ("pods", "pods/log", "jobs")


def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


RULES = st.lists(
    st.fixed_dictionaries(
        {
            "verbs": some((*VERBS, "*")),
            "apiGroups": some((*GROUPS, "*")),
            "resources": some((*RESOURCES, "*", "*/log")),
        },
        optional={"resourceNames": some(("a", "b"))},
    ),
    max_size=3,
)


@given(held=RULES, wanted=RULES)
def test_rules_that_cover_others_allow_all_that_they_do(
    held: list[Json], wanted: list[Json]
) -> None:
    if uncovered(held, wanted):
        return
    for parts in product(VERBS, GROUPS, RESOURCES, NAMES):
        info = ask(*parts)
        if any(allows(one, info) for one in wanted):
            assert any(allows(one, info) for one in held), info


@given(rules=RULES)
def test_everything_covers_all_and_all_cover_themselves(rules: list[Json]) -> None:
    assert uncovered([rule("*", "*", "*")], rules) == []
    assert uncovered(rules, rules) == []
    assert bool(uncovered([], rules)) is bool(rules)


def test_missing_rights_in_words() -> None:
    missing = uncovered(
        [rule("get", "", "pods")],
        [rule("get,list,watch", "", "pods"), rule("get", "apps", "deployments", "web")],
    )
    assert in_words(missing) == [
        '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}',
        '{APIGroups:["apps"], Resources:["deployments"], ResourceNames:["web"], Verbs:["get"]}',
    ]
