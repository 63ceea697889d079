"""Findings in files: what makes the run, and what it must come to.

    {"replay": 1, "scenario": "package.module:Class", "seed": 0,
     "plan": [{"fault": "crash", "process": "websites", "write": 2}],
     "violation": {"invariant": ..., "message": ..., "seconds": ...}, "digest": "..."}

The digest is of the commit log: as long as neither k8slite nor the controllers change, the run is
the same bit for bit; afterwards it tells whether what is found is still that run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen

from k8slite.faults.plan import Plan
from k8slite.sim.outcome import Order, Violation

FORMAT: Final = 1


class BadReplay(Exception):
    """The file is no replay; the text says why."""


@frozen
class Replay:
    """A run to be played again."""

    scenario: str
    order: Order
    violation: Violation | None = None
    digest: str = ""


def save(path: Path, replay: Replay) -> None:
    """Write a file. Raises OSError."""
    found: dict[str, Any] = {
        "replay": FORMAT,
        "scenario": replay.scenario,
        "seed": replay.order.seed,
        "plan": replay.order.plan.dump(),
    }
    if replay.violation is not None:
        found["violation"] = attrs.asdict(replay.violation)
    if replay.digest:
        found["digest"] = replay.digest
    path.write_text(json.dumps(found, indent=2) + "\n")


def load(path: Path) -> Replay:
    """Read a file. Raises OSError or BadReplay."""
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise BadReplay(f"{path} is no JSON: {error}") from None
    if not isinstance(found, dict) or found.get("replay") != FORMAT:
        raise BadReplay(f'{path} is no replay: it has no "replay": {FORMAT}')
    scenario, seed = found.get("scenario"), found.get("seed", 0)
    if not isinstance(scenario, str) or not isinstance(seed, int):
        raise BadReplay(f"{path} must have a scenario, and a seed that is a number")
    try:
        order = Order(Plan.load(found.get("plan", [])), seed)
        violation = Violation(**found["violation"]) if found.get("violation") else None
    except (TypeError, ValueError) as error:
        raise BadReplay(f"{path}: {error}") from None
    return Replay(scenario, order, violation, str(found.get("digest", "")))
