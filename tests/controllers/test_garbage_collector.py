"""The garbage collector against an API: background, foreground, orphan."""

from __future__ import annotations

from typing import Any

import trio

from k8slite.client.resource import CONFIG_MAPS, NODES, PODS, REPLICA_SETS, SECRETS, Resource
from k8slite.controllers.machinery.garbage_collector import GarbageCollector
from tests.controllers.whole_api import RESOURCES, WholeApi, add, running

Json = dict[str, Any]


def owner(obj: Json, *, block: bool = False) -> Json:
    metadata = obj["metadata"]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "blockOwnerDeletion": block,
    }


def owned(*owners: Json) -> Json:
    return {"ownerReferences": list(owners)}


async def test_dependants_go_with_their_last_owner(autojump_clock: Any) -> None:
    whole = WholeApi()
    one = add(whole, CONFIG_MAPS, "one", "ns")
    two = add(whole, CONFIG_MAPS, "two", "ns")
    add(whole, SECRETS, "both", "ns", metadata=owned(owner(one), owner(two)))
    add(whole, SECRETS, "first", "ns", metadata=owned(owner(one)))
    async with running(whole, GarbageCollector):
        await whole.client().delete(CONFIG_MAPS, "one", "ns")
        await trio.sleep(5)
        assert [obj["metadata"]["name"] for obj in whole.api.list("/api/v1/secrets")] == ["both"]
        both = whole.api.get("/api/v1/namespaces/ns/secrets/both")
        assert both is not None
        assert both["metadata"]["ownerReferences"] == [owner(two)]
        await whole.client().delete(CONFIG_MAPS, "two", "ns")
        await trio.sleep(5)
        assert whole.api.list("/api/v1/secrets") == []


async def test_a_restart_harms_nobody_and_finds_what_was_missed(autojump_clock: Any) -> None:
    whole = WholeApi()
    # A child's resource may well be listed before its parent's.
    parent = add(whole, REPLICA_SETS, "parent", "ns")
    add(whole, CONFIG_MAPS, "child", "ns", metadata=owned(owner(parent)))
    gone = {**owner(parent), "uid": "gone", "name": "gone"}
    add(whole, CONFIG_MAPS, "orphan", "ns", metadata=owned(gone))
    async with running(whole, GarbageCollector):
        await trio.sleep(100)
        assert [obj["metadata"]["name"] for obj in whole.api.list("/api/v1/configmaps")] == [
            "child"
        ]


async def test_a_namesake_of_the_owner_is_not_the_owner(autojump_clock: Any) -> None:
    whole = WholeApi()
    first = add(whole, CONFIG_MAPS, "owner", "ns")
    add(whole, SECRETS, "child", "ns", metadata=owned(owner(first)))
    async with running(whole, GarbageCollector):
        await whole.client().delete(CONFIG_MAPS, "owner", "ns")
        add(whole, CONFIG_MAPS, "owner", "ns")
        await trio.sleep(5)
        assert whole.api.list("/api/v1/secrets") == []


async def test_an_owner_in_another_namespace_counts_as_absent(autojump_clock: Any) -> None:
    whole = WholeApi()
    foreign = add(whole, CONFIG_MAPS, "owner", "there")
    cluster = add(whole, NODES, "node")
    add(whole, SECRETS, "child", "here", metadata=owned(owner(foreign)))
    add(whole, SECRETS, "of-node", "here", metadata=owned(owner(cluster)))
    async with running(whole, GarbageCollector):
        await trio.sleep(20)
        assert [obj["metadata"]["name"] for obj in whole.api.list("/api/v1/secrets")] == ["of-node"]
        assert whole.events() == [
            (
                "child",
                "Warning",
                "OwnerRefInvalidNamespace",
                f"ownerRef [v1/ConfigMap, namespace: here, name: owner, "
                f'uid: {foreign["metadata"]["uid"]}] does not exist in namespace "here"',
            )
        ]


async def test_foreground_deletion_waits_for_what_blocks_it(autojump_clock: Any) -> None:
    whole = WholeApi()
    top = add(whole, REPLICA_SETS, "top", "ns")
    held = add(
        whole,
        PODS,
        "held",
        "ns",
        metadata={**owned(owner(top, block=True)), "finalizers": ["example.com/hold"]},
    )
    add(whole, PODS, "free", "ns", metadata=owned(owner(top)))
    other = add(whole, CONFIG_MAPS, "other", "ns")
    add(whole, SECRETS, "shared", "ns", metadata=owned(owner(top, block=True), owner(other)))
    async with running(whole, GarbageCollector):
        await whole.client().delete(REPLICA_SETS, "top", "ns", {"propagationPolicy": "Foreground"})
        await trio.sleep(10)
        assert [obj["metadata"]["name"] for obj in whole.api.list("/api/v1/pods")] == ["held"]
        assert whole.api.get("/apis/apps/v1/namespaces/ns/replicasets/top") is not None
        shared = whole.api.get("/api/v1/namespaces/ns/secrets/shared")
        assert shared is not None
        assert shared["metadata"]["ownerReferences"] == [owner(other)]
        whole.api.put(f"/api/v1/namespaces/ns/pods/{held['metadata']['name']}", None)
        await trio.sleep(10)
        assert whole.api.get("/apis/apps/v1/namespaces/ns/replicasets/top") is None


async def test_orphaning_releases_dependants_that_no_watch_has_shown(autojump_clock: Any) -> None:
    whole = WholeApi()
    top = add(whole, REPLICA_SETS, "top", "ns")
    add(whole, PODS, "seen", "ns", metadata=owned(owner(top)))
    async with running(whole, GarbageCollector):
        whole.api.held = True  # watches bring nothing more ...
        add(whole, PODS, "unseen", "ns", metadata=owned(owner(top)))
        await whole.client().delete(REPLICA_SETS, "top", "ns", {"propagationPolicy": "Orphan"})
        for watch in whole.api.watches:  # ... but those of the owner
            if watch.path.endswith("/replicasets"):
                watch._fill()
        await trio.sleep(0.2)
        whole.api.held = False
        whole.api.wake()
        await trio.sleep(30)
        assert whole.api.get("/apis/apps/v1/namespaces/ns/replicasets/top") is None
        pods = whole.api.list("/api/v1/pods")
        assert [pod["metadata"]["name"] for pod in pods] == ["seen", "unseen"]
        assert all("ownerReferences" not in pod["metadata"] for pod in pods)


async def test_a_missed_update_does_not_hold_up_a_foreground_deletion(autojump_clock: Any) -> None:
    whole = WholeApi()
    top = add(whole, REPLICA_SETS, "top", "ns")
    add(whole, PODS, "pod", "ns", metadata=owned(owner(top, block=True)))
    async with running(whole, GarbageCollector):
        whole.api.held = True
        await whole.client().delete(REPLICA_SETS, "top", "ns", {"propagationPolicy": "Foreground"})
        whole.api.change(
            "/apis/apps/v1/namespaces/ns/replicasets/top",
            lambda obj: obj["metadata"].update(labels={"changed": "since"}),
        )
        whole.api.held = False
        whole.api.expire_watches()
        await trio.sleep(20)
        assert whole.api.list("/api/v1/pods") == []
        assert whole.api.get("/apis/apps/v1/namespaces/ns/replicasets/top") is None


async def test_a_circle_of_owners_does_not_hold(autojump_clock: Any) -> None:
    whole = WholeApi()
    one = add(whole, CONFIG_MAPS, "one", "ns")
    two = add(whole, SECRETS, "two", "ns", metadata=owned(owner(one, block=True)))
    whole.api.change(
        "/api/v1/namespaces/ns/configmaps/one",
        lambda obj: obj["metadata"].update(owned(owner(two, block=True))),
    )
    async with running(whole, GarbageCollector):
        await trio.sleep(20)
        assert whole.api.get("/api/v1/namespaces/ns/secrets/two") is not None
        options = {"propagationPolicy": "Foreground"}
        await whole.client().delete(CONFIG_MAPS, "one", "ns", options)
        await trio.sleep(60)
        assert whole.api.list("/api/v1/secrets") == []
        assert whole.api.list("/api/v1/configmaps") == []


async def test_custom_resources_are_collected_once_they_are_served(autojump_clock: Any) -> None:
    widgets = Resource("example.com", "v1", "widgets", "Widget")
    whole = WholeApi([one for one in RESOURCES if one is not NODES])
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    async with running(whole, GarbageCollector):
        widget["metadata"]["uid"] = "widget"  # type: ignore[index]
        add(whole, SECRETS, "child", "ns", metadata=owned(owner(widget)))
        await trio.sleep(20)
        assert len(whole.api.list("/api/v1/secrets")) == 1  # nobody knows what a Widget is
        whole.resources.append(widgets)
        await trio.sleep(300)
        assert whole.api.list("/api/v1/secrets") == []


async def test_it_is_quiet_when_there_is_nothing_to_do(autojump_clock: Any) -> None:
    whole = WholeApi()
    top = add(whole, REPLICA_SETS, "top", "ns")
    for number in range(20):
        add(whole, PODS, f"pod-{number}", "ns", metadata=owned(owner(top, block=True)))
    async with running(whole, GarbageCollector):
        await trio.sleep(1)
        before = len(whole.api.requests)
        await trio.sleep(20)
        assert len(whole.api.requests) == before
        assert not [one for one in whole.api.requests if one.method != "GET"]
