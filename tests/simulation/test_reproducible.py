"""The same code and the same seed give the same commit log, in any process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("whole_cluster.py")


def start(seed: int, hash_seed: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(seed)],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(process: "subprocess.Popen[str]") -> tuple[str, int, int]:
    out, err = process.communicate()
    assert process.returncode == 0, err
    digest, commits, running = out.split()
    return digest, int(commits), int(running)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_one_seed_is_one_history_in_every_process(seed: int) -> None:
    first, second = start(seed, 1), start(seed, 2)
    found = outcome(first)
    assert outcome(second) == found
    assert found[1] > 200, "a cluster that did something"
    assert found[2] == 5, "every pod ran"


def test_two_seeds_are_two_histories() -> None:
    first, second = start(3, 0), start(4, 0)
    assert outcome(first)[0] != outcome(second)[0]
