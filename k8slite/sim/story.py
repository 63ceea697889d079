"""A run as a story: who wrote what when, which fault struck, which invariant broke.

Heartbeats and Events are left out unless all is asked for; so are deliveries, but those to a
process that a fault has struck.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import attrs

from k8slite.faults.plan import Fault, Plan
from k8slite.objects.codec import loads
from k8slite.sim.difference import difference
from k8slite.sim.outcome import (
    Broke,
    Committed,
    Delivered,
    Entry,
    Healed,
    Outcome,
    Record,
    Refused,
    Struck,
)

QUIET_SECONDS: Final = 30.0  # a silence that is worth a line
COMMITS_IN_FULL: Final = 150  # with more, only those near a fault or a violation show what changed
NEAR_SECONDS: Final = 5.0


def story(record: Record, outcome: Outcome, *, verbose: bool = False) -> str:
    """Tell a run, for a terminal."""
    lines = [f"scenario {record.scenario}, seed {record.order.seed}"]
    lines += [f"  {line}" for line in plan_in_words(record.order.plan)]
    told = [one for one in record.entries if verbose or _matters(one)]
    if not record.order.plan.faults:
        told = [one for one in told if not isinstance(one, Healed)]  # nothing had to heal
    marks = [one.seconds for one in told if isinstance(one, Struck | Broke)]
    few = sum(isinstance(one, Committed) for one in told) <= COMMITS_IN_FULL
    struck = {getattr(fault, "process", "") for fault in record.order.plan.faults}
    before = 0.0
    for entry in told:
        near = any(abs(entry.seconds - mark) <= NEAR_SECONDS for mark in marks)
        if isinstance(entry, Delivered) and not verbose and not (near and entry.process in struck):
            continue
        if entry.seconds - before > QUIET_SECONDS:
            lines.append(
                f"           ... {entry.seconds - before:.0f} s with nothing but heartbeats"
            )
        before = entry.seconds
        first, *rest = _told(entry, verbose or few or near)
        lines.append(f"{entry.seconds:+9.3f}s {first}")
        lines += [f"             {line}" for line in rest]
    return "\n".join([*lines, summary(outcome)])


def summary(outcome: Outcome) -> str:
    """What came of a run, in a line."""
    if outcome.error:
        return f"the scenario itself failed: {outcome.error.strip().splitlines()[-1]}"
    if outcome.violations:
        return "; ".join(f"BROKEN {one.invariant}: {one.message}" for one in outcome.violations)
    return f"no invariant broke in {outcome.seconds:.0f} virtual seconds"


def plan_in_words(plan: Plan) -> list[str]:
    """A line for each fault."""
    return [_in_words(fault) for fault in plan.faults] or ["no faults"]


def _in_words(fault: Fault) -> str:
    values = ", ".join(
        f"{one.name} {getattr(fault, one.name)}"
        for one in attrs.fields(type(fault))
        if getattr(fault, one.name) != one.default
    )
    return f"{fault.name}: {values}"


def _matters(entry: Entry) -> bool:
    return not isinstance(entry, Committed) or entry.number > 0


def _told(entry: Entry, in_full: bool) -> Iterator[str]:
    if isinstance(entry, Committed):
        yield from _commit(entry, in_full)
    elif isinstance(entry, Delivered):
        what = f"{entry.kind} {entry.resource} {entry.key}"
        yield f"  {entry.process} learns of {what} (its event {entry.number})"
    elif isinstance(entry, Refused):
        yield f"{entry.process} is refused {entry.request}: {_reason(entry.answer)}"
    elif isinstance(entry, Struck):
        yield f">>> FAULT {entry.fault.name}: {entry.what}"
    elif isinstance(entry, Healed):
        yield ">>> all faults end"
    elif isinstance(entry, Broke):
        yield f">>> BROKEN {entry.violation.invariant}: {entry.violation.message}"


def _commit(entry: Committed, in_full: bool) -> Iterator[str]:
    who = entry.process or "the cluster"
    before = loads(entry.before) if entry.before is not None else None
    now = loads(entry.now) if entry.now is not None else None
    if now is None:
        yield f"{who} deletes {entry.key}"
    elif before is None:
        yield f"{who} creates {entry.key}{_owned(now)}"
    else:
        part = entry.request.rpartition("/")[2]
        yield f"{who} changes {entry.key}{' (status)' if part == 'status' else ''}"
        if in_full:
            yield from difference(before, now)


def _owned(obj: dict[str, Any]) -> str:
    owners = obj["metadata"].get("ownerReferences") or ()
    return "".join(f", owned by {one['kind']} {one['name']}" for one in owners[:1])


def _reason(answer: str) -> str:
    status, _, body = answer.partition(" ")
    try:
        found = loads(body.encode())
    except ValueError:
        return answer
    return f"{status} {found.get('reason', '')}: {found.get('message', '')}"
