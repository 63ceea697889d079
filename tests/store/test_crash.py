"""Acknowledged writes survive a process that is killed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from k8slite.store.sqlite import open_sqlite

State = dict[str, int]  # the revision of each key
Write = tuple[int, bool, str]  # revision, whether it is a deletion, key

ROUNDS = 10  # times the five seeds: 50 kills


def killed_after(path: Path, lines: int, seed: int) -> list[str]:
    """Run a writer, kill it once it has printed so many lines; returns all that it printed."""
    command = [sys.executable, "-m", "tests.store.crashing_writer", str(path), str(seed)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[2]
    ) as child:
        assert child.stdout is not None
        seen = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        seen += child.stdout.readlines()
    return [line.decode().rstrip("\n") for line in seen if line.endswith(b"\n")]


async def check(
    path: Path, before: State, acknowledged: list[Write], top: int
) -> tuple[State, int]:
    """Compare the store with the state after the last kill plus what was acknowledged since.

    Only a write that became durable and could not be acknowledged any more may differ from it.
    """
    expected = dict(before)
    for revision, deleted, key in sorted(acknowledged):
        assert revision > top, "a revision was given out twice"
        if deleted:
            expected.pop(key, None)
        else:
            expected[key] = revision
    answered = {revision for revision, _, _ in acknowledged}
    async with open_sqlite(path) as store:
        assert store.revision >= max(answered, default=top) >= top
        events = store.watch("", after=store.oldest).receive_nowait()
        assert [e.revision for e in events] == [*range(store.oldest + 1, store.revision + 1)]
        items = store.list("").items
        assert all(item.value == b"%d " % item.revision * 50 for item in items)
        found = {item.key: item.revision for item in items}
        unanswered = {e.key: e for e in events if e.revision > top and e.revision not in answered}
        for key in sorted(found.keys() | expected.keys()):
            if found.get(key) != expected.get(key):
                last = unanswered[key]  # a KeyError here is a lost write
                assert last.revision > expected.get(key, 0)
                assert found.get(key) == (last.now.revision if last.now else None)
        return found, store.revision


@pytest.mark.parametrize("seed", range(5))
def test_acknowledged_writes_survive_sigkill(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "store.db"
    state: dict[str, int] = {}
    top = 0
    for round_number in range(ROUNDS):
        lines = killed_after(path, chance.randrange(1, 400), seed * 100 + round_number)
        assert lines[0] == "opened 0"
        acknowledged = []
        for line in lines[1:]:
            name, revision = line.rsplit(" ", 1)
            acknowledged.append((int(revision), name[0] == "-", name[1:]))
        state, top = trio.run(check, path, state, acknowledged, top)
