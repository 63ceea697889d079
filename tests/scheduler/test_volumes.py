"""Pods and their volumes: where they reach, when claims are bound, how many a node takes."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from k8slite.client.resource import (
    CSI_DRIVERS,
    CSI_NODES,
    CSI_STORAGE_CAPACITIES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    STORAGE_CLASSES,
    Resource,
)
from tests.scheduler.schedulable import Cluster

Json = dict[str, Any]

BOUND = {"pv.kubernetes.io/bind-completed": "yes"}
SELECTED = "volume.kubernetes.io/selected-node"


def put(cluster: Cluster, resource: Resource, name: str, **more: Any) -> None:
    namespace = "default" if resource.namespaced else ""
    metadata = {"name": name, "uid": f"uid-{name}", "generation": 1, **more.pop("metadata", {})}
    if namespace:
        metadata["namespace"] = namespace
    obj = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **more}
    cluster.api.put(resource.path(namespace, name), obj)


def add_class(cluster: Cluster, name: str, mode: str = "WaitForFirstConsumer", **more: Any) -> None:
    put(
        cluster,
        STORAGE_CLASSES,
        name,
        **{"provisioner": "example.com/disks", "volumeBindingMode": mode, **more},
    )


def add_claim(cluster: Cluster, name: str, volume: str = "", **more: Any) -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "slow",
        "volumeName": volume,
        **more,
    }
    annotations = BOUND if volume else {}
    put(
        cluster,
        PERSISTENT_VOLUME_CLAIMS,
        name,
        spec=spec,
        metadata={"annotations": dict(annotations)},
    )


def add_volume(
    cluster: Cluster, name: str, node: str = "", labels: Json | None = None, **more: Any
) -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "storageClassName": "slow",
        **more,
    }
    if node:
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
        terms = [{"matchExpressions": [expression]}]
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    put(
        cluster,
        PERSISTENT_VOLUMES,
        name,
        spec=spec,
        status={"phase": "Available"},
        metadata={"labels": labels or {}},
    )


def add_pod(cluster: Cluster, name: str, *claims: str, **spec: Any) -> None:
    volumes = [{"name": one, "persistentVolumeClaim": {"claimName": one}} for one in claims]
    cluster.add_pod(name, volumes=volumes, **spec)


def nodes(*names: str) -> Cluster:
    cluster = Cluster()
    for name in names:
        cluster.add_node(name, labels={"kubernetes.io/hostname": name})
    return cluster


def bind(cluster: Cluster, claim: str, volume: str) -> None:
    """As the binder does it."""

    def change(obj: Json) -> None:
        obj["spec"]["volumeName"] = volume
        obj["metadata"].setdefault("annotations", {}).update(BOUND)

    cluster.api.change(PERSISTENT_VOLUME_CLAIMS.path("default", claim), change)


def annotations(cluster: Cluster, claim: str) -> Json:
    found = cluster.api.get(PERSISTENT_VOLUME_CLAIMS.path("default", claim))
    assert found is not None
    result: Json = found["metadata"].get("annotations") or {}
    return result


async def test_a_bound_claim_ties_the_pod_to_its_volume(autojump_clock: MockClock) -> None:
    cluster = nodes("a", "b")
    add_volume(cluster, "disk", "b")
    add_claim(cluster, "data", "disk")
    add_pod(cluster, "web", "data")
    add_volume(cluster, "far", "c")
    add_claim(cluster, "away", "far")
    add_pod(cluster, "lost", "away")
    async with cluster.scheduling():
        await trio.sleep(1)
    assert cluster.node_of("web") == "b"
    assert cluster.condition("lost")["message"] == (
        "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity. "
        "no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not "
        "helpful for scheduling."
    )


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("Immediate", "pod has unbound immediate PersistentVolumeClaims"),
        ("none", 'persistentvolumeclaim "data" not found'),
    ],
)
async def test_a_pod_waits_for_its_claims(
    mode: str, reason: str, autojump_clock: MockClock
) -> None:
    cluster = nodes("a")
    add_class(cluster, "slow", mode)
    if mode != "none":
        add_claim(cluster, "data")
    add_pod(cluster, "web", "data")
    async with cluster.scheduling():
        await trio.sleep(10)
        assert cluster.condition("web")["message"].startswith(
            f"0/1 nodes are available: {reason}. "
        )
        add_volume(cluster, "disk")
        add_claim(cluster, "data", "disk")
        await trio.sleep(2)
    assert cluster.node_of("web") == "a"


async def test_a_volume_is_asked_for_where_the_pod_goes(autojump_clock: MockClock) -> None:
    cluster = nodes("a", "b")
    add_class(cluster, "slow")
    add_claim(cluster, "data")
    add_pod(cluster, "web", "data", nodeSelector={"kubernetes.io/hostname": "b"})
    async with cluster.scheduling():
        await trio.sleep(5)
        assert annotations(cluster, "data")[SELECTED] == "b"
        assert cluster.node_of("web") == ""
        add_volume(cluster, "disk", "b")
        bind(cluster, "data", "disk")
        await trio.sleep(1)
    assert cluster.node_of("web") == "b"


async def test_a_pod_that_waits_for_its_volume_keeps_nobody_back(
    autojump_clock: MockClock,
) -> None:
    cluster = nodes("a")
    add_class(cluster, "slow")
    for i in range(40):
        add_claim(cluster, f"data-{i}")
        add_pod(cluster, f"web-{i}", f"data-{i}")
    async with cluster.scheduling():
        await trio.sleep(5)
        cluster.add_pod("plain")
        await trio.sleep(1)
    assert cluster.node_of("plain") == "a"


async def test_a_provisioner_that_gives_up_has_the_pod_go_elsewhere(
    autojump_clock: MockClock,
) -> None:
    cluster = nodes("a")
    add_class(cluster, "slow")
    add_claim(cluster, "data")
    add_pod(cluster, "web", "data")
    async with cluster.scheduling():
        await trio.sleep(5)
        assert annotations(cluster, "data")[SELECTED] == "a"
        cluster.change_node("a", lambda node: node["spec"].update(unschedulable=True))
        cluster.add_node("b", labels={"kubernetes.io/hostname": "b"})
        cluster.api.change(
            PERSISTENT_VOLUME_CLAIMS.path("default", "data"),
            lambda claim: claim["metadata"]["annotations"].pop(SELECTED),
        )
        await trio.sleep(30)
        assert annotations(cluster, "data")[SELECTED] == "b"
        add_volume(cluster, "disk", "b")
        bind(cluster, "data", "disk")
        await trio.sleep(1)
    assert cluster.node_of("web") == "b"


async def test_volumes_that_there_are_go_first_and_to_one_pod(autojump_clock: MockClock) -> None:
    cluster = nodes("a", "b")
    add_class(cluster, "slow", provisioner="kubernetes.io/no-provisioner")
    add_volume(cluster, "disk", "b")
    for name in ("one", "two"):
        add_claim(cluster, name)
        add_pod(cluster, name, name)
    async with cluster.scheduling():
        await trio.sleep(5)
        disk = cluster.api.get(PERSISTENT_VOLUMES.path("", "disk"))
        assert disk is not None
        winner = disk["spec"]["claimRef"]["name"]
        loser = {"one": "two", "two": "one"}[winner]
        assert (
            "2 node(s) didn't find available persistent volumes to bind"
            in (cluster.condition(loser)["message"])
        )
        bind(cluster, winner, "disk")
        await trio.sleep(1)
    assert (cluster.node_of(winner), cluster.node_of(loser)) == ("b", "")


async def test_where_a_class_makes_volumes(autojump_clock: MockClock) -> None:
    cluster = nodes("a", "b")
    expression = {"key": "kubernetes.io/hostname", "values": ["b"]}
    add_class(cluster, "slow", allowedTopologies=[{"matchLabelExpressions": [expression]}])
    add_claim(cluster, "data")
    add_pod(cluster, "web", "data")
    async with cluster.scheduling():
        await trio.sleep(5)
    assert annotations(cluster, "data")[SELECTED] == "b"


async def test_a_claim_for_one_pod(autojump_clock: MockClock) -> None:
    cluster = nodes("a", "b")
    add_volume(cluster, "disk")
    add_claim(cluster, "data", "disk", accessModes=["ReadWriteOncePod"])
    add_pod(cluster, "first", "data", priority=1)
    async with cluster.scheduling():
        await trio.sleep(1)
        add_pod(cluster, "second", "data", priority=1)
        await trio.sleep(1)
        assert cluster.node_of("first") != ""
        assert cluster.condition("second")["message"].startswith(
            "0/2 nodes are available: 2 node has pod using PersistentVolumeClaim with the same "
            "name and ReadWriteOncePod access mode."
        )
        cluster.remove_pod("first")
        await trio.sleep(20)
    assert cluster.node_of("second") != ""


async def test_zones_of_volumes(autojump_clock: MockClock) -> None:
    zone = "topology.kubernetes.io/zone"
    cluster = Cluster()
    for name in ("a", "b"):
        cluster.add_node(name, labels={zone: name})
    add_volume(cluster, "disk", labels={zone: "b__c"})
    add_claim(cluster, "data", "disk")
    add_pod(cluster, "web", "data")
    add_volume(cluster, "far", labels={zone: "z"})
    add_claim(cluster, "away", "far")
    add_pod(cluster, "lost", "away")
    async with cluster.scheduling():
        await trio.sleep(1)
    assert cluster.node_of("web") == "b"
    assert "2 node(s) had no available volume zone" in cluster.condition("lost")["message"]


async def test_a_node_takes_as_many_volumes_as_its_driver_says(autojump_clock: MockClock) -> None:
    cluster = nodes("a")
    driver = {"name": "example.com/disks", "nodeID": "a", "allocatable": {"count": 2}}
    put(cluster, CSI_NODES, "a", spec={"drivers": [driver]})
    for i in range(3):
        csi = {"driver": "example.com/disks", "volumeHandle": f"v{i}"}
        add_volume(cluster, f"disk-{i}", csi=csi)
        add_claim(cluster, f"data-{i}", f"disk-{i}")
        add_pod(cluster, f"web-{i}", f"data-{i}")
    async with cluster.scheduling():
        await trio.sleep(1)
        names = [f"web-{i}" for i in range(3)]
        assert sorted(cluster.nodes_of(*names)) == ["", "a", "a"]
        waiting = next(name for name in names if not cluster.node_of(name))
        message = cluster.condition(waiting)["message"]
        assert "1 node(s) exceed max volume count" in message
        # One more pod with a volume that is there takes no more.
        bound = next(name for name in names if cluster.node_of(name))
        add_pod(cluster, "shares", f"data-{bound[-1]}")
        await trio.sleep(1)
    assert cluster.node_of("shares") == "a"


DISKS = [
    ({"gcePersistentDisk": {"pdName": "d"}}, {"gcePersistentDisk": {"pdName": "d"}}, True),
    ({"gcePersistentDisk": {"pdName": "d"}}, {"gcePersistentDisk": {"pdName": "e"}}, False),
    (
        {"gcePersistentDisk": {"pdName": "d", "readOnly": True}},
        {"gcePersistentDisk": {"pdName": "d", "readOnly": True}},
        False,
    ),
    (
        {"awsElasticBlockStore": {"volumeID": "d", "readOnly": True}},
        {"awsElasticBlockStore": {"volumeID": "d", "readOnly": True}},
        True,
    ),
    ({"iscsi": {"iqn": "d"}}, {"iscsi": {"iqn": "d", "readOnly": True}}, True),
    (
        {"rbd": {"monitors": ["a", "b"], "image": "i"}},
        {"rbd": {"monitors": ["b"], "pool": "rbd", "image": "i"}},
        True,
    ),
    (
        {"rbd": {"monitors": ["a"], "image": "i"}},
        {"rbd": {"monitors": ["b"], "image": "i"}},
        False,
    ),
    ({"gcePersistentDisk": {"pdName": "d"}}, {"iscsi": {"iqn": "d"}}, False),
]


@pytest.mark.parametrize(("one", "other", "conflict"), DISKS)
async def test_disks_that_pods_name(
    one: Json, other: Json, conflict: bool, autojump_clock: MockClock
) -> None:
    cluster = Cluster()
    cluster.add_node("a")
    cluster.add_pod("first", volumes=[{"name": "d", **one}])
    async with cluster.scheduling():
        await trio.sleep(1)
        cluster.add_pod("second", volumes=[{"name": "d", **other}])
        cluster.add_pod("neither")
        await trio.sleep(1)
        assert (cluster.node_of("second") == "") is conflict
        assert cluster.node_of("neither") == "a"
        if conflict:
            assert cluster.condition("second")["message"].startswith(
                "0/1 nodes are available: 1 node(s) had no available disk."
            )
        cluster.remove_pod("first")
        await trio.sleep(5)
    assert cluster.node_of("second") == "a"


def add_capacity(cluster: Cluster, name: str, zone: str, **sizes: str) -> None:
    topology = {"matchLabels": {"zone": zone}}
    put(
        cluster,
        CSI_STORAGE_CAPACITIES,
        name,
        storageClassName="slow",
        nodeTopology=topology,
        **sizes,
    )


async def test_a_volume_is_made_where_its_driver_has_room(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("a", labels={"zone": "north"})
    cluster.add_node("b", labels={"zone": "south"})
    add_class(cluster, "slow")
    put(cluster, CSI_DRIVERS, "example.com/disks", spec={"storageCapacity": True})
    add_claim(cluster, "data")
    add_capacity(cluster, "n", "north", capacity="100Gi", maximumVolumeSize="512Mi")
    add_capacity(cluster, "s", "south", capacity="1Mi")
    add_pod(cluster, "web", "data")
    async with cluster.scheduling():
        await trio.sleep(1)
        assert cluster.condition("web")["message"].startswith(
            "0/2 nodes are available: 2 node(s) did not have enough free storage."
        )
        add_capacity(cluster, "s", "south", capacity="1Gi")
        await trio.sleep(5)
    assert annotations(cluster, "data")[SELECTED] == "b"
