"""Ranges of Services' addresses that come and go under addresses in use; swept by `make sim`."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import trio

from k8slite.client.resource import SERVICE_CIDRS, SERVICES
from k8slite.objects.errors import NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]


def service_range(name: str, *cidrs: str) -> Json:
    return {"metadata": {"name": name}, "spec": {"cidrs": list(cidrs)}}


def addressed(name: str, ip: str) -> Json:
    """A Service that asks for an address."""
    return {"metadata": {"name": name}, "spec": {"clusterIP": ip, "ports": [{"port": 80}]}}


class Ranged(Scenario):
    """A range is deleted whose address is in use until a larger one comes, and one that is free."""

    nodes = 0
    scheduler = False

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        await client.create(SERVICE_CIDRS, service_range("small", "10.200.0.0/24"))
        await client.create(SERVICE_CIDRS, service_range("free", "10.201.0.0/24"))
        await client.create(SERVICES, addressed("held", "10.200.0.7"), "default")
        await trio.sleep(60)
        with suppress(NotFound):
            await client.delete(SERVICE_CIDRS, "free")
        with suppress(NotFound):
            await client.delete(SERVICE_CIDRS, "small")
        await trio.sleep(60)
        await client.create(SERVICE_CIDRS, service_range("large", "10.200.0.0/16"))

    def check(self, sim: Simulation) -> Sequence[str]:
        """Only the large one is left, beside the cluster's own."""
        names = sorted(one["metadata"]["name"] for one in sim.objects(SERVICE_CIDRS))
        return [] if names == ["kubernetes", "large"] else [f"there are the ranges {names}"]


NETWORKING = (Ranged,)
