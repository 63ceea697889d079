"""O7, rabbitmq/cluster-operator#653: a spec of long ago deletes what the present one wants.

A new instance lists from a replica of the time when the child was not wanted, and deletes the
child that there is now. Violated: only what was unwanted while it existed is deleted.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, SECRETS
from k8slite.objects.errors import AlreadyExists, Conflict, NotFound
from k8slite.sim.checks import Change, Check, Setting
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]


class BuggyBrokers(Controller):
    """A broker (a Secret) where a ConfigMap wants one."""

    name = "brokers"
    resource = CONFIG_MAPS
    owns = (SECRETS,)
    consistent_start = False

    async def reconcile(self, name: Name) -> None:
        parent = self.get(name)
        if parent is None or "wanted" not in (parent.get("data") or {}):
            return
        if parent["data"]["wanted"] == "no":
            await self.remove(name)
            return
        child = {"metadata": {"name": name.name, "ownerReferences": [self.owner_reference(parent)]}}
        try:
            await self.client.create(SECRETS, child, name.namespace)
        except AlreadyExists:
            return

    async def remove(self, name: Name) -> None:
        try:
            await self.client.delete(SECRETS, name.name, name.namespace)  # the bug: whichever it is
        except NotFound:
            return


class FixedBrokers(BuggyBrokers):
    async def remove(self, name: Name) -> None:
        try:
            child = await self.client.get(SECRETS, name.name, name.namespace)
            parent = await self.client.get(CONFIG_MAPS, name.name, name.namespace)
            if parent["data"]["wanted"] == "no":
                options = {"preconditions": {"uid": child["metadata"]["uid"]}}
                await self.client.delete(SECRETS, name.name, name.namespace, options)
        except (NotFound, Conflict):
            return


class OnlyUnwanted(Check):
    """What is deleted was unwanted at some moment of its life."""

    name: ClassVar[str] = "wanted"
    prefixes: ClassVar[tuple[str, ...]] = ("secrets/", "configmaps/")

    def __init__(self, setting: Setting) -> None:
        self.state = setting.state
        self.unwanted: dict[str, bool] = {}  # by the child's key

    def commit(self, change: Change) -> Iterable[str]:
        wanted = self.state.get("configmaps/default/broker")
        is_unwanted = wanted is None or wanted["data"]["wanted"] == "no"
        child = "secrets/default/broker"
        if change.key == child and change.old is None:
            self.unwanted[child] = is_unwanted
        elif change.key == child and change.new is None and not self.unwanted[child]:
            yield f"{child} was deleted, and was always wanted"
        elif is_unwanted:
            self.unwanted[child] = True

    def rest(self) -> Iterable[str]:
        return ()


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyBrokers,)
    checks = (OnlyUnwanted,)

    async def act(self, sim: Simulation) -> None:
        parent = {"metadata": {"name": "broker"}, "data": {"wanted": "yes"}}
        await sim.client.create(CONFIG_MAPS, parent, "default")
        for wanted in ("no", "yes"):
            await sim.until(lambda: False, 1.0)
            await sim.client.patch(CONFIG_MAPS, "broker", {"data": {"wanted": wanted}}, "default")


class Fixed(Buggy):
    controllers = (FixedBrokers,)
