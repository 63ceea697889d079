"""K11, kubernetes/kubernetes#115570: a deletion in the foreground never ends.

That a deletion has begun is noticed where an update brings it. Who was shown the object only after
that, by a restart or a gap in the watch, waits for an update that has been. Violated: what is being
deleted goes.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, SECRETS
from k8slite.objects.errors import NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]
FINALIZER = "foregroundDeletion"


class BuggyCollector(Controller):
    """Deletes the Secrets of a ConfigMap that is deleted in the foreground, then lets it go."""

    name = "collector"
    resource = CONFIG_MAPS
    owns = (SECRETS,)

    def setup(self) -> None:
        self.deleting: dict[str, None] = {}  # uids
        self.watch(CONFIG_MAPS, self.changed)

    def changed(self, old: Json | None, new: Json | None) -> Iterable[Name]:
        if old is not None and new is not None and "deletionTimestamp" in new["metadata"]:
            self.deleting[new["metadata"]["uid"]] = None
        return ()

    async def reconcile(self, name: Name) -> None:
        parent = self.get(name)
        if parent is None or not self.is_deleting(parent):
            return
        children = self.cached(SECRETS).owned_by(parent)
        for child in children:
            try:
                await self.client.delete(SECRETS, child["metadata"]["name"], name.namespace)
            except NotFound:
                continue
        if not children:
            await self.remove_finalizer(parent, FINALIZER)

    def is_deleting(self, parent: Json) -> bool:
        return parent["metadata"]["uid"] in self.deleting


class FixedCollector(BuggyCollector):
    def is_deleting(self, parent: Json) -> bool:
        return FINALIZER in (parent["metadata"].get("finalizers") or ())


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyCollector,)

    async def act(self, sim: Simulation) -> None:
        parent = await sim.client.create(CONFIG_MAPS, {"metadata": {"name": "p"}}, "default")
        reference = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "p",
            "uid": parent["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        for name in ("a", "b"):
            child = {"metadata": {"name": name, "ownerReferences": [reference]}}
            await sim.client.create(SECRETS, child, "default")
        options = {"propagationPolicy": "Foreground"}
        await sim.client.delete(CONFIG_MAPS, "p", "default", options)

    def check(self, sim: Simulation) -> Sequence[str]:
        return ["the deletion of p does not end"] * len(sim.objects(CONFIG_MAPS, "default"))


class Fixed(Buggy):
    controllers = (FixedCollector,)
