"""Nodes with nothing new to say are told of together, each as if it spoke for itself."""

from __future__ import annotations

from collections import Counter
from typing import Any

import trio
from attrs import define, field

from k8slite.client.resource import LEASES as RESOURCE
from k8slite.cluster import KUBELET, Cluster, Settings, Undisturbed
from k8slite.kubelet.pulse import GROUP_NODES, GROUPS
from k8slite.messages import Handler, Request, Response
from k8slite.objects.codec import loads
from k8slite.objects.heartbeats import PATH
from k8slite.objects.meta import parse_timestamp
from k8slite.sim.world import SimulatedWorld, at
from k8slite.store.memory import MemoryStore

LEASES = "coordination.k8s.io.leases/kube-node-lease/"


@define(slots=False)
class Listening(Undisturbed):
    """Notes what the kubelets ask."""

    asked: list[tuple[float, Request]] = field(factory=list)
    lost: list[str] = field(factory=list)  # messages to be carried out without an answer

    def way(self, process: str, handler: Handler) -> Handler:
        async def carry(request: Request) -> Response:
            if process == KUBELET and request.method != "GET":
                self.asked.append((trio.current_time(), request))
            response = await handler(request)
            if request.path == PATH and self.lost:
                raise ConnectionResetError(self.lost.pop())
            return response

        return carry


class Scene:
    """A cluster with nodes, for a block of virtual time."""

    def __init__(self, nodes: int) -> None:
        self.world = SimulatedWorld(0)
        self.store = MemoryStore()
        self.around = Listening(self.world)
        settings = Settings(nodes=nodes, scheduler=False)
        self.cluster = Cluster(self.store, self.world, settings, surroundings=self.around)

    def renewed(self) -> dict[str, Any]:
        """By name, when each Lease was renewed."""
        return {
            stored.key.removeprefix(LEASES): parse_timestamp(
                loads(stored.value)["spec"]["renewTime"]
            )
            for stored in self.store.list(LEASES).items
        }

    def messages(self) -> list[float]:
        return [seconds for seconds, request in self.around.asked if request.path == PATH]

    def others(self) -> Counter[str]:
        return Counter(
            f"{request.method} {request.path.split('/')[-2]}"
            for _, request in self.around.asked
            if request.path != PATH
        )


async def test_one_message_every_ten_seconds_renews_all(autojump_clock: Any) -> None:
    scene = Scene(3)
    async with trio.open_nursery() as nursery:
        await nursery.start(scene.cluster.run)
        await trio.sleep_until(15)
        scene.around.asked.clear()
        watch = scene.store.watch(LEASES, after=scene.store.revision)
        await trio.sleep_until(1005)
        assert scene.messages() == [20.0 + 10 * number for number in range(99)]
        assert set(scene.renewed().values()) == {at(1000)}
        assert len(watch.receive_nowait()) == 3 * 99
        # Of each node one status was told alone, since others had written to the Node before.
        assert scene.others() == {"PATCH node-0": 1, "PATCH node-1": 1, "PATCH node-2": 1}
        told = {
            condition["lastHeartbeatTime"]
            for stored in scene.store.list("nodes/").items
            for condition in loads(stored.value)["status"]["conditions"]
        }
        assert min(parse_timestamp(one) for one in told) > at(1000 - 380)
        nursery.cancel_scope.cancel()


async def test_a_silent_node_is_left_out(autojump_clock: Any) -> None:
    scene = Scene(3)
    async with trio.open_nursery() as nursery:
        await nursery.start(scene.cluster.run)
        await trio.sleep_until(25)
        fleet = scene.cluster.fleet
        assert fleet is not None
        fleet.pause("node-1")
        await trio.sleep_until(45)
        assert scene.renewed() == {"node-0": at(40), "node-1": at(20), "node-2": at(40)}
        fleet.resume("node-1")
        await trio.sleep_until(46)
        assert scene.renewed()["node-1"] == at(45)
        await trio.sleep_until(55)
        assert set(scene.renewed().values()) == {at(50)}
        nursery.cancel_scope.cancel()


async def test_a_lost_answer_and_a_stolen_lease_are_found_out(autojump_clock: Any) -> None:
    scene = Scene(2)
    async with trio.open_nursery() as nursery:
        await nursery.start(scene.cluster.run)
        await trio.sleep_until(15)
        scene.around.lost.append("the answer is lost")
        labels = {"metadata": {"labels": {"a": "b"}}}
        user = scene.cluster.client("user")
        await user.patch(RESOURCE, "node-1", labels, "kube-node-lease")
        await trio.sleep_until(25)
        assert all(moment >= at(20) for moment in scene.renewed().values())
        scene.around.asked.clear()
        await trio.sleep_until(35)
        assert set(scene.renewed().values()) == {at(30)} and not scene.others()
        nursery.cancel_scope.cancel()


async def test_many_nodes_speak_in_groups(autojump_clock: Any) -> None:
    nodes = 2 * GROUP_NODES + 1
    scene = Scene(nodes)
    async with trio.open_nursery() as nursery:
        await nursery.start(scene.cluster.run)
        await trio.sleep_until(15)
        scene.around.asked.clear()
        await trio.sleep_until(25)
        step = 10 / GROUPS
        assert scene.messages() == [20.0, 20.0 + step, 20.0 + 2 * step]
        assert Counter(scene.renewed().values()) == {
            at(20.0): GROUP_NODES,
            at(20.0 + step): GROUP_NODES,
            at(20.0 + 2 * step): 1,
        }
        nursery.cancel_scope.cancel()
