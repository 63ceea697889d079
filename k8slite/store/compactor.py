"""Forgets what is older than a window, so that memory and disk stay bounded under churn.

Upstream compacts every five minutes (`--etcd-compaction-interval`); ours goes in small steps, so
that watches and continue tokens live for the window, and a little longer, whenever they began.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

from k8slite.store.store import Store

# Watches, continue tokens and exact reads older than this may find their revision compacted
# (upstream: `--etcd-compaction-interval`, 5 minutes).
WINDOW_SECONDS: Final = 300.0

# Under heavy churn the window is shorter: old versions are kept in memory, and this many are enough
# for any client that is not far behind (upstream's watch cache holds 102,400 events at the most).
CHANGES_MOST: Final = 102_400

# What is too old waits until it is so many changes, or for half a window: fewer are not worth a
# transaction. Clients rely on it that a token does not live for two windows (upstream compacts once
# a window to where it was a window ago).
CHANGES_LEAST: Final = 500

# Parts of a window after which what is too old is forgotten: what is kept beyond the window, and
# what one compaction has to do, is a thirtieth.
_STEPS: Final = 30


class Compactor:
    """The actor that compacts a store."""

    name = "store-compactor"

    def __init__(
        self,
        store: Store,
        window_seconds: float = WINDOW_SECONDS,
        *,
        changes_most: int = CHANGES_MOST,
        changes_least: int = CHANGES_LEAST,
    ) -> None:
        self._store = store
        self._changes_most = changes_most
        self._changes_least = changes_least
        self._window_seconds = window_seconds

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Compact for ever. Raises Broken when the store's journal has failed."""
        task_status.started()
        # When which revision was the newest; as many as there are steps in a window.
        marks: deque[tuple[float, int]] = deque()
        before = 0
        compacted = trio.current_time()
        while True:
            now = trio.current_time()
            marks.append((now, self._store.revision))
            before = max(before, self._store.revision - self._changes_most)
            while marks and marks[0][0] <= now - self._window_seconds:
                before = max(before, marks.popleft()[1])
            changes = before - self._store.oldest
            waited_seconds = now - compacted
            if changes >= self._changes_least or waited_seconds >= self._window_seconds / 2:
                compacted = now
                if changes > 0:
                    await self._store.compact(before)
            await trio.sleep(self._window_seconds / _STEPS)
