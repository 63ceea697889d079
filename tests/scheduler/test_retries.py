"""When pods that fit nowhere are tried again: what can help wakes them, nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from k8slite.client.resource import (
    CSI_NODES,
    CSI_STORAGE_CAPACITIES,
    DEVICE_CLASSES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    RESOURCE_CLAIMS,
    RESOURCE_SLICES,
    STORAGE_CLASSES,
)
from k8slite.scheduler.plugin import Event, FilterPlugin, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo
from tests.scheduler.devices import claim, device, device_class, resource_slice
from tests.scheduler.schedulable import Cluster
from tests.scheduler.test_configuration import configured, enabling
from tests.scheduler.test_volumes import add_claim, add_class, add_pod, add_volume, put

Json = dict[str, Any]


def attempts(cluster: Cluster) -> int:
    """How often the pod `web` was tried in vain."""
    return sum(
        event.get("count", 1)
        for event in cluster.api.list("/api/v1/events")
        if event["involvedObject"]["name"] == "web" and event["reason"] == "FailedScheduling"
    )


async def tried_again(cluster: Cluster, happen: Callable[[Cluster], None]) -> bool:
    """Whether the pod `web`, which waits, is tried again when something happens."""
    await trio.sleep(15)  # no back-off is left
    before = attempts(cluster)
    assert before
    happen(cluster)
    await trio.sleep(1)
    return bool(cluster.node_of("web")) or attempts(cluster) > before


def put_json(cluster: Cluster, resource: Any, obj: Json) -> None:
    name = obj["metadata"]["name"]
    obj = {**obj, "metadata": {"uid": f"uid-{name}", **obj["metadata"]}}
    namespace = "default" if resource.namespaced else ""
    cluster.api.put(resource.path(namespace, name), obj)


VOLUME_EVENTS: list[tuple[str, Callable[[Cluster], None], bool]] = [
    ("its claim", lambda c: add_claim(c, "data", volumeMode="Filesystem"), True),
    ("another's claim", lambda c: add_claim(c, "other"), False),
    ("a volume", lambda c: add_volume(c, "v"), True),
    ("a class", lambda c: add_class(c, "fast"), True),
    ("a node's drivers", lambda c: put(c, CSI_NODES, "b", spec={"drivers": []}), True),
    (
        "room",
        lambda c: put(c, CSI_STORAGE_CAPACITIES, "x", storageClassName="slow", capacity="1Gi"),
        True,
    ),
    ("a pod that is bound", lambda c: c.add_pod("else", nodeName="a"), False),
    ("a device", lambda c: put_json(c, RESOURCE_SLICES, resource_slice("a", device("d"))), False),
]


@pytest.mark.parametrize(("what", "happen", "helps"), VOLUME_EVENTS)
async def test_a_pod_that_waits_for_a_volume(
    what: str, happen: Callable[[Cluster], None], helps: bool, autojump_clock: MockClock
) -> None:
    cluster = Cluster()
    cluster.add_node("a")
    add_class(cluster, "slow", provisioner="kubernetes.io/no-provisioner")
    add_claim(cluster, "data", resources={"requests": {"storage": "9Gi"}})
    add_pod(cluster, "web", "data")
    async with cluster.scheduling():
        assert await tried_again(cluster, happen) is helps


def put_claim(cluster: Cluster, name: str, devices: Json | None = None) -> None:
    status = {"allocation": {"devices": {"results": [devices]}}} if devices else {}
    put_json(cluster, RESOURCE_CLAIMS, {**claim(name), "status": status})


D0 = {"request": "one", "driver": "gpu.example.com", "pool": "a", "device": "d0"}
DEVICE_EVENTS: list[tuple[str, Callable[[Cluster], None], bool]] = [
    ("a device is given back", lambda c: put_claim(c, "other"), True),
    ("a claim of others comes", lambda c: put_claim(c, "third"), False),
    ("a device comes", lambda c: put_json(c, RESOURCE_SLICES, resource_slice("a")), True),
    ("a class changes", lambda c: put_json(c, DEVICE_CLASSES, device_class()), True),
    ("a volume", lambda c: add_volume(c, "v"), False),
    ("a pod that is bound", lambda c: c.add_pod("else", nodeName="a"), False),
]


@pytest.mark.parametrize(("what", "happen", "helps"), DEVICE_EVENTS)
async def test_a_pod_that_waits_for_a_device(
    what: str, happen: Callable[[Cluster], None], helps: bool, autojump_clock: MockClock
) -> None:
    cluster = Cluster()
    cluster.add_node("a")
    put_json(cluster, DEVICE_CLASSES, device_class())
    put_json(cluster, RESOURCE_SLICES, resource_slice("a", device("d0")))
    put_claim(cluster, "other", D0)
    put_claim(cluster, "mine")
    cluster.add_pod("web", resourceClaims=[{"name": "gpu", "resourceClaimName": "mine"}])
    async with cluster.scheduling():
        assert await tried_again(cluster, happen) is helps


@pytest.mark.parametrize(
    ("happen", "helps"),
    [
        (lambda c: add_claim(c, "other"), False),
        (lambda c: add_volume(c, "v"), False),
        (lambda c: c.add_node("small", cpu="1"), False),
        (lambda c: c.add_node("large", cpu="9"), True),
        (lambda c: c.end_pod("tiny"), False),
        (lambda c: c.end_pod("big"), True),
    ],
)
async def test_a_pod_that_waits_for_room(
    happen: Callable[[Cluster], None], helps: bool, autojump_clock: MockClock
) -> None:
    cluster = Cluster()
    cluster.add_node("a", cpu="4")
    cluster.add_pod("big", cpu="3", nodeName="a")
    cluster.add_pod("tiny", cpu="100m", nodeName="a")
    cluster.add_pod("web", cpu="3")
    async with cluster.scheduling():
        assert await tried_again(cluster, happen) is helps


class Never(FilterPlugin):
    """Refuses all nodes, and listens to claims alone."""

    name = "Never"

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status | None:
        return Status(("never",), True, self.name)

    def helped_by(self, pod: PodInfo, event: Event) -> bool:
        return event.resource is PERSISTENT_VOLUME_CLAIMS


class Ever(Never):
    """Refuses all nodes, and listens to everything."""

    name = "Ever"

    def helped_by(self, pod: PodInfo, event: Event) -> bool:
        return super(Never, self).helped_by(pod, event)


@pytest.mark.parametrize(
    ("plugin", "resource", "helps"),
    [
        ("Never", PERSISTENT_VOLUME_CLAIMS, True),
        ("Never", PERSISTENT_VOLUMES, False),
        ("Ever", STORAGE_CLASSES, True),
        ("Ever", PERSISTENT_VOLUMES, True),
    ],
)
async def test_plugins_of_ones_own_are_asked(
    plugin: str, resource: Any, helps: bool, autojump_clock: MockClock
) -> None:
    cluster = Cluster()
    cluster.add_node("a")
    cluster.add_pod("web")
    configuration = configured(enabling(f"{__name__}:{plugin}"))
    async with cluster.scheduling(configuration=configuration):
        assert await tried_again(cluster, lambda c: put(c, resource, "x", spec={})) is helps


async def test_after_five_minutes_it_is_tried_anyway(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("a", cpu="1")
    cluster.add_pod("web", cpu="2")
    async with cluster.scheduling():
        await trio.sleep(299)
        assert attempts(cluster) == 1
        await trio.sleep(32)
        assert attempts(cluster) == 2
