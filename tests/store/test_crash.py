"""Acknowledged writes survive a process that is killed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from k8slite.store.sqlite import open_sqlite

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


async def check(path: Path, known: dict[str, tuple[str, int]], highest: int) -> int:
    """Compare what is in the store with the last acknowledged write of each key."""
    async with open_sqlite(path) as store:
        assert store.revision >= highest
        events = store.watch("", after=store.oldest).receive_nowait()
        assert [e.revision for e in events] == [*range(store.oldest + 1, store.revision + 1)]
        for item in store.list("").items:
            assert item.value == b"%d " % item.revision * 50
        for key, (sign, revision) in known.items():
            found = store.get(key)
            # A later write may have become durable without being acknowledged.
            later = any(e.key == key and e.revision > revision for e in events)
            if sign == "+":
                assert later or (found is not None and found.revision == revision)
            else:
                assert later or found is None
        return store.revision


@pytest.mark.parametrize("seed", range(5))
def test_acknowledged_writes_survive_sigkill(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "store.db"
    known: dict[str, tuple[str, int]] = {}
    highest = 0
    for round_number in range(ROUNDS):
        lines = killed_after(path, chance.randrange(1, 400), seed * 100 + round_number)
        assert lines[0] == "opened 0"
        for line in lines[1:]:
            name, revision = line.rsplit(" ", 1)
            # Nobody got a revision that was given out before the kill.
            assert int(revision) > highest or round_number == 0
            if int(revision) > known.get(name[1:], ("", 0))[1]:
                known[name[1:]] = (name[0], int(revision))
        highest = trio.run(check, path, known, max((r for _, r in known.values()), default=0))
