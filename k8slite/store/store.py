"""The contract of every store: a watchable map under one counter of revisions.

Multi-version like etcd's: a put takes the next revision, old versions stay readable until they
are compacted, and a watch resumes from any revision that is not. Values are bytes that the store
never looks into; the writer gets to know the revision while it encodes, so that an object can
carry its own. A write that was answered survives; nobody sees one that could still be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from attrs import define, frozen

# Gives the value's bytes, told the revision under which it will be known.
Encode = Callable[[int], bytes]


class StoreError(Exception):
    """What a store answers instead of a result."""


class KeyConflict(StoreError):
    """The key's newest revision is not the expected one; `actual` is it (0: the key is absent).

    `expected` None: something was expected, whatever it be, and there is nothing.
    """

    def __init__(self, key: str, expected: int | None, actual: int) -> None:
        found = f"at revision {actual}" if actual else "absent"
        wanted = f", not at revision {expected}" if expected else ", not absent" if actual else ""
        super().__init__(f"{key} is {found}{wanted}")
        self.key = key
        self.expected = expected
        self.actual = actual


class Compacted(StoreError):
    """The revision asked for is older than what is kept; `oldest` is the first one still there."""

    def __init__(self, revision: int, oldest: int) -> None:
        super().__init__(f"revision {revision} has been compacted, the oldest is {oldest}")
        self.revision = revision
        self.oldest = oldest


class FutureRevision(StoreError):
    """The revision asked for has not been written yet; `current` is the newest."""

    def __init__(self, revision: int, current: int) -> None:
        super().__init__(f"revision {revision} is in the future, the newest is {current}")
        self.revision = revision
        self.current = current


class Broken(StoreError):
    """The journal failed: nothing more is written, reads still answer."""


@define(eq=False)
class Stored:
    """One version of one key. Only `header` may be set after creation, by whoever reads it."""

    key: str
    revision: int  # of the write that made this version
    value: bytes
    # What the writer or a reader wants to remember about the value; never written to disk.
    header: Any = None


class Event(NamedTuple):
    """One change of one key: `now` is None for a deletion, `before` for a creation."""

    revision: int
    key: str
    now: Stored | None
    before: Stored | None


@frozen(eq=False)
class Page:
    """Part of a snapshot, in order of keys."""

    items: Sequence[Stored]
    revision: int  # of the snapshot
    next_start: str  # pass as `start` for the next page; "" when this was the last
    remaining: int  # how many items come after this page


class Put(NamedTuple):
    """One write among several; as the parameters of `Store.put`."""

    key: str
    value: Encode | None
    expect: int | None
    header: Any = None


class Watch(Protocol):
    """Changes under a prefix, each exactly once and in order."""

    @property
    def revision(self) -> int:
        """Everything up to here has been received or does not concern this watch."""
        ...

    async def receive(self) -> Sequence[Event]:
        """Wait for changes and take all that are there, at least one.

        Raises `trio.EndOfChannel` when the watch was closed, or was cut off for being slow.
        """
        ...

    def receive_nowait(self) -> Sequence[Event]:
        """What is there now, perhaps nothing. Raises like `receive`."""
        ...

    def close(self) -> None:
        """End it; whoever waits in `receive` gets `trio.EndOfChannel`."""
        ...


class Store(Protocol):
    """A multi-version, watchable map from string keys to bytes."""

    @property
    def revision(self) -> int:
        """The newest published revision; 0 when nothing was ever written."""
        ...

    @property
    def failure(self) -> str:
        """Why nothing is written any more; "" as long as all is well."""
        ...

    @property
    def oldest(self) -> int:
        """Reads and watches at revisions below this one raise Compacted."""
        ...

    def get(self, key: str) -> Stored | None:
        """The newest published version."""
        ...

    def list(self, prefix: str, *, at: int | None = None, limit: int = 0, start: str = "") -> Page:
        """The keys under a prefix as of revision `at` (None: newest), from key `start` on.

        `limit` 0 means all. Raises Compacted or FutureRevision.
        """
        ...

    def count(self, prefix: str) -> int:
        """How many keys there are under a prefix now."""
        ...

    async def put(
        self,
        key: str,
        value: Encode | None,
        *,
        expect: int | None,
        header: Any = None,
    ) -> Stored:
        """Write one version (None deletes) and wait until it is durable and published.

        `expect` is the revision that the key must be at: 0 for absent, None for whatever.
        Returns the new version; for a deletion the last one, under the deletion's revision and
        with the last value. Raises KeyConflict (after whatever it lost to has been published),
        or Broken. Deleting an absent key with `expect` None raises KeyConflict.
        """
        ...

    async def put_all(self, puts: Sequence[Put]) -> Sequence[Stored | None]:
        """Write several, each for itself as `put` would, and wait once for all of them.

        Each takes a revision of its own, in order; None where `put` would raise KeyConflict.
        Raises Broken, and then nothing is known of any of them.
        """
        ...

    def watch(self, prefix: str, *, after: int) -> Watch:
        """Changes under a prefix with revisions above `after`. Raises Compacted or
        FutureRevision."""
        ...

    async def wait(self, revision: int) -> None:
        """Return when that revision is published."""
        ...

    async def compact(self, before: int) -> None:
        """Forget what is only needed for reads and watches at revisions below `before`."""
        ...
