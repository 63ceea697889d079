"""What extension API servers have in aggregated discovery: said by themselves, made from their
lists, or stale."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from k8slite.apiserver.aggregation.described import (
    ACCEPT,
    from_resource_list,
    is_aggregated,
    read_aggregated,
)
from k8slite.apiserver.aggregation.merging import RemoteVersion
from k8slite.apiserver.discovery import Discovery, aggregated
from k8slite.kinds.kind import Kind
from k8slite.kinds.table import Kinds
from k8slite.messages import Request
from tests.apiserver.extension import API_SERVICES, NAME, Extension, register
from tests.apiserver.oracle_server import Json, Server, running

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
FLUNDER = {"group": "wardle.example.com", "version": "v1alpha1", "kind": "Flunder"}
NO_KIND = {"group": "", "version": "", "kind": ""}
SAID: Json = {
    "kind": "APIGroupDiscoveryList",
    "apiVersion": "apidiscovery.k8s.io/v2beta1",
    "metadata": {},
    "items": [
        {
            "metadata": {"name": "wardle.example.com"},
            "versions": [
                {
                    "version": "v1alpha1",
                    "freshness": "Stale",
                    "resources": [
                        {
                            "resource": "flunders",
                            "responseKind": FLUNDER,
                            "scope": "Namespaced",
                            "singularResource": "flunder",
                            "verbs": ["get"],
                            "unheardOf": True,
                            "subresources": [{"subresource": "status", "verbs": ["get"]}],
                        }
                    ],
                }
            ],
        }
    ],
}


async def versions(server: Server) -> Any:
    answer = await server.ask("GET", "/apis", accept=AGGREGATED)
    items = answer.json["items"]
    [found] = [one for one in items if one["metadata"]["name"] == "wardle.example.com"]
    return found["versions"]


async def test_what_a_server_says_itself_is_passed_on(autojump_clock: object) -> None:
    extension = Extension(aggregated=SAID)
    async with running(webhooks=extension) as server:
        await register(server)
        [version] = await versions(server)
        assert version["freshness"] == "Current", "it is we who tell whether it is fresh"
        [resource] = version["resources"]
        assert resource["responseKind"] == FLUNDER
        assert resource["subresources"] == [
            {"subresource": "status", "responseKind": NO_KIND, "verbs": ["get"]}
        ]
        assert "unheardOf" not in resource
        asked = [one for one in extension.asked_by("system:kube-aggregator") if one.path == "/apis"]
        assert asked[0].headers["accept"] == ACCEPT
        assert "if-none-match" not in asked[0].headers
        await trio.sleep(60)
        asked = [one for one in extension.asked_by("system:kube-aggregator") if one.path == "/apis"]
        assert "if-none-match" in asked[-1].headers, "an unchanged document is not sent again"
        assert await versions(server) == [version]
        extension.aggregated = {**SAID, "items": []}
        await trio.sleep(60)
        assert await versions(server) == [{"version": "v1alpha1", "freshness": "Current"}]
        extension.aggregated = None
        await trio.sleep(60)
        [version] = await versions(server)
        assert version["resources"][0]["verbs"][0] == "create", "made from its list"
        extension.refuses = True
        await trio.sleep(60)
        assert await versions(server) == [{"version": "v1alpha1", "freshness": "Stale"}]
        extension.refuses = False
        await trio.sleep(60)
        assert (await versions(server))[0]["freshness"] == "Current"
        await server.ask("DELETE", f"{API_SERVICES}/{NAME}")
        assert "wardle" not in (await server.ask("GET", "/apis", accept=AGGREGATED)).body.decode()


async def test_what_cannot_be_read_is_stale(autojump_clock: object) -> None:
    extension = Extension(aggregated={"items": "no"})
    async with running(webhooks=extension) as server:
        await register(server)
        assert await versions(server) == [{"version": "v1alpha1", "freshness": "Stale"}]
        extension.aggregated_type = "application/json"
        await trio.sleep(60)
        assert (await versions(server))[0]["freshness"] == "Current", "that was not it: the list is"


def remote(group: str, priority: int) -> RemoteVersion:
    return RemoteVersion(group, "v1", priority, 100, {"version": "v1"})


def test_groups_of_one_priority_go_by_name() -> None:
    custom = Kind("m.e.com", "v1", "Widget", "widgets", "widget", namespaced=True)
    kinds = Kinds.of(36).extended([custom])
    others = [remote("z.e.com", 1000), remote("a.e.com", 1000), remote("b.e.com", 20_001)]
    items = aggregated(kinds, core=False, remote=others)["items"]
    names = [one["metadata"]["name"] for one in items]
    assert names[0] == "b.e.com"
    assert names[-3:] == ["a.e.com", "m.e.com", "z.e.com"]
    discovery = Discovery(kinds, 36)
    discovery.update_remote(others)
    answer = discovery.answer(Request("GET", "/apis"))
    assert answer is not None and isinstance(answer.body, bytes)
    assert [one["name"] for one in json.loads(answer.body)["groups"]] == names


def test_a_group_that_two_servers_share() -> None:
    custom = Kind("e.com", "v2", "Widget", "widgets", "widget", namespaced=True)
    again = Kind("e.com", "v1", "Widget", "widgets", "widget", namespaced=True)
    kinds = Kinds.of(36).extended([custom, again])
    [*_, item] = aggregated(kinds, core=False, remote=[remote("e.com", 1000)])["items"]
    assert [one["version"] for one in item["versions"]] == ["v2", "v1"]
    assert "resources" not in item["versions"][1], "where both have a version, it is the other's"


def test_subresources_without_a_resource_get_one() -> None:
    listed = [{"name": "pods/exec", "namespaced": True, "kind": "Exec", "verbs": ["create"]}]
    kind = {**NO_KIND, "kind": "Exec"}
    assert from_resource_list("v1", {"resources": listed})["resources"] == [
        {
            "resource": "pods",
            "responseKind": NO_KIND,
            "scope": "Namespaced",
            "singularResource": "",
            "verbs": None,
            "subresources": [{"subresource": "exec", "responseKind": kind, "verbs": ["create"]}],
        }
    ]
    listed.append({"name": "pods", "namespaced": False, "kind": "Pod", "verbs": []})
    with pytest.raises(ValueError, match="do not match"):
        from_resource_list("v1", {"resources": listed})
    assert from_resource_list("v1", {}) == {"version": "v1"}


@pytest.mark.parametrize(
    ("content_type", "is_it"),
    [
        (AGGREGATED, True),
        ("application/json; as=APIGroupDiscoveryList; v=v2beta1; g=apidiscovery.k8s.io", True),
        ("application/json;as=APIGroupDiscoveryList;v=v3;g=apidiscovery.k8s.io", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_the_content_type_tells(content_type: str, is_it: bool) -> None:
    assert is_aggregated(content_type) is is_it


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["items", "versions", "resources", "metadata", "name", "verbs"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(ANYTHING)
def test_whatever_a_server_says_is_read_or_refused(said: Any) -> None:
    for read in (read_aggregated, lambda one: from_resource_list("v1", one)):
        try:
            read(said)
        except ValueError:
            pass
