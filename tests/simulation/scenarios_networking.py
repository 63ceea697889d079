"""Ranges of Services' addresses that come and go under addresses in use; swept by `make sim`."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import trio

from k8slite.client.resource import IP_ADDRESSES, SERVICE_CIDRS
from k8slite.objects.errors import NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]


def service_range(name: str, *cidrs: str) -> Json:
    return {"metadata": {"name": name}, "spec": {"cidrs": list(cidrs)}}


def reserved(ip: str, name: str) -> Json:
    """An address as the API server reserves it, for something other than a Service."""
    labels = {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    parent = {"group": "example.com", "resource": "widgets", "namespace": "default", "name": name}
    return {"metadata": {"name": ip, "labels": labels}, "spec": {"parentRef": parent}}


class Ranged(Scenario):
    """A range is deleted whose address is in use until a larger one comes, and one that is free."""

    nodes = 0
    scheduler = False

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        await client.create(SERVICE_CIDRS, service_range("small", "10.200.0.0/24"))
        await client.create(SERVICE_CIDRS, service_range("free", "10.201.0.0/24"))
        await client.create(IP_ADDRESSES, reserved("10.200.0.7", "held"))
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
