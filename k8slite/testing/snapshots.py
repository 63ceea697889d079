"""A cluster's state as a value, and how a running cluster is brought back to it.

What differs is written in one go, as new revisions, before any component gets to see the first of
them: controllers, nodes and clients behind a socket learn of it as of any other change. Heartbeats
(Leases of nodes) stay as they are.
"""

from __future__ import annotations

from typing import Final

import trio
from attrs import frozen

from k8slite.cluster import Cluster
from k8slite.objects import codec
from k8slite.store.memory import MemoryStore
from k8slite.store.store import Store, Stored

_HEARTBEATS: Final = "coordination.k8s.io.leases/kube-node-lease/"


@frozen(eq=False)
class Snapshot:
    """All objects of a cluster at one moment; restore or fork it as often as wanted."""

    store: MemoryStore  # nobody writes to it
    ahead_seconds: float  # how far the cluster's clock was moved

    @property
    def revision(self) -> int:
        """The revision that it is of."""
        return self.store.revision


async def restore(cluster: Cluster, snapshot: Snapshot) -> None:
    """Give the cluster the objects of the snapshot, and no others."""
    store = cluster.store
    wanted = {one.key: one for one in snapshot.store.list("").items}
    async with trio.open_nursery() as nursery:
        # Each put writes before it first waits, so that no task comes between.
        for known in store.list("").items:
            if known.key not in wanted and not known.key.startswith(_HEARTBEATS):
                nursery.start_soon(_put, store, known.key, None)
        for key, then in wanted.items():
            if store.get(key) is not then and not key.startswith(_HEARTBEATS):
                nursery.start_soon(_bring_back, store, then)
    cluster.api.verbs.registry.allocations.forget()


async def _bring_back(store: Store, then: Stored) -> None:
    known = store.get(then.key)
    if known is not None and _uid(known) != _uid(then):
        await _put(store, then.key, None)  # another object of that name
    await _put(store, then.key, then)


async def _put(store: Store, key: str, then: Stored | None) -> None:
    if then is None:
        await store.put(key, None, expect=None)
        return
    tail = codec.restored(then.value)
    await store.put(key, lambda revision: codec.stored(tail, revision), expect=None)


def _uid(stored: Stored) -> str:
    uid: str = codec.loads(stored.value)["metadata"].get("uid", "")
    return uid
