"""Memory, sqlite and a simple model do the same, whatever is asked of them in whatever order."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from k8slite.store.memory import MemoryStore
from k8slite.store.sqlite import open_sqlite
from k8slite.store.store import Compacted, FutureRevision, KeyConflict, Store

KEYS = st.sampled_from(["pods/a/x", "pods/a/y", "pods/ab/x", "pods.g/a/x", "nodes/n", "bare"])
PREFIXES = st.sampled_from(["", "po", "pods/", "pods/a", "pods/a/", "pods/a/x", "nodes/", "bare"])


class Model:
    """All snapshots that there ever were."""

    def __init__(self) -> None:
        self.snapshots: list[dict[str, tuple[int, bytes]]] = [{}]
        self.oldest = 0

    def put(self, key: str, value: bytes | None, expect: int | None) -> Any:
        now = self.snapshots[-1]
        actual = now[key][0] if key in now else 0
        if expect not in (None, actual) or (value is None and not actual):
            return ("conflict", actual)
        revision, after = len(self.snapshots), dict(now)
        if value is None:
            value = after.pop(key)[1]
        else:
            after[key] = (revision, value)
        self.snapshots.append(after)
        return (revision, value)

    def refused(self, at: int) -> Any:
        if at < self.oldest:
            return "compacted"
        return "future" if at >= len(self.snapshots) else None

    def page(self, prefix: str, at: int | None, limit: int, start: str) -> Any:
        at = len(self.snapshots) - 1 if at is None else at
        if refused := self.refused(at):
            return refused
        found = sorted(
            (k, *v) for k, v in self.snapshots[at].items() if k.startswith(prefix) and k >= start
        )
        cut = limit or len(found)
        return found[:cut], at, (found[cut][0] if found[cut:] else ""), len(found[cut:])

    def watch(self, prefix: str, after: int) -> Any:
        if refused := self.refused(after):
            return refused
        events = []
        for revision in range(after + 1, len(self.snapshots)):
            before, now = self.snapshots[revision - 1 : revision + 1]
            for key in sorted(before.keys() | now.keys()):
                if before.get(key) != now.get(key) and key.startswith(prefix):
                    events.append((revision, key, now.get(key), before.get(key)))
        return events


class StoresAgree(RuleBasedStateMachine):
    """Steps are drawn first and played in one run at the end: rules cannot wait."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[Any, ...]] = []

    @rule(key=KEYS, value=st.none() | st.binary(max_size=3), back=st.none() | st.integers(0, 4))
    def put(self, key: str, value: bytes | None, back: int | None) -> None:
        self.steps.append(("put", key, value, back))

    @rule(prefix=PREFIXES, back=st.none() | st.integers(-1, 9), limit=st.integers(0, 3), start=KEYS)
    def page(self, prefix: str, back: int | None, limit: int, start: str) -> None:
        self.steps.append(("page", prefix, back, limit, start))

    @rule(prefix=PREFIXES, back=st.integers(-1, 9))
    def watch(self, prefix: str, back: int) -> None:
        self.steps.append(("watch", prefix, back))

    @rule(back=st.integers(0, 5))
    def compact(self, back: int) -> None:
        self.steps.append(("compact", back))

    @rule()
    def restart(self) -> None:
        self.steps.append(("restart",))

    def teardown(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            trio.run(play, self.steps, Path(folder) / "store.db")


async def play(steps: list[tuple[Any, ...]], path: Path) -> None:
    model, memory = Model(), MemoryStore()
    follower = memory.watch("", after=0)
    followed: list[Any] = []
    async with AsyncExitStack() as stack:
        sqlite = await stack.enter_async_context(open_sqlite(path))
        for kind, *arguments in steps:
            newest = len(model.snapshots) - 1
            if kind == "restart":
                await stack.aclose()
                sqlite = await stack.enter_async_context(open_sqlite(path))
            elif kind == "compact":
                before = max(newest - arguments[0], 0)
                model.oldest = max(model.oldest, before)
                for store in (memory, sqlite):
                    await store.compact(before)
            else:
                if kind == "put":
                    key, value, back = arguments
                    # `back` 0 expects what is there, 4 nothing, others something else.
                    there = model.snapshots[-1].get(key, (0,))[0]
                    expect = None if back is None else 0 if back == 4 else max(there - back, 0)
                    call = ("put", key, value, expect)
                elif kind == "page":
                    prefix, back, limit, start = arguments
                    at = None if back is None else max(newest - back, 0)
                    call = ("page", prefix, at, limit, start)
                else:
                    call = ("watch", arguments[0], max(newest - arguments[1], 0))
                expected = getattr(model, call[0])(*call[1:])
                for store in (memory, sqlite):
                    assert await ask(store, *call) == expected
            for store in (memory, sqlite):
                assert store.revision == len(model.snapshots) - 1
                assert store.oldest == model.oldest
            followed += [shown(event) for event in follower.receive_nowait()]
    assert followed == Model.watch(_unforgetting(model), "", 0)


def _unforgetting(model: Model) -> Model:
    model.oldest = 0
    return model


async def ask(store: Store, kind: str, *arguments: Any) -> Any:
    """Do one thing and give its outcome in the model's form."""
    try:
        if kind == "put":
            key, value, expect = arguments
            encode = None if value is None else lambda _: value
            stored = await store.put(key, encode, expect=expect)
            return stored.revision, stored.value
        if kind == "page":
            prefix, at, limit, start = arguments
            page = store.list(prefix, at=at, limit=limit, start=start)
            items = [(item.key, item.revision, item.value) for item in page.items]
            return items, page.revision, page.next_start, page.remaining
        watch = store.watch(arguments[0], after=arguments[1])
        events = [shown(event) for event in watch.receive_nowait()]
        watch.close()
        return events
    except KeyConflict as conflict:
        return "conflict", conflict.actual
    except Compacted:
        return "compacted"
    except FutureRevision:
        return "future"


def shown(event: Any) -> Any:
    now, before = event.now, event.before
    return (
        event.revision,
        event.key,
        now and (now.revision, now.value),
        before and (before.revision, before.value),
    )


TestStoresAgree = StoresAgree.TestCase
TestStoresAgree.settings = settings(
    max_examples=40, stateful_step_count=30, derandomize=True, database=None
)
