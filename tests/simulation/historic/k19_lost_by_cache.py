"""K19, kubernetes/kubernetes#116122: a watch cache that starts anew loses events.

A follower resumes where it was. A cache that was filled anew knows nothing of what happened before
its list, and must say so; this one goes on as if nothing had been. Violated: a watch has no gap.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, SECRETS
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]
CHANGES = 4


class BuggyCache(Controller):
    """Between ConfigMaps and a follower (a Secret), which is brought each change once."""

    name = "cache"
    resource = SECRETS

    def setup(self) -> None:
        self.events: list[tuple[int, str]] = []  # revision and name
        self.oldest = 0  # revision: what is later is in `events`
        self.filled = False
        self.watch(CONFIG_MAPS, self.changed)

    def changed(self, old: Json | None, new: Json | None) -> Iterable[Name]:
        if self.filled and new is not None:
            revision = int(new["metadata"]["resourceVersion"])
            self.events.append((revision, new["metadata"]["name"]))
        yield Name("default", "follower")

    async def start(self) -> None:
        self.oldest = self.cached(CONFIG_MAPS).revision
        self.filled = True

    async def reconcile(self, name: Name) -> None:
        follower = self.get(name)
        if follower is None or name.name != "follower":
            return
        seen = dict(follower["metadata"].get("annotations") or {})
        at = int(seen.pop("at", "0"))
        if not at or self.must_list(at):
            listed = self.cached(CONFIG_MAPS)
            revision = listed.revision
            names = [one["metadata"]["name"] for one in listed.list("default")]
        else:
            revision = max([at, *(number for number, _ in self.events)])
            names = [one for number, one in self.events if number > at]
        if revision == at:
            return
        annotations = {**seen, **dict.fromkeys(names, "seen"), "at": str(revision)}
        follower["metadata"]["annotations"] = annotations
        await self.client.update(SECRETS, follower)

    def must_list(self, at: int) -> bool:
        return False  # the bug


class FixedCache(BuggyCache):
    def must_list(self, at: int) -> bool:
        return at < self.oldest


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyCache,)

    async def act(self, sim: Simulation) -> None:
        await sim.client.create(SECRETS, {"metadata": {"name": "follower"}}, "default")
        for number in range(CHANGES):
            source = {"metadata": {"name": f"source-{number}"}}
            await sim.client.create(CONFIG_MAPS, source, "default")
            await sim.until(lambda: False, 0.5)

    def check(self, sim: Simulation) -> Sequence[str]:
        [follower] = sim.objects(SECRETS, "default")
        seen = follower["metadata"].get("annotations") or {}
        names = [one["metadata"]["name"] for one in sim.objects(CONFIG_MAPS, "default")]
        return [f"the follower has missed {name}" for name in names if name not in seen]


class Fixed(Buggy):
    controllers = (FixedCache,)
