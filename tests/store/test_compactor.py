"""The actor that forgets what is older than the window."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from k8slite.store.compactor import Compactor
from k8slite.store.memory import MemoryStore
from k8slite.store.store import Compacted


async def test_watches_live_for_the_window_and_not_much_longer(autojump_clock: MockClock) -> None:
    store = MemoryStore()
    async with trio.open_nursery() as nursery:
        await nursery.start(Compactor(store, 300.0, changes_least=1).run)
        for _ in range(1000):  # revision r is written at second r - 1
            await store.put("pods/a/x", lambda _: b"v", expect=None)
            await trio.sleep(1)
            assert store.oldest <= max(0, store.revision - 299)
        assert store.oldest >= store.revision - 315
        with pytest.raises(Compacted):
            store.watch("", after=store.oldest - 1)
        store.watch("", after=store.revision - 299).close()
        await trio.sleep(320)
        assert store.oldest == store.revision
        nursery.cancel_scope.cancel()


async def test_heavy_churn_shortens_the_window(autojump_clock: MockClock) -> None:
    store = MemoryStore()
    async with trio.open_nursery() as nursery:
        await nursery.start(Compactor(store, 300.0, changes_most=50, changes_least=1).run)
        for _ in range(200):
            await store.put("pods/a/x", lambda _: b"v", expect=None)
        await trio.sleep(11)
        assert store.oldest == 150
        store.watch("", after=150).close()
        nursery.cancel_scope.cancel()


async def test_few_changes_wait_for_half_a_window(autojump_clock: MockClock) -> None:
    store = MemoryStore()
    async with trio.open_nursery() as nursery:
        await nursery.start(Compactor(store, 300.0, changes_least=100).run)
        for _ in range(10):
            await store.put("pods/a/x", lambda _: b"v", expect=None)
        await trio.sleep(295)
        assert store.oldest == 0  # they are not even too old
        await trio.sleep(320)
        assert store.oldest == 10
        for _ in range(100):
            await store.put("pods/a/x", lambda _: b"v", expect=None)
        await trio.sleep(315)
        assert store.oldest == 110
        nursery.cancel_scope.cancel()


async def test_no_token_lives_for_two_windows(autojump_clock: MockClock) -> None:
    store = MemoryStore()
    async with trio.open_nursery() as nursery:
        await nursery.start(Compactor(store, 300.0).run)
        for _ in range(5):  # whenever it is handed out
            await trio.sleep(61)
            token, began = store.revision, trio.current_time()
            await store.put("pods/a/x", lambda _: b"v", expect=None)
            await trio.sleep_until(began + 300)
            assert store.oldest <= token
            await trio.sleep_until(began + 500)
            assert store.oldest > token
        nursery.cancel_scope.cancel()
