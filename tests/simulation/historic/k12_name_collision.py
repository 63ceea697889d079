"""K12, kubernetes/kubernetes#29735 and PR 59212: who takes his own child for a stranger.

A child's name is a hash of its template and a count of collisions. Where the name is taken, the
controller counts one collision more; the bug is that it does not look whose the object is. A child
that it has made itself, and does not see yet, counts as well, and a second one is made. Violated:
one child for a template, bounded writes.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, SECRETS
from k8slite.objects.errors import AlreadyExists
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]
PARENT = {"role": "parent"}


def child_name(parent: Json) -> str:
    text = parent["data"]["template"] + parent["data"].get("collisions", "0")
    return f"{parent['metadata']['name']}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


class BuggyParents(Controller):
    """Makes one child for each parent's template."""

    name = "parents"
    resource = CONFIG_MAPS
    owns = (SECRETS,)
    reads_own_writes = False

    async def reconcile(self, name: Name) -> None:
        parent = self.get(name)
        if parent is None or parent["metadata"].get("labels") != PARENT:
            return
        template = parent["data"]["template"]
        known = self.cached(SECRETS).owned_by(parent)
        if any(child["metadata"]["labels"]["template"] == template for child in known):
            return
        child = {
            "metadata": {
                "name": child_name(parent),
                "labels": {"template": template},
                "ownerReferences": [self.owner_reference(parent)],
            },
        }
        try:
            await self.client.create(SECRETS, child, name.namespace)
        except AlreadyExists:
            if not await self.ours(parent, child):
                collisions = int(parent["data"].get("collisions", "0")) + 1
                parent["data"]["collisions"] = str(collisions)
                await self.client.update(CONFIG_MAPS, parent)

    async def ours(self, parent: Json, child: Json) -> bool:
        return False  # the bug: nobody looks


class FixedParents(BuggyParents):
    async def ours(self, parent: Json, child: Json) -> bool:
        name = child["metadata"]["name"]
        found = await self.client.get(SECRETS, name, parent["metadata"]["namespace"])
        owners = found["metadata"].get("ownerReferences") or ()
        return any(one["uid"] == parent["metadata"]["uid"] for one in owners)


def _parent() -> Json:
    metadata = {"name": "site", "labels": PARENT}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"template": "a"},
    }


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyParents,)
    # A stranger has the name that the first child would have.
    objects = ({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": child_name(_parent())}},)

    async def act(self, sim: Simulation) -> None:
        await sim.client.create(CONFIG_MAPS, _parent(), "default")
        await sim.until(lambda: len(sim.objects(SECRETS, "default")) == 2, 10.0)
        patch = {"metadata": {"annotations": {"touched": "yes"}}}
        await sim.client.patch(CONFIG_MAPS, "site", patch, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        owned = [
            one["metadata"]["name"]
            for one in sim.objects(SECRETS, "default")
            if one["metadata"].get("ownerReferences")
        ]
        return () if len(owned) == 1 else (f"one child is wanted, there are {owned}",)


class Fixed(Buggy):
    controllers = (FixedParents,)
