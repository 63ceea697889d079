"""K14, kubernetes/kubernetes#36891 and PR 37431: objects outlive their namespace.

Who empties a namespace by what a lagging view shows finalizes it while something newer is still in
it, which nobody will ever delete. Violated: no object in a namespace that does not exist.
"""

from collections.abc import Sequence

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, NAMESPACES
from k8slite.objects.errors import NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation


class BuggyNamespaces(Controller):
    """Empties namespaces that are to go, then lets them go."""

    name = "namespaces"
    resource = NAMESPACES
    reads_own_writes = False

    def setup(self) -> None:
        self.cached(CONFIG_MAPS)

    async def reconcile(self, name: Name) -> float | None:
        namespace = self.get(name)
        if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
            return None
        left = await self.content(name.name)
        for one in left:
            try:
                await self.client.delete(CONFIG_MAPS, one, name.name)
            except NotFound:
                continue
        if left:
            return 1.0  # look again before it goes
        namespace["spec"]["finalizers"] = []
        await self.client.update(NAMESPACES, namespace, subresource="finalize")
        return None

    async def content(self, namespace: str) -> list[str]:
        known = self.cached(CONFIG_MAPS).list(namespace)  # the bug: as far as it has been told
        return [one["metadata"]["name"] for one in known]


class FixedNamespaces(BuggyNamespaces):
    async def content(self, namespace: str) -> list[str]:
        found = await self.client.list(CONFIG_MAPS, namespace)
        return [one["metadata"]["name"] for one in found["items"]]


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyNamespaces,)

    async def act(self, sim: Simulation) -> None:
        await sim.client.create(NAMESPACES, {"metadata": {"name": "shop"}})
        for name in ("first", "second"):
            await sim.client.create(CONFIG_MAPS, {"metadata": {"name": name}}, "shop")
            await sim.until(lambda: False, 1.0)
        await sim.client.delete(NAMESPACES, "shop")

    def check(self, sim: Simulation) -> Sequence[str]:
        there = {one["metadata"]["name"] for one in sim.objects(NAMESPACES)}
        orphans = [
            one["metadata"]["name"]
            for one in sim.objects(CONFIG_MAPS)
            if one["metadata"]["namespace"] not in there
        ]
        stuck = ["the namespace is still there"] if "shop" in there else []
        return [*stuck, *(f"{name} has outlived its namespace" for name in orphans)]


class Fixed(Buggy):
    controllers = (FixedNamespaces,)
