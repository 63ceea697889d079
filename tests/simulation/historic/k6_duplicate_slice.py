"""K6, kubernetes/kubernetes#100033: a Service gets two EndpointSlices for the same pods.

A second sync comes before the cache shows the slice that the first has made. Violated: each pod in
one slice.
"""

from collections.abc import Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import ENDPOINT_SLICES, SERVICES
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation


class BuggySlices(Controller):
    """One slice for each Service."""

    name = "slices"
    resource = SERVICES
    owns = (ENDPOINT_SLICES,)
    reads_own_writes = False
    consistent_start = False

    async def reconcile(self, name: Name) -> None:
        service = self.get(name)
        if service is None or self.cached(ENDPOINT_SLICES).owned_by(service):
            return
        await self.client.create(ENDPOINT_SLICES, self.slice(service), name.namespace)

    def slice(self, service: dict[str, Any]) -> dict[str, Any]:
        name = service["metadata"]["name"]
        return {
            "metadata": {
                "generateName": f"{name}-",
                "labels": {"kubernetes.io/service-name": name},
                "ownerReferences": [self.owner_reference(service)],
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.244.0.7"]}],
        }


class FixedSlices(BuggySlices):
    reads_own_writes = True
    consistent_start = True


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggySlices,)

    async def act(self, sim: Simulation) -> None:
        spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
        await sim.client.create(SERVICES, {"metadata": {"name": "web"}, "spec": spec}, "default")
        await sim.until(lambda: bool(sim.objects(ENDPOINT_SLICES, "default")), 10.0)
        patch = {"metadata": {"annotations": {"touched": "yes"}}}
        await sim.client.patch(SERVICES, "web", patch, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found = [
            one["metadata"]["name"]
            for one in sim.objects(ENDPOINT_SLICES, "default")
            if one["metadata"]["labels"].get("kubernetes.io/service-name") == "web"
        ]
        return () if len(found) == 1 else (f"the pod is in {len(found)} slices",)


class Fixed(Buggy):
    controllers = (FixedSlices,)
