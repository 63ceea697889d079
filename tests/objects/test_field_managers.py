"""Server-side apply without a server: who owns what, and what becomes of the object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8slite.objects.field_comparison import compared
from k8slite.objects.field_managers import Conflicts, Managed, applied, updated
from k8slite.objects.field_merge import merged
from k8slite.objects.fieldsets import FieldSet, in_words, paths
from k8slite.objects.schema import Schemas

Json = dict[str, Any]
ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle" / "dialogues.json"

SCHEMAS = Schemas.load(37)
POD = SCHEMAS.definition("", "v1", "Pod")
MAP = SCHEMAS.definition("", "v1", "ConfigMap")
assert POD is not None and MAP is not None


def told(error: Conflicts) -> dict[str, list[str]]:
    return {name: [in_words(path) for path in found] for name, found in error.fields.items()}


def data(**values: str) -> Json:
    return {"data": values}


def test_appliers_share_and_conflict() -> None:
    """The recorded dialogue of two appliers, step by step."""
    first = applied({}, data(a="1", b="1"), MAP, {}, "one")
    with pytest.raises(Conflicts) as conflict:
        applied(first.obj, data(a="2"), MAP, first.managers, "two")
    assert told(conflict.value) == {"one": [".data.a"]}
    shared = applied(first.obj, data(a="1", c="1"), MAP, first.managers, "two")
    assert shared.obj == data(a="1", b="1", c="1")
    forced = applied(shared.obj, data(a="2", c="1"), MAP, shared.managers, "two", force=True)
    assert forced.managers == {
        "one": {"f:data": {"f:b": {}}},
        "two": {"f:data": {"f:a": {}, "f:c": {}}},
    }
    less = applied(forced.obj, data(b="1"), MAP, forced.managers, "one")
    assert less.obj == data(a="2", b="1", c="1")
    none = applied(less.obj, data(), MAP, less.managers, "one")
    assert none.obj == data(a="2", c="1")
    assert none.managers["one"] == {"f:data": {}}
    after = updated(compared(none.obj, data(z="1"), MAP), none.managers, "three")
    assert after.took
    assert after.managers == {"one": {"f:data": {}}, "three": {"f:data": {"f:z": {}}}}


def pod(*containers: Json, **more: Any) -> Json:
    return {"spec": {"containers": list(containers), **more}}


def container(name: str, **more: Any) -> Json:
    return {"name": name, **more}


def test_items_come_and_go_by_their_keys() -> None:
    first = applied({}, pod(container("a", image="x"), container("b", image="y")), POD, {}, "one")
    env = container("a", env=[{"name": "E", "value": "1"}])
    second = applied(first.obj, pod(env), POD, first.managers, "two")
    assert second.obj["spec"]["containers"] == [
        {"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}]},
        {"name": "b", "image": "y"},
    ]
    third = applied(second.obj, pod(container("a", image="z")), POD, second.managers, "one")
    assert third.obj["spec"]["containers"] == [
        {"name": "a", "image": "z", "env": [{"name": "E", "value": "1"}]}
    ]
    fourth = applied(third.obj, pod(), POD, third.managers, "two")
    assert fourth.obj["spec"]["containers"] == [{"name": "a", "image": "z"}]


def test_what_is_atomic_is_one_field() -> None:
    first = applied({}, pod(tolerations=[{"key": "a"}]), POD, {}, "one")
    with pytest.raises(Conflicts) as conflict:
        applied(first.obj, pod(tolerations=[{"key": "b"}]), POD, first.managers, "two")
    assert told(conflict.value) == {"one": [".spec.tolerations"]}


@pytest.mark.parametrize(
    ("live", "wanted", "order"),
    [
        ("abc", "cb", "acb"),
        ("abc", "d", "abcd"),
        ("abc", "db", "adbc"),
        ("", "ba", "ba"),
        ("ab", "", "ab"),
        ("abcd", "dxa", "bcdxa"),
    ],
)
def test_the_order_of_items(live: str, wanted: str, order: str) -> None:
    def listed(names: str) -> Json:
        return pod(*(container(name) for name in names))

    found = merged(listed(live), listed(wanted), POD)
    assert "".join(one["name"] for one in found["spec"]["containers"]) == order


KEYS = ("a", "b", "c")
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(KEYS)},
        optional={
            "image": st.sampled_from(("x", "y")),
            "env": st.lists(
                st.fixed_dictionaries({"name": st.sampled_from(KEYS)}),
                max_size=2,
                unique_by=lambda one: one["name"],
            ),
        },
    ),
    max_size=3,
    unique_by=lambda one: one["name"],
)
CONFIGS = st.builds(
    lambda containers, labels: {
        "metadata": {"labels": labels},
        "spec": {"containers": containers},
    },
    CONTAINERS,
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(("1", "2")), max_size=2),
)


@given(live=CONFIGS, config=CONFIGS)
def test_apply_is_idempotent(live: Json, config: Json) -> None:
    managers: dict[str, FieldSet] = dict(updated(compared({}, live, POD), {}, "creator").managers)
    once = applied(live, config, POD, managers, "one", force=True)
    twice = applied(once.obj, config, POD, once.managers, "one")
    assert (twice.obj, twice.managers) == (once.obj, once.managers)
    assert not twice.changed


@given(live=CONFIGS, config=CONFIGS)
def test_what_nobody_sends_and_nobody_owned_stays(live: Json, config: Json) -> None:
    once = applied(live, config, POD, {}, "one", force=True)
    again = applied(once.obj, {}, POD, once.managers, "one", force=True)
    kept = {one["name"] for one in again.obj.get("spec", {}).get("containers") or ()}
    sent = {one["name"] for one in config["spec"]["containers"]}
    there = {one["name"] for one in live["spec"]["containers"]}
    assert there - sent <= kept


LABELS = st.dictionaries(st.sampled_from(("a", "b", "c")), st.sampled_from(("1", "2")))
OTHERS = st.dictionaries(st.sampled_from(("x", "y", "z")), st.sampled_from(("1", "2")))


@given(one=LABELS, other=OTHERS, live=st.dictionaries(st.sampled_from("am"), st.just("0")))
def test_appliers_of_different_fields_commute(
    one: dict[str, str], other: dict[str, str], live: dict[str, str]
) -> None:
    def both(first: str, second: str) -> Managed:
        configs = {"one": data(**one), "other": data(**other)}
        found: Managed[str] = Managed(data(**live), {})
        for name in (first, second):
            found = applied(found.obj, configs[name], MAP, found.managers, name, force=True)
        return found

    here, there = both("one", "other"), both("other", "one")
    assert (here.obj, here.managers) == (there.obj, there.managers)


def test_recorded_appliers() -> None:
    if not ORACLE.exists():
        pytest.skip("the folder shared/oracle is not beside this checkout")
    dialogue = next(d for d in json.loads(ORACLE.read_bytes()) if d["name"] == "t-ssa")
    found: Managed[str] = Managed({}, {})
    for step in dialogue["steps"]:
        request, response = step["request"], step["response"]
        if request["contentType"] != "application/apply-patch+yaml" or step["status"] == 422:
            continue
        query = request["path"].partition("?")[2]
        manager = query.partition("fieldManager=")[2].partition("&")[0]
        config = {"data": request["body"]["data"]}
        try:
            found = applied(
                found.obj, config, MAP, found.managers, manager, force="force=true" in query
            )
        except Conflicts as conflict:
            causes = response["details"]["causes"]
            assert [cause["field"] for cause in causes] == [
                in_words(path) for each in conflict.fields.values() for path in each
            ]
            continue
        assert found.obj["data"] == response["data"]
        wanted = {one["manager"]: one["fieldsV1"] for one in response["metadata"]["managedFields"]}
        assert found.managers == wanted
        assert all(list(paths(fields)) is not None for fields in found.managers.values())
