"""Controllers and scheduler work only while they hold their leases, when that is asked for."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock

from k8slite.client.client import Client
from k8slite.client.resource import LEASES, PODS, REPLICA_SETS
from k8slite.cluster import Cluster, Settings
from k8slite.sim.world import SimulatedWorld
from k8slite.store.memory import MemoryStore

Json = dict[str, Any]


def replica_set() -> Json:
    labels = {"app": "web"}
    container = {"name": "c", "image": "example.com/app:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


async def held(client: Client, name: str) -> str:
    found = await client.get(LEASES, name, "kube-system")
    holder: str = found["spec"]["holderIdentity"]
    return holder


async def nodes_of_pods(client: Client) -> list[str]:
    found = await client.list(PODS, "default")
    return [one["spec"].get("nodeName", "") for one in found["items"]]


async def test_who_holds_the_lease_works(autojump_clock: MockClock) -> None:
    settings = Settings(nodes=1, leader_elect=True)
    cluster = Cluster(MemoryStore(), SimulatedWorld(0), settings)
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run)
        client = cluster.client("user")
        await trio.sleep(5)
        for name in ("kube-scheduler", "kube-controller-manager"):
            assert (await held(client, name)).startswith(f"{name}_")
        await client.create(REPLICA_SETS, replica_set(), "default")
        await trio.sleep(5)
        assert await nodes_of_pods(client) == ["node-0"]
        nursery.cancel_scope.cancel()


async def test_who_does_not_hold_it_waits(autojump_clock: MockClock) -> None:
    settings = Settings(nodes=1, leader_elect=True)
    cluster = Cluster(MemoryStore(), SimulatedWorld(0), settings)
    async with trio.open_nursery() as nursery:
        await cluster.bootstrap()
        client = cluster.client("user")
        spec = {
            "holderIdentity": "another",
            "leaseDurationSeconds": 60,
            "renewTime": "2026-01-01T00:00:00.000000Z",
        }
        lease = {"metadata": {"name": "kube-scheduler"}, "spec": spec}
        await client.create(LEASES, lease, "kube-system")
        await nursery.start(cluster.run)
        await client.create(REPLICA_SETS, replica_set(), "default")
        await trio.sleep(30)
        assert await nodes_of_pods(client) == [""]
        # Nobody renews it: it runs out.
        await trio.sleep(60)
        assert (await held(client, "kube-scheduler")).startswith("kube-scheduler_")
        assert await nodes_of_pods(client) == ["node-0"]
        nursery.cancel_scope.cancel()
