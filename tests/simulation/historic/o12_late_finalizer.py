"""O12, netbox-operator#77: the finalizer is added after the external create.

What is made outside must go with the object that it was made for. Who makes it first and asks to
be told of the deletion afterwards leaves it behind when he dies between the two. (The outside is
played by Secrets.) Violated: nothing is left.
"""

from collections.abc import Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, SECRETS
from k8slite.objects.errors import AlreadyExists, NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]


class BuggyAddresses(Controller):
    """Reserves an address outside for each claim."""

    name = "addresses"
    resource = CONFIG_MAPS

    async def reconcile(self, name: Name) -> None:
        claim = self.get(name)
        if claim is None or claim["metadata"].get("labels") != {"role": "claim"}:
            return
        if "deletionTimestamp" in claim["metadata"]:
            await self.release(name)
            await self.remove_finalizer(claim)
            return
        await self.take_up(claim, name)

    async def take_up(self, claim: Json, name: Name) -> None:
        await self.reserve(name)
        await self.add_finalizer(claim)  # the bug: too late

    async def reserve(self, name: Name) -> None:
        outside = {"metadata": {"name": f"outside-{name.name}"}}
        try:
            await self.client.create(SECRETS, outside, name.namespace)
        except AlreadyExists:
            pass

    async def release(self, name: Name) -> None:
        try:
            await self.client.delete(SECRETS, f"outside-{name.name}", name.namespace)
        except NotFound:
            pass


class FixedAddresses(BuggyAddresses):
    async def take_up(self, claim: Json, name: Name) -> None:
        await self.add_finalizer(claim)
        # What a restarted cache shows may have been deleted long ago, finalizer and all.
        newest = await self.client.get(CONFIG_MAPS, name.name, name.namespace)
        same = newest["metadata"]["uid"] == claim["metadata"]["uid"]
        if same and "deletionTimestamp" not in newest["metadata"]:
            await self.reserve(name)


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyAddresses,)

    async def act(self, sim: Simulation) -> None:
        metadata = {"name": "claim", "labels": {"role": "claim"}}
        await sim.client.create(CONFIG_MAPS, {"metadata": metadata}, "default")
        await sim.until(lambda: bool(self.claims(sim)[0]["metadata"].get("finalizers")), 0.5)
        await sim.client.delete(CONFIG_MAPS, "claim", "default")

    def claims(self, sim: Simulation) -> list[Json]:
        claims = sim.objects(CONFIG_MAPS, "default")
        return [one for one in claims if one["metadata"]["name"] == "claim"]

    def check(self, sim: Simulation) -> Sequence[str]:
        left = [one["metadata"]["name"] for one in sim.objects(SECRETS, "default")]
        return [f"{name} was left behind" for name in left if not self.claims(sim)]


class Fixed(Buggy):
    controllers = (FixedAddresses,)
