"""Nodes that fall silent, their taints and their pods; pod ranges; left-over pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from k8slite.client.resource import LEASES, NODES, PODS
from k8slite.controllers.controller import Context
from k8slite.controllers.nodes.node_ipam import NodeIpamController
from k8slite.controllers.nodes.node_lifecycle import NodeLifecycleController
from k8slite.controllers.nodes.pod_gc import PodGarbageCollector
from k8slite.controllers.nodes.taint_eviction import TaintEvictionController
from k8slite.objects.meta import micro_timestamp, timestamp
from tests.controllers.whole_api import WholeApi, add, running

Json = dict[str, Any]

LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/"


def node(whole: WholeApi, name: str, *, zone: str = "", ready: str = "True") -> Json:
    now = timestamp(whole.api.world.now())
    conditions = [
        {
            "type": type_,
            "status": status,
            "reason": "r",
            "message": "m",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        for type_, status in (
            ("MemoryPressure", "False"),
            ("DiskPressure", "False"),
            ("PIDPressure", "False"),
            ("Ready", ready),
        )
    ]
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    metadata = {"labels": labels}
    return add(whole, NODES, name, metadata=metadata, status={"conditions": conditions}, spec={})


def renew(whole: WholeApi, name: str) -> None:
    spec = {"holderIdentity": name, "renewTime": micro_timestamp(whole.api.world.now())}
    found = whole.api.get(LEASE + name)
    if found is None:
        add(whole, LEASES, name, "kube-node-lease", spec=spec)
    else:
        whole.api.put(LEASE + name, {**found, "spec": spec})


async def keep(whole: WholeApi, names: list[str], alive: Callable[[str], bool]) -> None:
    while True:
        for name in names:
            if alive(name):
                renew(whole, name)
        await trio.sleep(10)


def get(whole: WholeApi, name: str) -> Json:
    found = whole.api.get(f"/api/v1/nodes/{name}")
    assert found is not None
    return found


def status(whole: WholeApi, name: str) -> dict[str, tuple[str, str]]:
    conditions = get(whole, name)["status"]["conditions"]
    return {one["type"]: (one["status"], one["reason"]) for one in conditions}


def taints(whole: WholeApi, name: str) -> set[tuple[str, str]]:
    found = get(whole, name)["spec"].get("taints") or ()
    return {(one["key"].removeprefix("node.kubernetes.io/"), one["effect"]) for one in found}


def pod(whole: WholeApi, name: str, node_name: str, *tolerations: Json) -> Json:
    conditions = [{"type": "Ready", "status": "True"}]
    return add(
        whole,
        PODS,
        name,
        "ns",
        spec={"nodeName": node_name, "tolerations": list(tolerations)},
        status={"phase": "Running", "conditions": conditions},
    )


def beat(obj: Json) -> None:
    """What a kubelet posts that is back."""
    for condition in obj["status"]["conditions"]:
        condition["status"] = "True" if condition["type"] == "Ready" else "False"
        condition["lastHeartbeatTime"] = "2026-01-01T01:00:00Z"


async def test_a_silent_node_is_given_up_and_taken_back(autojump_clock: Any) -> None:
    whole = WholeApi()
    names = [f"n{number}" for number in range(4)]
    for name in names:
        node(whole, name)
    pod(whole, "pod", "n0")
    silent: list[str] = []
    async with running(whole, NodeLifecycleController), trio.open_nursery() as nursery:
        nursery.start_soon(keep, whole, names, lambda name: name not in silent)
        await trio.sleep(205)
        assert all(taints(whole, name) == set() for name in names)
        assert status(whole, "n0")["Ready"] == ("True", "r")
        silent.append("n0")
        await trio.sleep(40)
        assert status(whole, "n0")["Ready"] == ("True", "r")
        await trio.sleep(30)
        unknown = ("Unknown", "NodeStatusUnknown")
        assert set(status(whole, "n0").values()) == {unknown}
        assert taints(whole, "n0") == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}
        assert taints(whole, "n1") == set()
        found = whole.api.get("/api/v1/namespaces/ns/pods/pod")
        assert found is not None
        assert found["status"]["conditions"][0]["status"] == "False"
        events = whole.events()
        assert (
            "n0",
            "Normal",
            "RegisteredNode",
            "Node n0 event: Registered Node n0 in Controller",
        ) in events
        assert ("n0", "Normal", "NodeNotReady", "Node n0 status is now: NodeNotReady") in events
        assert ("pod", "Warning", "NodeNotReady", "Node is not ready") in events
        silent.clear()
        whole.api.change("/api/v1/nodes/n0", beat)
        await trio.sleep(15)
        assert taints(whole, "n0") == set()
        nursery.cancel_scope.cancel()


async def test_a_watch_that_lags_does_not_cost_a_node(autojump_clock: Any) -> None:
    whole = WholeApi()
    for name in ("a", "b"):
        node(whole, name)
    async with running(whole, NodeLifecycleController), trio.open_nursery() as nursery:
        nursery.start_soon(keep, whole, ["a", "b"], lambda name: True)
        await trio.sleep(11)
        whole.api.held = True
        await trio.sleep(300)
        assert status(whole, "a")["Ready"] == ("True", "r")
        nursery.cancel_scope.cancel()


async def test_nodes_are_tainted_one_by_one(autojump_clock: Any) -> None:
    whole = WholeApi()
    names = [f"n{number}" for number in range(10)]
    for number, name in enumerate(names):
        node(whole, name, ready="False" if number < 3 else "True")
    async with running(whole, NodeLifecycleController), trio.open_nursery() as nursery:
        nursery.start_soon(keep, whole, names, lambda name: True)

        def executing() -> int:
            return sum(("not-ready", "NoExecute") in taints(whole, name) for name in names)

        await trio.sleep(1)
        assert [name for name in names if ("not-ready", "NoSchedule") in taints(whole, name)] == [
            "n0",
            "n1",
            "n2",
        ]
        assert executing() == 1
        await trio.sleep(10)
        assert executing() == 2
        await trio.sleep(10)
        assert executing() == 3
        nursery.cancel_scope.cancel()


async def test_when_all_is_dark_nobody_is_driven_off(autojump_clock: Any) -> None:
    whole = WholeApi()
    names = ["a", "b"]
    for name in names:
        node(whole, name, zone=name)
    alive = True
    async with running(whole, NodeLifecycleController), trio.open_nursery() as nursery:
        nursery.start_soon(keep, whole, names, lambda name: alive)
        await trio.sleep(101)
        alive = False
        await trio.sleep(200)
        for name in names:
            assert taints(whole, name) == {("unreachable", "NoSchedule")}
        alive = True
        whole.api.change("/api/v1/nodes/a", beat)
        await trio.sleep(60)
        assert taints(whole, "a") == set()
        assert taints(whole, "b") == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}
        nursery.cancel_scope.cancel()


async def test_conditions_and_cordons_become_taints(autojump_clock: Any) -> None:
    whole = WholeApi()
    made = node(whole, "n")
    made["status"]["conditions"][0]["status"] = "True"
    made["spec"] = {"unschedulable": True, "taints": [{"key": "mine", "effect": "NoExecute"}]}
    made["metadata"]["labels"] = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    whole.api.put("/api/v1/nodes/n", made)
    async with running(whole, NodeLifecycleController):
        await trio.sleep(1)
        assert taints(whole, "n") == {
            ("mine", "NoExecute"),
            ("memory-pressure", "NoSchedule"),
            ("unschedulable", "NoSchedule"),
        }
        assert get(whole, "n")["metadata"]["labels"]["beta.kubernetes.io/os"] == "linux"


async def test_a_node_that_never_posted_is_unknown_after_the_startup_grace(
    autojump_clock: Any,
) -> None:
    whole = WholeApi()
    add(whole, NODES, "n", spec={}, status={})
    async with running(whole, NodeLifecycleController):
        await trio.sleep(55)
        assert "conditions" not in get(whole, "n")["status"]
        await trio.sleep(15)
        assert status(whole, "n")["Ready"] == ("Unknown", "NodeStatusNeverUpdated")
        whole.api.put("/api/v1/nodes/n", None)
        await trio.sleep(10)
        message = "Node n event: Removing Node n from Controller"
        assert ("n", "Normal", "RemovingNode", message) in whole.events()


def tolerate(seconds: int | None = None, **rest: Any) -> Json:
    toleration = {"key": "bad", "operator": "Exists", "effect": "NoExecute", **rest}
    return toleration if seconds is None else {**toleration, "tolerationSeconds": seconds}


async def test_pods_leave_as_their_tolerations_end(autojump_clock: Any) -> None:
    whole = WholeApi()
    node(whole, "n")
    pod(whole, "at-once", "n")
    pod(whole, "soon", "n", tolerate(30))
    pod(whole, "saved", "n", tolerate(100))
    pod(whole, "never", "n", tolerate())
    pod(whole, "elsewhere", "m")

    def ending() -> list[str]:
        return [
            one["metadata"]["name"]
            for one in whole.api.list("/api/v1/pods")
            if "deletionTimestamp" in one["metadata"]
        ]

    async with running(whole, TaintEvictionController):
        await trio.sleep(1)
        assert ending() == []
        taint = {"key": "bad", "effect": "NoExecute"}
        whole.api.change("/api/v1/nodes/n", lambda obj: obj["spec"].update(taints=[taint]))
        await trio.sleep(1)
        assert ending() == ["at-once"]
        found = whole.api.get("/api/v1/namespaces/ns/pods/at-once")
        assert found is not None
        target = found["status"]["conditions"][-1]
        assert (target["type"], target["reason"]) == ("DisruptionTarget", "DeletionByTaintManager")
        await trio.sleep(31)
        assert ending() == ["at-once", "soon"]
        whole.api.change("/api/v1/nodes/n", lambda obj: obj["spec"].pop("taints"))
        await trio.sleep(200)
        assert ending() == ["at-once", "soon"]
        told = [(name, message) for name, _, _, message in whole.events()]
        assert ("soon", "Marking for deletion Pod ns/soon") in told
        assert ("saved", "Cancelling deletion of Pod ns/saved") in told


async def test_left_over_pods_are_removed(autojump_clock: Any) -> None:
    whole = WholeApi()
    node(whole, "n")
    pod(whole, "fine", "n")
    pod(whole, "orphan", "gone")
    ending = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x"]}
    add(whole, PODS, "unscheduled", "ns", metadata=ending, spec={}, status={"phase": "Pending"})
    for number in range(5):
        done = pod(whole, f"done-{number}", "n")
        done["status"]["phase"] = "Succeeded"
        done["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:0{number}Z"
        whole.api.put(f"/api/v1/namespaces/ns/pods/done-{number}", done)

    def collector(context: Context) -> PodGarbageCollector:
        return PodGarbageCollector(context, terminated_most=3)

    async with running(whole, collector):
        await trio.sleep(1)
        names = [one["metadata"]["name"] for one in whole.api.list("/api/v1/pods")]
        assert names == ["done-2", "done-3", "done-4", "fine", "orphan", "unscheduled"]
        unscheduled = whole.api.get("/api/v1/namespaces/ns/pods/unscheduled")
        assert unscheduled is not None
        assert unscheduled["status"]["phase"] == "Failed"
        await trio.sleep(60)
        names = [one["metadata"]["name"] for one in whole.api.list("/api/v1/pods")]
        assert names == ["done-2", "done-3", "done-4", "fine", "unscheduled"]


async def test_nodes_get_ranges_of_their_own(autojump_clock: Any) -> None:
    whole = WholeApi()
    has = node(whole, "has")
    has["spec"] = {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]}
    whole.api.put("/api/v1/nodes/has", has)
    for number in range(4):
        node(whole, f"n{number}")

    def ipam(context: Context) -> NodeIpamController:
        return NodeIpamController(context, ["10.244.0.0/22", "fd00::/56"], [24, 64])

    def ranges() -> dict[str, list[str]]:
        return {
            one["metadata"]["name"]: one["spec"]["podCIDRs"]
            for one in whole.api.list("/api/v1/nodes")
            if one["spec"].get("podCIDRs")
        }

    async with running(whole, ipam):
        await trio.sleep(1)
        assert ranges() == {
            "has": ["10.244.0.0/24"],
            "n0": ["10.244.1.0/24", "fd00::/64"],
            "n1": ["10.244.2.0/24", "fd00:0:0:1::/64"],
            "n2": ["10.244.3.0/24", "fd00:0:0:2::/64"],
        }
        message = "Node n3 status is now: CIDRNotAvailable"
        assert ("n3", "Normal", "CIDRNotAvailable", message) in whole.events()
        whole.api.put("/api/v1/nodes/n1", None)
        await trio.sleep(5)
        assert ranges()["n3"][0] == "10.244.2.0/24"
