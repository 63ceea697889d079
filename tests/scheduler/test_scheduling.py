"""Pods get nodes, wait for them, and are told why."""

from __future__ import annotations

import trio
from trio.testing import MockClock

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
