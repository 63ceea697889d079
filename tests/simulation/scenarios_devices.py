"""Claims to devices under faults; swept by `make sim` like the other scenarios."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from k8slite.client.resource import PODS, RESOURCE_CLAIMS
from k8slite.objects.errors import NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation
from tests.scheduler.devices import claim, device, device_class, resource_slice, template

Json = dict[str, Any]


def pod(name: str, **asked: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "containers": [{"name": "main", "image": "example.com/app"}],
            "terminationGracePeriodSeconds": 1,
            "resourceClaims": [{"name": "gpu", **asked}],
        },
    }


def own(name: str) -> Json:
    return pod(name, resourceClaimTemplateName="each")


def sharing(name: str) -> Json:
    return pod(name, resourceClaimName="shared")


def places(sim: Simulation) -> dict[str, str]:
    return {
        one["metadata"]["name"]: one["spec"].get("nodeName", "")
        for one in sim.objects(PODS, "default")
    }


class Devices(Scenario):
    """Three devices on two nodes: pods with claims of their own and of a shared one come and go."""

    nodes = 2
    objects = (
        device_class(),
        resource_slice("node-0", device("d0"), device("d1")),
        resource_slice("node-1", device("d2")),
        template("each"),
        claim("shared"),
        own("a"),
        own("b"),
        sharing("s-1"),
        sharing("s-2"),
    )

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        await client.create(PODS, own("c"), "default")
        await sim.rest()
        for name in ("a", "s-1", "s-2"):
            with suppress(NotFound):
                await client.delete(PODS, name, "default")
        if await sim.until(lambda: "a" not in places(sim), 1000.0):
            await client.create(PODS, own("a"), "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found = places(sim)
        complaints = [f"{name} has no node" for name, node in found.items() if not node]
        claims = sim.objects(RESOURCE_CLAIMS, "default")
        made = [one for one in claims if "ownerReferences" in one["metadata"]]
        if not set("bc") <= set(found) or len(made) != len(found):
            complaints.append(f"there are {len(made)} claims for the pods {sorted(found)}")
        for one in claims:
            if one not in made and one["status"]:
                complaints.append("nobody uses the shared claim, and it has a device")
        return complaints


class Reclaimed(Scenario):
    """A claim keeps its device when its pod has gone, until one comes that cannot go there."""

    nodes = 2
    objects = (
        device_class(),
        resource_slice("node-0", device("d0")),
        resource_slice("node-1", device("d1")),
        claim("shared"),
    )

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        for name, node in (("one", "node-0"), ("two", "node-1"), ("three", "node-0")):
            made = sharing(name)
            made["spec"]["nodeSelector"] = {"kubernetes.io/hostname": node}
            await client.create(PODS, made, "default")
        for name in ("one", "two"):
            await sim.until(lambda name=name: bool(places(sim).get(name)), 1000.0)
            with suppress(NotFound):
                await client.delete(PODS, name, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        return [f"{name} has no node" for name, node in places(sim).items() if not node]


DEVICES = (Devices, Reclaimed)
