"""Pods get nodes, wait for them, and are told why."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from k8slite.client.resource import NODES
from k8slite.messages import Request, Response
from tests.scheduler.schedulable import Cluster


async def test_a_pod_that_fits_is_bound(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1")
    cluster.add_pod("web", cpu="500m", memory="1Gi")
    async with cluster.scheduling():
        await trio.sleep(1)
    assert cluster.node_of("web") == "node-1"
    assert cluster.events("web") == [
        ("Normal", "Scheduled", "Successfully assigned default/web to node-1")
    ]
    assert cluster.condition("web")["status"] == "True"


async def test_no_node_at_all(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_pod("web")
    async with cluster.scheduling():
        await trio.sleep(1)
        assert cluster.condition("web")["reason"] == "Unschedulable"
        assert cluster.condition("web")["message"] == "no nodes available to schedule pods"
        cluster.add_node("node-1")
        await trio.sleep(2)
    assert cluster.node_of("web") == "node-1"
    assert [event[1] for event in cluster.events("web")] == ["FailedScheduling", "Scheduled"]


async def test_the_reasons_are_told_in_upstream_words(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    cluster.add_node("node-2", unschedulable=True)
    cluster.add_node("node-3", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    cluster.add_node("node-4", cpu="4")
    cluster.add_pod("other", cpu="3", nodeName="node-4")
    cluster.add_pod("web", cpu="2")
    message = (
        "0/4 nodes are available: 1 node(s) had untolerated taint(s), "
        "1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/4 nodes are available: 1 No preemption victims found for incoming pod, "
        "3 Preemption is not helpful for scheduling."
    )
    async with cluster.scheduling():
        await trio.sleep(1)
    condition = cluster.condition("web")
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    assert condition["message"] == message
    assert cluster.events("web") == [("Warning", "FailedScheduling", message)]


async def test_the_condition_is_written_only_when_it_changes(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    cluster.add_pod("web", cpu="2")
    async with cluster.scheduling():
        await trio.sleep(1000)  # tried again every five minutes
        assert cluster.writes("status") == 1
        cluster.add_node("node-2", cpu="1")
        await trio.sleep(1000)
        assert cluster.writes("status") == 2
    assert cluster.condition("web")["message"].startswith("0/2 nodes are available: 2 Insuff")


async def test_pods_of_other_schedulers_are_left_alone(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1")
    cluster.add_pod("ours", schedulerName="mine")
    cluster.add_pod("theirs")
    async with cluster.scheduling(name="mine"):
        await trio.sleep(1)
    assert cluster.nodes_of("ours", "theirs") == ["node-1", ""]
    assert cluster.condition("theirs") == {}


async def test_higher_priority_goes_first_then_who_came_first(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", pods=2)
    for name, priority in (("a", 0), ("b", 10), ("c", 5), ("d", 5)):
        cluster.add_pod(name, priority=priority)
    async with cluster.scheduling():
        await trio.sleep(1)
    assert cluster.nodes_of("a", "b", "c", "d") == ["", "node-1", "node-1", ""]


async def test_gates_keep_a_pod_out(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1")
    cluster.add_pod("web", schedulingGates=[{"name": "first"}, {"name": "second"}])
    async with cluster.scheduling():
        await trio.sleep(1)
        assert cluster.condition("web")["reason"] == "SchedulingGated"
        cluster.change_pod("web", schedulingGates=[{"name": "second"}])
        await trio.sleep(400)
        assert cluster.node_of("web") == ""
        assert cluster.writes("status") == 1
        cluster.change_pod("web", schedulingGates=[])
        await trio.sleep(1)
    assert cluster.node_of("web") == "node-1"


@pytest.mark.parametrize(
    "improve",
    [
        lambda cluster: cluster.add_node("node-2", cpu="8"),
        lambda cluster: cluster.remove_pod("big"),
        lambda cluster: cluster.end_pod("big"),
        lambda cluster: cluster.end_pod("big", "Failed"),
        lambda cluster: cluster.change_node(
            "node-1", lambda node: node["status"]["allocatable"].update(cpu="8")
        ),
    ],
    ids=["node added", "pod deleted", "pod succeeded", "pod failed", "node grown"],
)
async def test_room_is_used_when_it_comes(improve, autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="4")
    cluster.add_pod("big", cpu="3", nodeName="node-1")
    cluster.add_pod("web", cpu="2")
    async with cluster.scheduling():
        await trio.sleep(20)
        assert cluster.node_of("web") == ""
        improve(cluster)
        await trio.sleep(1)
    assert cluster.node_of("web") != ""


IMPROVEMENTS = {
    "labels": lambda node: node["metadata"].update(labels={"disk": "ssd"}),
    "uncordon": lambda node: node["spec"].update(unschedulable=False),
    "taints": lambda node: node["spec"].update(taints=[]),
}


@pytest.mark.parametrize("last", sorted(IMPROVEMENTS))
async def test_a_node_that_changes_is_looked_at_again(last: str, autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", taints=[{"key": "a", "effect": "NoExecute"}], unschedulable=True)
    cluster.add_pod("web", nodeSelector={"disk": "ssd"})
    async with cluster.scheduling():
        for name, change in IMPROVEMENTS.items():
            if name != last:
                cluster.change_node("node-1", change)
        await trio.sleep(20)
        assert cluster.node_of("web") == ""
        cluster.change_node("node-1", IMPROVEMENTS[last])
        await trio.sleep(1)
    assert cluster.node_of("web") == "node-1"


async def test_a_change_that_cannot_help_wakes_nobody(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    cluster.add_pod("web", cpu="2")
    async with cluster.scheduling():
        await trio.sleep(20)
        for i in range(5):
            cluster.change_node(
                "node-1", lambda node, i=i: node["status"].update(conditions=[{"type": str(i)}])
            )
            cluster.add_pod(f"small-{i}", cpu="100m")
            await trio.sleep(1)
            cluster.remove_pod(f"small-{i}")
            await trio.sleep(1)
        failed = [
            event
            for event in cluster.api.list("/api/v1/events")
            if event["reason"] == "FailedScheduling"
        ]
        assert [event["count"] for event in failed] == [1]


async def test_a_toleration_that_is_added_helps_at_once(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", taints=[{"key": "a", "effect": "NoSchedule"}])
    cluster.add_pod("web")
    async with cluster.scheduling():
        await trio.sleep(20)
        assert cluster.node_of("web") == ""
        cluster.change_pod("web", tolerations=[{"operator": "Exists"}])
        await trio.sleep(1)
    assert cluster.node_of("web") == "node-1"


async def test_a_refused_binding_is_forgotten_and_tried_again(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    cluster.refusals["web"] = 2
    cluster.add_pod("web", cpu="1", priority=1)
    async with cluster.scheduling():
        await trio.sleep(0.5)
        cluster.add_pod("small", cpu="1")
        await trio.sleep(0.5)
        assert cluster.node_of("small") == "node-1"  # the room of a failed binding is free
        cluster.remove_pod("small")
        await trio.sleep(30)
    assert cluster.node_of("web") == "node-1"


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_binding_without_answer(arrives: bool, autojump_clock: MockClock) -> None:
    """The pod is bound once and nothing else gets its room, whether the request came or not."""
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    cluster.add_node("node-2", cpu="1")
    lost = 3

    async def lose(request: Request, *_: Response) -> None:
        nonlocal lost
        if request.path.endswith("/web/binding") and lost:
            lost -= 1
            raise trio.BrokenResourceError

    if arrives:
        cluster.api.after = lose
    else:
        bind = cluster.api.before
        assert bind is not None

        async def before(request: Request) -> Response | None:
            await lose(request)
            return await bind(request)

        cluster.api.before = before
    cluster.add_pod("web", cpu="1", priority=1)
    cluster.add_pod("other", cpu="1")
    async with cluster.scheduling():
        await trio.sleep(30)
    assert sorted(cluster.nodes_of("web", "other")) == ["node-1", "node-2"]
    assert ("Normal", "Scheduled") in [event[:2] for event in cluster.events("web")]


async def test_a_pod_bound_by_another_is_given_up(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    cluster.add_node("node-2", cpu="1", taints=[{"key": "a", "effect": "NoSchedule"}])
    cluster.add_pod("blocker", cpu="1", nodeName="node-1")
    cluster.add_pod("web", cpu="1")
    async with cluster.scheduling():
        await trio.sleep(1)
        cluster.api.held = True  # the scheduler does not see what happens now
        cluster.change_pod("web", nodeName="node-2")
        cluster.remove_pod("blocker")
        cluster.add_pod("next", cpu="1")
        await trio.sleep(1)
        cluster.api.held = False
        cluster.api.wake()
        await trio.sleep(20)
    assert cluster.nodes_of("web", "next") == ["node-2", "node-1"]


async def test_a_pod_that_is_deleted_while_it_waits(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_pod("web")
    async with cluster.scheduling():
        await trio.sleep(20)
        cluster.remove_pod("web")
        cluster.add_node("node-1")
        await trio.sleep(20)
    assert cluster.bindings == []


async def test_a_pod_that_is_being_deleted_is_skipped(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1")
    cluster.add_pod("web", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    async with cluster.scheduling():
        await trio.sleep(1)
    assert cluster.node_of("web") == ""
    assert cluster.events("web") == [
        ("Warning", "FailedScheduling", "skip schedule deleting pod: default/web")
    ]


async def test_a_pod_made_again_under_its_name_frees_its_room(autojump_clock: MockClock) -> None:
    """Deletion and addition that come as one update do not count twice, nor not at all."""
    cluster = Cluster()
    cluster.add_node("node-1", cpu="2")
    cluster.add_pod("web", cpu="2")
    async with cluster.scheduling():
        await trio.sleep(1)
        assert cluster.node_of("web") == "node-1"
        cluster.add_pod("web", cpu="1")  # another UID, in one event
        await trio.sleep(1)
        assert cluster.node_of("web") == "node-1"
        cluster.add_pod("second", cpu="1")
        cluster.add_pod("third", cpu="1")
        await trio.sleep(1)
    assert cluster.nodes_of("second", "third") == ["node-1", ""]


async def test_a_deletion_that_was_missed_is_found_out(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="2")
    cluster.add_pod("web", cpu="2")
    async with cluster.scheduling():
        await trio.sleep(1)
        cluster.api.held = True
        cluster.remove_pod("web")
        cluster.api.held = False
        cluster.api.expire_watches()
        await trio.sleep(5)
        cluster.add_pod("next", cpu="2")
        await trio.sleep(5)
    assert cluster.node_of("next") == "node-1"


async def test_after_a_restart_what_is_bound_counts(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="2")
    cluster.add_pod("web", cpu="1")
    async with cluster.scheduling() as scheduler:
        await trio.sleep(1)
    cluster.add_pod("second", cpu="1")
    cluster.add_pod("third", cpu="1")
    async with trio.open_nursery() as nursery:
        await nursery.start(scheduler.run)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert cluster.nodes_of("web", "second", "third") == ["node-1", "node-1", ""]


async def test_equal_pods_are_spread_by_chance_that_can_be_repeated(
    autojump_clock: MockClock,
) -> None:
    async def chosen() -> list[str]:
        cluster = Cluster()
        for i in range(5):
            cluster.add_node(f"node-{i}")
        names = [f"web-{i}" for i in range(20)]
        for name in names:
            cluster.add_pod(name, cpu="100m", memory="200Mi")
        async with cluster.scheduling():
            await trio.sleep(1)
        return cluster.nodes_of(*names)

    first = await chosen()
    assert sorted({node: first.count(node) for node in first}.values()) == [4] * 5
    assert await chosen() == first


async def test_a_large_cluster_is_searched_in_part_and_in_turn(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    for i in range(250):
        cluster.add_node(f"node-{i:03}", pods=1)
    for i in range(251):
        cluster.add_pod(f"web-{i:03}")
    async with cluster.scheduling():
        await trio.sleep(5)
    nodes = cluster.nodes_of(*(f"web-{i:03}" for i in range(251)))
    assert nodes.count("") == 1
    assert len(set(nodes)) == 251


async def test_a_node_that_is_removed_gets_no_pods(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1")
    cluster.add_node("node-2")
    cluster.add_pod("old", nodeName="node-1")
    async with cluster.scheduling():
        await trio.sleep(1)
        cluster.api.put(NODES.path("", "node-1"), None)
        await trio.sleep(1)
        for i in range(4):
            cluster.add_pod(f"web-{i}")
        await trio.sleep(1)
    assert cluster.nodes_of(*(f"web-{i}" for i in range(4))) == ["node-2"] * 4


async def test_a_slow_condition_never_arrives_after_the_binding(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    bind = cluster.api.before
    assert bind is not None

    async def slow(request: Request) -> Response | None:
        if request.path.endswith("/status"):
            await trio.sleep(5)
        return await bind(request)

    cluster.api.before = slow
    cluster.add_pod("web")
    async with cluster.scheduling():
        await trio.sleep(2)
        cluster.add_node("node-1")
        await trio.sleep(20)
    assert cluster.node_of("web") == "node-1"
    assert cluster.condition("web")["status"] == "True"


async def test_room_that_a_failed_binding_leaves_is_offered(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    cluster.add_pod("web", cpu="1", priority=1)
    cluster.add_pod("small", cpu="1")
    bind = cluster.api.before
    assert bind is not None

    async def slow(request: Request) -> Response | None:
        if request.path.endswith("/web/binding"):
            await trio.sleep(5)
            cluster.remove_pod("web")
        return await bind(request)

    cluster.api.before = slow
    cluster.api.held = True  # the deletion is not seen before the binding has failed
    async with cluster.scheduling():
        await trio.sleep(20)
    assert cluster.node_of("small") == "node-1"
