"""Events live for an hour (upstream's --event-ttl), counted from their last write."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import trio

from k8slite.store.store import Compacted, Put, Store

TTL_SECONDS: Final = 3600.0
_PREFIX: Final = "events/"
# Events that are due within so long go together: expiry need not be exact, and they come by
# thousands.
_STEP_SECONDS: Final = 10.0
# How many are removed at once, before others get their turn at the store.
_REMOVED_AT_ONCE: Final = 256


class EventExpiry:
    """An Actor that removes Events whose hour is over."""

    name = "event-expiry"

    def __init__(self, store: Store) -> None:
        self._store = store
        # In order of deadlines, since every write of an event starts its hour anew.
        self._due: deque[tuple[float, str, int]] = deque()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run for ever."""
        self._due.clear()
        page = self._store.list(_PREFIX)
        deadline = trio.current_time() + TTL_SECONDS
        self._due.extend((deadline, stored.key, stored.revision) for stored in page.items)
        after = page.revision
        task_status.started()
        watch = self._store.watch(_PREFIX, after=after)
        try:
            while True:
                first = self._due[0][0] if self._due else math.inf
                with trio.move_on_at(max(first, trio.current_time()) + _STEP_SECONDS):
                    events = await watch.receive()
                    deadline = trio.current_time() + TTL_SECONDS
                    self._due.extend(
                        (deadline, event.key, event.revision) for event in events if event.now
                    )
                    await trio.sleep(_STEP_SECONDS)
                await self._remove_due()
        except trio.EndOfChannel:
            raise Compacted(after, self._store.oldest) from None  # start again from a list
        finally:
            watch.close()

    async def _remove_due(self) -> None:
        now = trio.current_time()
        while self._due and self._due[0][0] <= now:
            removed: list[Put] = []
            while self._due and self._due[0][0] <= now and len(removed) < _REMOVED_AT_ONCE:
                _, key, revision = self._due.popleft()
                removed.append(Put(key, None, revision))
            # One that was written again since, or is gone, is not this entry's business.
            await self._store.put_all(removed)
