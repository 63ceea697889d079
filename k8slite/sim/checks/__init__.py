"""The invariants that every run is held against, one family a file.

In: every commit, and the state at rest. Out: complaints. Never here: anything that changes a run.
A new family is one file and one line in the table below.
"""

from __future__ import annotations

from typing import Final

from k8slite.sim.checks.check import Change, Check, Setting, State

__all__ = ["CHECKS", "Change", "Check", "Setting", "State"]

CHECKS: Final[tuple[type[Check], ...]] = ()
