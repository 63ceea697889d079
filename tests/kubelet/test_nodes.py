"""Nodes: registration, heartbeats, addresses, and that many of them are cheap."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from k8slite.client.resource import NODES, PODS
from k8slite.kubelet.addresses import Exhausted, PodAddresses
from k8slite.kubelet.kubelet import NodeFleet
from k8slite.kubelet.node import NodeShape
from tests.kubelet.fleet import FleetScene, settle

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def lease(scene, name="node-0"):
    return scene.api.get(f"{LEASES}/{name}")


async def test_a_node_registers_as_kubelets_do(autojump_clock, scene):
    node = scene.node()
    assert node["metadata"]["labels"] == {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": "node-0",
        "kubernetes.io/os": "linux",
    }
    status = node["status"]
    told = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    assert told == {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID"),
        "Ready": ("True", "KubeletReady"),
    }
    assert status["capacity"]["pods"] == "110" and status["allocatable"] == status["capacity"]
    assert status["nodeInfo"]["kubeletVersion"] == "v1.36.2"
    assert status["nodeInfo"]["containerRuntimeVersion"] == "fake://1.0.0"
    assert [one["type"] for one in status["addresses"]] == ["InternalIP", "Hostname"]
    owner = lease(scene)["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["uid"]) == ("Node", node["metadata"]["uid"])
    assert lease(scene)["spec"]["leaseDurationSeconds"] == 40


async def test_what_somebody_advertises_in_the_capacity_can_be_allocated(autojump_clock, scene):
    dongle = "example.com/dongle"

    async def advertise(amount):
        patch = {"status": {"capacity": {dongle: amount}}}
        await scene.client.patch(NODES, "node-0", patch, subresource="status")
        await settle()

    await advertise("4")
    assert scene.node()["status"]["allocatable"][dongle] == "4"
    await advertise("3")
    assert scene.node()["status"]["allocatable"][dongle] == "3"
    await trio.sleep(1000)
    assert scene.node()["status"]["capacity"][dongle] == "3"
    await advertise(None)
    status = scene.node()["status"]
    assert dongle not in status["allocatable"] and status["allocatable"] == status["capacity"]


async def test_the_lease_is_renewed_every_ten_seconds(autojump_clock, scene):
    times = []
    scene.api.on_commit.append(
        lambda c: times.append(trio.current_time()) if c.key[0].endswith("/leases") else None
    )
    await trio.sleep(100)
    gaps = [later - before for before, later in pairwise(times)]
    assert len(times) == 9 and all(10 <= gap <= 10.4 for gap in gaps)


async def test_the_status_is_told_every_five_minutes(autojump_clock, scene):
    times = []
    scene.api.on_commit.append(
        lambda c: times.append(trio.current_time()) if c.key[0].endswith("/nodes") else None
    )
    await trio.sleep(3000)
    assert 8 <= len(times) <= 13
    moved = [one["lastTransitionTime"] for one in scene.node()["status"]["conditions"]]
    assert len(set(moved)) == 1 and moved[0] == "2026-01-01T00:00:00Z"


async def test_heartbeats_stop_and_start(autojump_clock, scene):
    scene.fleet.stop_heartbeats("node-0")
    await settle()
    silent = lease(scene)["spec"]["renewTime"]
    await trio.sleep(60)
    assert lease(scene)["spec"]["renewTime"] == silent
    await scene.create("web")
    assert scene.phase("web") == "Running"  # only the heartbeats have stopped

    def mark_unknown(node):
        for one in node["status"]["conditions"]:
            one["status"] = "Unknown"

    scene.api.change("/api/v1/nodes/node-0", mark_unknown)
    scene.fleet.start_heartbeats("node-0")
    await settle()
    assert lease(scene)["spec"]["renewTime"] > silent
    assert {one["status"] for one in scene.node()["status"]["conditions"]} == {"True", "False"}


async def test_a_paused_node_says_nothing_and_catches_up(autojump_clock, scene):
    await scene.create("old", {"k8slite.dev/exit-after": "20s"}, restartPolicy="Never")
    scene.fleet.pause("node-0")
    await scene.create("new")
    await trio.sleep(60)
    assert (scene.phase("old"), scene.phase("new")) == ("Running", "Pending")
    scene.fleet.resume("node-0")
    await settle()
    assert (scene.phase("old"), scene.phase("new")) == ("Succeeded", "Running")


async def test_a_node_that_fails_to_renew_tries_again(autojump_clock, scene):
    silent = lease(scene)["spec"]["renewTime"]

    async def refuse(request):
        if request.path.startswith(LEASES):
            raise OSError("no route")

    scene.api.before = refuse
    await trio.sleep(30)
    assert lease(scene)["spec"]["renewTime"] == silent
    scene.api.before = None
    await trio.sleep(8)
    assert lease(scene)["spec"]["renewTime"] > silent


async def test_nodes_come_and_go(autojump_clock, scene):
    scene.fleet.add_node(NodeShape("big", cpu="64", labels={"size": "big"}))
    await scene.create("early", node="big")
    scene.give_cidrs()
    await settle()
    assert scene.node("big")["status"]["capacity"]["cpu"] == "64"
    assert scene.node("big")["metadata"]["labels"]["size"] == "big"
    assert scene.phase("early") == "Running"
    first, second = (scene.node(n)["status"]["addresses"][0] for n in ("node-0", "big"))
    assert first != second
    with pytest.raises(ValueError):
        scene.fleet.add_node(NodeShape("big"))
    scene.fleet.remove_node("big")
    await settle()
    assert scene.node("big") is None


async def test_many_nodes_cost_no_tasks(autojump_clock, api, nursery):
    count, each = 500, 3
    fleet = NodeFleet(api.client("kubelet"), api.world, count)
    scene = FleetScene(api, fleet)
    await nursery.start(fleet.run)
    tasks = trio.lowlevel.current_statistics().tasks_living
    scene.give_cidrs()
    for number in range(count):
        for index in range(each):
            await scene.client.create(
                PODS, _pod(f"pod-{number}-{index}", f"node-{number}"), "default"
            )
    await trio.sleep(25)
    pods = api.list("/api/v1/pods")
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    assert len({pod["status"]["podIP"] for pod in pods}) == count * each
    assert trio.lowlevel.current_statistics().tasks_living == tasks
    renewals = [c for c in api.commits if c.key[0].endswith("/leases") and c.old]
    assert len(renewals) >= 2 * count


@settings(max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("take"), st.integers(0, 20)),
            st.tuples(st.just("release"), st.integers(0, 20)),
            st.tuples(st.just("reserve"), st.integers(0, 20), st.integers(0, 17)),
        ),
        max_size=80,
    )
)
def test_no_two_pods_ever_have_one_address(actions):
    addresses = PodAddresses(["10.1.2.0/28"])
    held = {}
    for action, number, *more in actions:
        uid = f"pod-{number}"
        if action == "take":
            try:
                held[uid] = addresses.take(uid)
            except Exhausted:
                assert len(held) == 13 and uid not in held
        elif action == "release":
            addresses.release(uid)
            held.pop(uid, None)
        else:
            wanted = (f"10.1.2.{more[0]}",)
            if addresses.reserve(uid, wanted):
                held[uid] = wanted
        assert len(set(held.values())) == len(held)
    assert not {"10.1.2.0", "10.1.2.1", "10.1.2.15"} & {one[0] for one in held.values()}


def test_a_freed_address_rests():
    addresses = PodAddresses(["10.1.2.0/24", "fd00::/120"])
    assert addresses.take("a") == ("10.1.2.2", "fd00::2")
    addresses.release("a")
    assert addresses.take("b") == ("10.1.2.3", "fd00::3")


async def test_pods_wait_for_a_free_address(autojump_clock, api, nursery):
    scene = FleetScene(api, NodeFleet(api.client(), api.world, 1))
    await scene.start(nursery, cidrs=False)
    scene.api.change("/api/v1/nodes/node-0", lambda n: n["spec"].update(podCIDR="10.9.0.0/30"))
    await scene.create("first")
    await scene.create("second")
    assert (scene.phase("first"), scene.phase("second")) == ("Running", "Pending")
    assert any(event.startswith("FailedCreatePodSandBox") for event in scene.events("second"))
    await scene.delete("first")
    await trio.sleep(1)
    assert scene.status("second")["podIP"] == "10.9.0.2"


def _pod(name, node):
    return {
        "metadata": {"name": name},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]},
    }
