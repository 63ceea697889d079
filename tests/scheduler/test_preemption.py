"""Pods that fit nowhere make less important ones go, and as few as will do."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from k8slite.client.resource import POD_DISRUPTION_BUDGETS
from k8slite.messages import Request, Response
from tests.scheduler.schedulable import Cluster

Json = dict[str, Any]


def add_budget(cluster: Cluster, app: str, allowed: int, disrupted: Json | None = None) -> None:
    obj = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": app, "namespace": "default", "uid": f"budget-{app}"},
        "spec": {"selector": {"matchLabels": {"app": app}}},
        "status": {"disruptionsAllowed": allowed, "disruptedPods": disrupted or {}},
    }
    cluster.api.put(POD_DISRUPTION_BUDGETS.path("default", app), obj)


def bound(cluster: Cluster, name: str, node: str, cpu: str = "1", **more: Any) -> None:
    cluster.add_pod(name, cpu=cpu, nodeName=node, **more)


def condition(pod: Json, type_: str) -> Json:
    found = [one for one in pod["status"].get("conditions", ()) if one["type"] == type_]
    return found[0] if found else {}


async def test_a_less_important_pod_makes_room(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    finalizer = {"finalizers": ["example.com/hold"]}
    bound(cluster, "low", "node-1", priority=1, metadata=finalizer)
    async with cluster.scheduling():
        high = cluster.add_pod("high", cpu="1", priority=10, schedulerName="default-scheduler")
        await trio.sleep(40)
        assert cluster.node_of("high") == ""
        low = cluster.pod("low")
        assert low["metadata"]["deletionTimestamp"]
        told = condition(low, "DisruptionTarget")
        assert (told["status"], told["reason"]) == ("True", "PreemptionByScheduler")
        assert told["message"] == (
            "default-scheduler: preempting to accommodate a higher priority pod"
        )
        assert cluster.pod("high")["status"]["nominatedNodeName"] == "node-1"
        uid = high["metadata"]["uid"]
        assert cluster.events("low") == [
            ("Normal", "Preempted", f"Preempted by pod {uid} on node node-1")
        ]
        assert cluster.condition("high")["message"] == (
            "0/1 nodes are available: 1 Insufficient cpu."
        )
        cluster.remove_pod("low")
        await trio.sleep(20)
        assert cluster.node_of("high") == "node-1"


async def test_while_victims_leave_no_others_must_go(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    cluster.add_node("node-2", cpu="1")
    for i in (1, 2):
        bound(cluster, f"low-{i}", f"node-{i}", metadata={"finalizers": ["example.com/hold"]})
    async with cluster.scheduling():
        cluster.add_pod("high", cpu="1", priority=10)
        await trio.sleep(1000)  # tried again after five minutes at the latest
        leaving = [
            name
            for name in ("low-1", "low-2")
            if cluster.pod(name)["metadata"].get("deletionTimestamp")
        ]
        assert len(leaving) == 1
    message = cluster.condition("high")["message"]
    assert message.endswith(
        "preemption: not eligible due to a terminating pod on the nominated node."
    )


@pytest.mark.parametrize("never", [{"preemptionPolicy": "Never"}, {"priority": 0}])
async def test_who_may_not_preempt_waits(never: Json, autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    bound(cluster, "low", "node-1")
    async with cluster.scheduling():
        cluster.add_pod("high", **{"cpu": "1", "priority": 10, **never})
        await trio.sleep(20)
    assert "deletionTimestamp" not in cluster.pod("low")["metadata"]
    assert cluster.pod("high")["status"].get("nominatedNodeName") is None


async def test_room_is_kept_from_the_less_important(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="2")
    bound(cluster, "low", "node-1", cpu="2", metadata={"finalizers": ["example.com/hold"]})
    async with cluster.scheduling():
        cluster.add_pod("high", cpu="2", priority=10)
        await trio.sleep(5)
        cluster.api.held = True  # what happens now is seen at once
        cluster.remove_pod("low")
        cluster.add_pod("middle", cpu="1", priority=5)
        cluster.api.held = False
        cluster.api.wake()
        await trio.sleep(40)
        assert cluster.nodes_of("high", "middle") == ["node-1", ""]


async def test_the_more_important_takes_what_was_promised(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="2")
    bound(cluster, "low", "node-1", cpu="2", metadata={"finalizers": ["example.com/hold"]})
    async with cluster.scheduling():
        cluster.add_pod("high", cpu="2", priority=10)
        await trio.sleep(5)
        cluster.add_pod("higher", cpu="1", priority=20)
        await trio.sleep(5)
        assert cluster.pod("high")["status"].get("nominatedNodeName") is None
        assert cluster.pod("higher")["status"].get("nominatedNodeName") == "node-1"
        cluster.remove_pod("low")
        await trio.sleep(40)
        assert cluster.nodes_of("higher", "high") == ["node-1", ""]


async def gone(cluster: Cluster, *, cpu: str = "1", priority: int = 10) -> list[str]:
    """Which pods were made to go for a pod that comes."""
    names = [pod["metadata"]["name"] for pod in cluster.api.list("/api/v1/pods")]
    async with cluster.scheduling():
        cluster.add_pod("high", cpu=cpu, priority=priority)
        await trio.sleep(20)
    assert cluster.node_of("high") or cluster.pod("high")["status"].get("nominatedNodeName")
    found = []
    for name in names:
        pod = cluster.api.get(f"/api/v1/namespaces/default/pods/{name}")
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            found.append(name)
    return found


async def test_as_few_as_will_do_and_the_least_important(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="3")
    bound(cluster, "a", "node-1", priority=3)
    bound(cluster, "b", "node-1", priority=1)
    bound(cluster, "c", "node-1", priority=2)
    assert await gone(cluster) == ["b"]


async def test_the_node_whose_most_important_victim_is_least_so(
    autojump_clock: MockClock,
) -> None:
    cluster = Cluster()
    for i, priorities in enumerate([(5,), (4, 4), (6,)]):
        cluster.add_node(f"node-{i}", cpu=str(len(priorities)))
        for j, priority in enumerate(priorities):
            bound(cluster, f"p{i}-{j}", f"node-{i}", priority=priority)
    assert len(await gone(cluster)) == 1
    cluster = Cluster()
    cluster.add_node("node-0", cpu="2")
    cluster.add_node("node-1", cpu="2")
    bound(cluster, "one", "node-0", cpu="2", priority=5)
    bound(cluster, "two-a", "node-1", priority=4)
    bound(cluster, "two-b", "node-1", priority=4)
    assert await gone(cluster, cpu="2") == ["two-a", "two-b"]


async def test_budgets_are_kept_where_that_is_possible(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-0", cpu="1")
    cluster.add_node("node-1", cpu="1")
    bound(cluster, "guarded", "node-0", priority=1, metadata={"labels": {"app": "guarded"}})
    bound(cluster, "free", "node-1", priority=5, metadata={"labels": {"app": "free"}})
    add_budget(cluster, "guarded", 0)
    add_budget(cluster, "free", 1)
    assert await gone(cluster) == ["free"]


async def test_budgets_give_way_where_nothing_else_helps(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-0", cpu="2")
    for name in ("a", "b"):
        bound(cluster, name, "node-0", metadata={"labels": {"app": name}})
    add_budget(cluster, "a", 0)
    assert await gone(cluster) == ["b"]
    cluster = Cluster()
    cluster.add_node("node-0", cpu="2")
    for name in ("a", "b"):
        bound(cluster, name, "node-0", metadata={"labels": {"app": name}})
    add_budget(cluster, "a", 0)
    assert await gone(cluster, cpu="2") == ["a", "b"]


async def test_who_keeps_others_away_is_made_to_go(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-0", labels={"zone": "a"})
    terms = [{"labelSelector": {}, "topologyKey": "zone"}]
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    bound(cluster, "loner", "node-0", affinity=affinity)
    bound(cluster, "neighbour", "node-0")
    assert await gone(cluster) == ["loner"]


async def test_where_it_does_not_help_nobody_goes(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-0", cpu="4")
    cluster.add_node("node-1", cpu="1")
    bound(cluster, "important", "node-0", cpu="3", priority=10)
    bound(cluster, "low", "node-0", cpu="1")
    async with cluster.scheduling():
        cluster.add_pod("high", cpu="2", priority=5)
        await trio.sleep(20)
    assert "deletionTimestamp" not in cluster.pod("low")["metadata"]
    assert cluster.condition("high")["message"] == (
        "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: "
        "0/2 nodes are available: 1 Insufficient cpu, 1 Preemption is not helpful for scheduling."
    )


async def test_a_victim_that_cannot_be_deleted_at_once(autojump_clock: MockClock) -> None:
    """The request is made again; who waits is not told to preempt another one meanwhile."""
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    bound(cluster, "low", "node-1")
    bind, refused = cluster.api.before, 3
    assert bind is not None

    async def before(request: Request) -> Response | None:
        nonlocal refused
        if request.method == "DELETE" and refused:
            refused -= 1
            raise trio.BrokenResourceError
        return await bind(request)

    cluster.api.before = before
    async with cluster.scheduling():
        cluster.add_pod("high", cpu="1", priority=10)
        await trio.sleep(60)
    assert refused == 0
    assert cluster.pod("low")["metadata"]["deletionTimestamp"]
    assert [event[1] for event in cluster.events("low")] == ["Preempted"]


async def test_a_nomination_survives_a_restart(autojump_clock: MockClock) -> None:
    cluster = Cluster()
    cluster.add_node("node-1", cpu="1")
    bound(cluster, "low", "node-1", metadata={"finalizers": ["example.com/hold"]})
    cluster.add_pod("high", cpu="1", priority=10)
    async with cluster.scheduling():
        await trio.sleep(5)
    cluster.add_pod("middle", cpu="1", priority=5)
    async with cluster.scheduling():
        await trio.sleep(5)
        cluster.remove_pod("low")
        await trio.sleep(30)
    assert cluster.nodes_of("high", "middle") == ["node-1", ""]
