"""O3, rabbitmq/cluster-operator#782: a volume is never resized.

To resize, the operator deletes the StatefulSet (played by a ConfigMap), then changes the volume
claim (a Secret). Dead between the two, it finds no set, makes one of the new size, and takes the
work for done. Violated: liveness.
"""

from collections.abc import Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS
from k8slite.objects.errors import AlreadyExists
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]


def _size(obj: Json) -> str:
    return str((obj["metadata"].get("labels") or {}).get("size", ""))


class BuggyQueues(Controller):
    """A set and a volume of the size that a queue (played by a ServiceAccount) asks for."""

    name = "queues"
    resource = SERVICE_ACCOUNTS
    owns = (CONFIG_MAPS, SECRETS)

    async def reconcile(self, name: Name) -> None:
        queue = self.get(name)
        size = _size(queue) if queue is not None else ""
        if queue is None or not size:
            return
        if self.cached(SECRETS).get(name) is None:
            await self.make(SECRETS, queue, size)
        found = self.cached(CONFIG_MAPS).get(name)
        if found is None:
            await self.make(CONFIG_MAPS, queue, size)
        elif _size(found) != size:
            await self.client.delete(CONFIG_MAPS, name.name, name.namespace)
            await self.resize(name, size)  # the bug: dead before this, nobody ever does it

    async def make(self, resource: Any, queue: Json, size: str) -> None:
        metadata = {
            "name": queue["metadata"]["name"],
            "labels": {"size": size},
            "ownerReferences": [self.owner_reference(queue)],
        }
        try:
            await self.client.create(resource, {"metadata": metadata}, "default")
        except AlreadyExists:
            pass

    async def resize(self, name: Name, size: str) -> None:
        patch = {"metadata": {"labels": {"size": size}}}
        await self.client.patch(SECRETS, name.name, patch, name.namespace)


class FixedQueues(BuggyQueues):
    """Looks at the volume itself."""

    async def reconcile(self, name: Name) -> None:
        queue, volume = self.get(name), self.cached(SECRETS).get(name)
        if queue is not None and volume is not None and _size(queue) not in ("", _size(volume)):
            await self.resize(name, _size(queue))
        await super().reconcile(name)


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyQueues,)
    objects = (
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "queue", "labels": {"size": "1"}},
        },
    )

    async def act(self, sim: Simulation) -> None:
        patch = {"metadata": {"labels": {"size": "2"}}}
        await sim.client.patch(SERVICE_ACCOUNTS, "queue", patch, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        return [
            f"{one['metadata']['name']} has the size {_size(one)}"
            for resource in (SECRETS, CONFIG_MAPS)
            for one in sim.objects(resource, "default")
            if one["metadata"]["name"] == "queue" and _size(one) != "2"
        ]


class Fixed(Buggy):
    controllers = (FixedQueues,)
