"""Property: whatever the order in which watches bring events, and however they merge, nothing goes
that has a living owner, and nothing stays that has none."""

from __future__ import annotations

import random
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from k8slite.client.resource import CONFIG_MAPS, REPLICA_SETS, SECRETS, Resource
from k8slite.client.workqueue import WorkQueue
from k8slite.controllers.machinery.discovery import discover
from k8slite.controllers.machinery.garbage_collector import GarbageCollector
from k8slite.kinds.models import PartialObject
from k8slite.objects.errors import Conflict
from k8slite.objects.meta import Name
from k8slite.objects.structure import structure
from tests.client.fake_api import Commit
from tests.controllers.whole_api import WholeApi, add

Json = dict[str, Any]

KINDS = (CONFIG_MAPS, SECRETS, REPLICA_SETS)
POLICIES = ("Background", "Foreground", "Orphan")


class Bag(WorkQueue):
    """A queue that hands out keys in any order, the later ones when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[Name, None] = {}
        self.later: dict[Name, None] = {}

    def add(self, key: Name) -> None:
        self.keys[key] = None

    def add_after(self, key: Name, seconds: float) -> None:
        self.later[key] = None


class Play:
    """A collector whose watches are in the test's hands."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.whole = WholeApi()
        self.api = self.whole.api
        self.collector = GarbageCollector(self.whole.context())
        self.bag = Bag()
        self.collector.queue = self.bag
        self.events: dict[Resource, list[Commit]] = {kind: [] for kind in KINDS}
        self.shown: dict[tuple[str, str, str], PartialObject] = {}
        self.collecting = False
        self.released: set[tuple[str, str]] = set()
        self.api.on_commit.append(self.check)

    def check(self, commit: Commit) -> None:
        """Remember what the watch will bring, and judge what the collector does."""
        for kind in KINDS:
            if commit.key[0] == kind.path():
                self.events[kind].append(commit)
        old, new = commit.old, commit.new
        if not self.collecting or old is None:
            return
        ends = new is None or "deletionTimestamp" in new["metadata"]
        if ends and "deletionTimestamp" not in old["metadata"]:
            references = old["metadata"].get("ownerReferences") or []
            assert references, f"{commit.key} never had an owner"
            for reference in references:
                living = self.living(reference["uid"])
                assert living is None or self.waits(living), f"{commit.key} has an owner"
        if new is not None and "deletionTimestamp" in old["metadata"]:
            assert "deletionTimestamp" in new["metadata"]
            added = set(new["metadata"].get("finalizers", ())) - set(old["metadata"]["finalizers"])
            assert not added

    def living(self, uid: str) -> Json | None:
        for obj in self.api.objects.values():
            if obj["metadata"]["uid"] == uid:
                return obj
        return None

    @staticmethod
    def waits(obj: Json) -> bool:
        return "foregroundDeletion" in obj["metadata"].get("finalizers", ()) and bool(
            obj["metadata"].get("deletionTimestamp")
        )

    def deliver(self, kind: Resource) -> None:
        """Bring the next event of a resource, or the next few of an object merged into one."""
        events = self.events[kind]
        if not events:
            return
        commit = events.pop(0)
        while self.chance.random() < 0.3:
            following = next((one for one in events if one.key == commit.key), None)
            if following is None:
                break
            events.remove(following)
            commit = following
        old = self.shown.pop(commit.key, None)
        new = structure(commit.new, PartialObject) if commit.new else None
        if new is not None:
            self.shown[commit.key] = new
        if old is not None or new is not None:
            self.collector.observe(kind, old, new)

    async def work(self) -> None:
        """Reconcile one key."""
        if not self.bag.keys:
            return
        key = self.chance.choice(sorted(self.bag.keys))
        del self.bag.keys[key]
        self.collecting = True
        try:
            await self.collector.reconcile(key)
        except Conflict:
            self.bag.add(key)
        finally:
            self.collecting = False

    async def some(self) -> None:
        for _ in range(self.chance.randrange(6)):
            if self.chance.random() < 0.5:
                self.deliver(self.chance.choice(KINDS))
            else:
                await self.work()

    async def settle(self) -> None:
        for _ in range(3000):
            waiting = [kind for kind in KINDS if self.events[kind]]
            if waiting:
                self.deliver(self.chance.choice(waiting))
            elif self.bag.keys:
                await self.work()
            elif self.bag.later:
                later, self.bag.later = self.bag.later, {}
                if all(self.collector.graph.vertex(key.name) is None for key in later):
                    return
                self.bag.keys.update(later)
            else:
                return
        raise AssertionError("it never comes to rest")

    def create(self, number: int, kind: Resource, owners: list[int], made: list[Json]) -> None:
        references = []
        for one in owners:
            if made:
                parent = made[one % len(made)]
                metadata = parent["metadata"]
                references.append(
                    {
                        "apiVersion": parent["apiVersion"],
                        "kind": parent["kind"],
                        "name": metadata["name"],
                        "uid": metadata["uid"],
                        "blockOwnerDeletion": one % 2 == 0,
                    }
                )
        unique = list({reference["uid"]: reference for reference in references}.values())
        metadata = {"ownerReferences": unique} if unique else {}
        made.append(add(self.whole, kind, f"o{number}", "ns", metadata=metadata))

    async def delete(self, target: Json, policy: str) -> None:
        resource = next(kind for kind in KINDS if kind.kind == target["kind"])
        path = resource.path("ns", target["metadata"]["name"])
        if self.api.get(path) is not None:
            options = {"propagationPolicy": policy}
            await self.whole.client().delete(resource, target["metadata"]["name"], "ns", options)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("create"),
            st.sampled_from(KINDS),
            st.lists(st.integers(0, 9), max_size=3),
        ),
        st.tuples(st.just("delete"), st.integers(0, 9), st.sampled_from(POLICIES)),
    ),
    min_size=2,
    max_size=14,
)


@settings(max_examples=150)
@given(STEPS, st.integers(0, 2**16))
def test_no_order_of_events_misleads_the_collector(steps: list[Any], seed: int) -> None:
    async def main() -> None:
        play = Play(random.Random(seed))
        play.collector.take(await discover(play.whole.client()))
        made: list[Json] = []
        for number, (what, first, second) in enumerate(steps):
            if what == "create":
                play.create(number, first, second, made)
            elif made:
                await play.delete(made[first % len(made)], second)
            await play.some()
        await play.settle()
        for obj in play.api.objects.values():
            metadata = obj["metadata"]
            assert "deletionTimestamp" not in metadata, f"{metadata} is stuck"
            references = metadata.get("ownerReferences") or []
            alive = [one for one in references if play.living(one["uid"])]
            assert bool(references) == bool(alive), f"{metadata} outlives its owners"

    trio.run(main)
