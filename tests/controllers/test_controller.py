"""The frame: retries, one worker for each key, and reading one's own writes."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import pytest
import trio

from k8slite.client.resource import CONFIG_MAPS, NODES
from k8slite.controllers.controller import Controller
from k8slite.kinds.models import PartialObject
from k8slite.objects.errors import Conflict
from k8slite.objects.meta import Name
from tests.controllers.toy_cluster import ToyCluster


class Counting(Controller):
    """Makes one config map for each node, and counts those that it sees."""

    name: ClassVar[str] = "counting-controller"
    workers: ClassVar[int] = 3

    def __init__(self, context):
        super().__init__(context)
        self.maps = self.mirrors.of(CONFIG_MAPS, PartialObject)
        self.nodes = self.mirrors.of(NODES, PartialObject)
        self.watch(self.nodes, lambda old, new: [(new or old).metadata.full_name])
        self.watch(self.maps, lambda old, new: [])
        self.calls = []
        self.failures = 0
        self.in_work = set()

    async def reconcile(self, name):
        assert name not in self.in_work
        self.in_work.add(name)
        try:
            self.calls.append((name, trio.current_time()))
            if self.failures:
                self.failures -= 1
                raise Conflict("again")
            seen = [one for one in self.maps.all() if one.metadata.name.startswith(name.name)]
            if not seen:
                await self.client.create(
                    CONFIG_MAPS, {"metadata": {"generateName": f"{name.name}-"}}, "ns"
                )
        finally:
            self.in_work.discard(name)


@pytest.fixture
async def cluster():
    cluster = ToyCluster()
    async with cluster.running([Counting], kubelet=False):
        yield cluster


async def touch(cluster, value):
    await cluster.client.patch(NODES, "n", {"metadata": {"labels": {"touched": str(value)}}})


def maps(cluster):
    return cluster.api.list("/api/v1/configmaps")


async def test_failures_are_retried_with_growing_pauses(autojump_clock, cluster):
    (controller,) = cluster.controllers
    controller.failures = 4
    await cluster.client.create(NODES, {"metadata": {"name": "n"}})
    await trio.sleep(10)
    times = [moment for _, moment in controller.calls]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses == pytest.approx([0.005, 0.01, 0.02, 0.04])
    assert len(maps(cluster)) == 1
    assert controller.queue.failures(Name("", "n")) == 0


async def hold_maps(cluster):
    """From now on watches bring nothing but what is written about nodes."""
    api = cluster.api
    watch = next(one for one in api.watches if one.path.endswith("configmaps"))
    api.watches.remove(watch)
    watch.path = "/nothing"
    return watch


async def test_own_writes_are_waited_for(autojump_clock, cluster):
    await hold_maps(cluster)
    await cluster.client.create(NODES, {"metadata": {"name": "n"}})
    for number in range(20):
        await trio.sleep(5)
        await touch(cluster, number)
    assert len(maps(cluster)) == 1


async def test_lost_replies_are_looked_for(autojump_clock, cluster):
    lost = 1

    async def lose(request, response):
        nonlocal lost
        if request.method == "POST" and "configmaps" in request.path and lost:
            lost -= 1
            raise OSError("connection reset")

    cluster.api.after = lose
    await hold_maps(cluster)
    await cluster.client.create(NODES, {"metadata": {"name": "n"}})
    await trio.sleep(60)
    await touch(cluster, 1)
    await trio.sleep(60)
    assert lost == 0
    assert len(maps(cluster)) == 1


async def test_a_broken_key_does_not_hold_up_others(autojump_clock, cluster):
    (controller,) = cluster.controllers
    whole = controller.reconcile

    async def reconcile(name):
        if name.name == "bad":
            raise ValueError("bad")
        await whole(name)

    controller.reconcile = reconcile
    for name in ("bad", "n", "m"):
        await cluster.client.create(NODES, {"metadata": {"name": name}})
    await trio.sleep(5)
    assert len(maps(cluster)) == 2
