"""K9, kubernetes/kubernetes#88097: the garbage collector deletes what has an owner.

After a restart children are known before their parents. Who takes a parent that he does not know
for one that does not exist deletes healthy objects. Violated: only what no owner lives for goes.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, SECRETS
from k8slite.objects.errors import NotFound
from k8slite.sim.checks import Change, Check, Setting
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]


class BuggyCollector(Controller):
    """Deletes Secrets whose owner, a ConfigMap, does not exist."""

    name = "collector"
    resource = SECRETS

    def setup(self) -> None:
        self.cached(CONFIG_MAPS)

    async def reconcile(self, name: Name) -> float | None:
        child = self.get(name)
        owners = child["metadata"].get("ownerReferences") if child is not None else ()
        if child is None or not owners:
            return None
        if await self.lives(owners[0], name.namespace):
            return 30.0
        options = {"preconditions": {"uid": child["metadata"]["uid"]}}
        await self.client.delete(SECRETS, name.name, name.namespace, options)
        return None

    async def lives(self, owner: Json, namespace: str) -> bool:
        known = self.cached(CONFIG_MAPS).get(Name(namespace, owner["name"]))  # the bug
        return known is not None and known["metadata"]["uid"] == owner["uid"]


class FixedCollector(BuggyCollector):
    async def lives(self, owner: Json, namespace: str) -> bool:
        try:
            found = await self.client.get(CONFIG_MAPS, owner["name"], namespace)
        except NotFound:
            return False
        return bool(found["metadata"]["uid"] == owner["uid"])


class OwnersLive(Check):
    """Nothing is collected whose owner lives."""

    name: ClassVar[str] = "collected-alive"
    prefixes: ClassVar[tuple[str, ...]] = ("secrets/",)

    def __init__(self, setting: Setting) -> None:
        self.state = setting.state

    def commit(self, change: Change) -> Iterable[str]:
        if change.new is not None or change.process != "collector":
            return
        alive = {obj["metadata"]["uid"] for _, obj in self.state.all("configmaps/")}
        for owner in change.obj["metadata"].get("ownerReferences") or ():
            if owner["uid"] in alive:
                yield f"{change.key} was deleted, and its owner {owner['name']} lives"

    def rest(self) -> Iterable[str]:
        return ()


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyCollector,)
    checks = (OwnersLive,)

    async def act(self, sim: Simulation) -> None:
        for number in range(2):
            owner = await sim.client.create(
                CONFIG_MAPS, {"metadata": {"name": f"owner-{number}"}}, "default"
            )
            reference = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": f"owner-{number}",
                "uid": owner["metadata"]["uid"],
            }
            metadata = {"name": f"child-{number}", "ownerReferences": [reference]}
            await sim.client.create(SECRETS, {"metadata": metadata}, "default")
            await sim.until(lambda: False, 1.0)
        await sim.client.delete(CONFIG_MAPS, "owner-0", "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        names = [one["metadata"]["name"] for one in sim.objects(SECRETS, "default")]
        return () if names == ["child-1"] else (f"only child-1 has an owner, there are {names}",)


class Fixed(Buggy):
    controllers = (FixedCollector,)
