"""The objects of one kind, decoded once, as the store has them at the moment of asking.

For what the API server must know at every request: definitions, webhooks, policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import trio
from attrs import define, field

from k8slite.objects.codec import loads
from k8slite.store.store import Store, Watch

Json = dict[str, Any]


@define(eq=False)
class Followed:
    """What is under a prefix, by key; `changes` counts how often it was something else."""

    store: Store
    prefix: str
    changes: int = 0
    _revision: int = -1  # of the whole store, when it was last looked at
    _watch: Watch | None = None
    _found: dict[str, Json] = field(factory=dict)

    def objects(self) -> Mapping[str, Json]:
        """Everything, in order of keys; not to be changed."""
        watch = self._watch
        if watch is None:
            return self._load()
        if self.store.revision == self._revision:
            return self._found  # nothing has been written at all
        self._revision = self.store.revision
        try:
            events = watch.receive_nowait()
        except trio.EndOfChannel:
            return self._load()  # nobody had asked for so long that the store gave us up
        for event in events:
            self._found.pop(event.key, None)
            if event.now is not None:
                self._found[event.key] = loads(event.now.value)
        if events:
            self._changed()
        return self._found

    def _load(self) -> Mapping[str, Json]:
        page = self.store.list(self.prefix)
        self._watch = self.store.watch(self.prefix, after=page.revision)
        self._revision = page.revision
        had = bool(self._found)
        self._found = {stored.key: loads(stored.value) for stored in page.items}
        if self._found or had:
            self._changed()
        return self._found

    def _changed(self) -> None:
        self._found = dict(sorted(self._found.items()))
        self.changes += 1
