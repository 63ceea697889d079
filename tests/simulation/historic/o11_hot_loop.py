"""O11, prometheus-operator/prometheus-operator#4519: a child is deleted and made again for ever.

A change that cannot be made in place leads to a foreground deletion and a new creation. As long as
the garbage collector is slow the old child is still there, and every attempt is made at once and
written down. Violated: bounded writes.
"""

from collections.abc import Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, SECRETS
from k8slite.objects.errors import AlreadyExists
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]


class BuggyOperator(Controller):
    """A Secret of the version that a ConfigMap wants."""

    name = "operator"
    resource = CONFIG_MAPS
    owns = (SECRETS,)

    async def reconcile(self, name: Name) -> float | None:
        parent = self.get(name)
        if parent is None or "version" not in (parent.get("data") or {}):
            return None
        version = parent["data"]["version"]
        child = self.cached(SECRETS).get(name)
        if child is not None and child["metadata"]["labels"]["version"] == version:
            return None
        if child is not None:
            if self.must_wait(child):
                return 5.0
            options = {"propagationPolicy": "Foreground"}
            await self.client.delete(SECRETS, name.name, name.namespace, options)
        try:
            await self.client.create(SECRETS, self.child(parent, version), name.namespace)
        except AlreadyExists:
            attempts = int(parent["data"].get("attempts", "0")) + 1
            patch = {"data": {"attempts": str(attempts)}}
            await self.client.patch(CONFIG_MAPS, name.name, patch, name.namespace)
        return None

    def must_wait(self, child: Json) -> bool:
        return False  # the bug

    def child(self, parent: Json, version: str) -> Json:
        return {
            "metadata": {
                "name": parent["metadata"]["name"],
                "labels": {"version": version},
                "ownerReferences": [self.owner_reference(parent)],
            }
        }


class FixedOperator(BuggyOperator):
    def must_wait(self, child: Json) -> bool:
        return "deletionTimestamp" in child["metadata"]


class Buggy(Scenario):
    nodes = 0
    builtin = ("generic-garbage-collector",)
    scheduler = False
    controllers = (BuggyOperator,)

    async def act(self, sim: Simulation) -> None:
        parent = {"metadata": {"name": "prom"}, "data": {"version": "1"}}
        await sim.client.create(CONFIG_MAPS, parent, "default")
        await sim.until(lambda: bool(sim.objects(SECRETS, "default")), 10.0)
        await sim.client.patch(CONFIG_MAPS, "prom", {"data": {"version": "2"}}, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found = [one["metadata"]["labels"]["version"] for one in sim.objects(SECRETS, "default")]
        return () if found == ["2"] else (f"there are children of versions {found}, not of 2",)


class Fixed(Buggy):
    controllers = (FixedOperator,)
