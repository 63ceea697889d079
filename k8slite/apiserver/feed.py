"""What has changed under some prefixes of the store since somebody looked last.

For what is worked out from objects and must never be older than the write before a question: it
costs nothing as long as nobody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio
from attrs import define, field

from k8slite.store.store import Store, Watch

# Told a prefix, a key under it, and its value now (None: it is gone).
Take = Callable[[str, str, bytes | None], None]


@define(eq=False)
class Feed:
    """The changes of some prefixes, for one reader."""

    store: Store
    prefixes: Sequence[str]
    _watches: dict[str, Watch] = field(factory=dict)

    def catch_up(self, forget: Callable[[], None], take: Take) -> None:
        """Tell what has changed; after a gap `forget`, and then all that there is."""
        try:
            for prefix, watch in self._watches.items():
                for event in watch.receive_nowait():
                    take(prefix, event.key, event.now.value if event.now is not None else None)
        except trio.EndOfChannel:
            self._watches.clear()  # nobody had asked for so long that the store gave us up
        if self._watches:
            return
        forget()
        for prefix in self.prefixes:
            page = self.store.list(prefix)
            self._watches[prefix] = self.store.watch(prefix, after=page.revision)
            for stored in page.items:
                take(prefix, stored.key, stored.value)
