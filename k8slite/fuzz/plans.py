"""Which plans are worth trying, in which order: every single fault, then pairs, then chance.

What the reference run did says where faults can strike: its writes, events, commits and starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Final

from k8slite.cluster import API_SERVER, KUBELET
from k8slite.faults.plan import (
    FAULTS,
    Crash,
    CrashStore,
    CutWatch,
    Delay,
    FailContainer,
    Fault,
    HoldWatch,
    LoseEvents,
    LoseReply,
    PartitionNode,
    Pause,
    Plan,
    Refuse,
    Repeat,
    RepeatEvent,
    SkewClock,
    StaleReads,
    TimeTravel,
)
from k8slite.sim.outcome import Counts, Order

# Longer than what a controller waits for what it has done to be seen (upstream's expectations
# last 5 minutes).
LONG_SECONDS: Final = 400.0
SHORT_SECONDS: Final = 5.0

# Short names for several kinds, on the command line.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "stale": (
        "time-travel",
        "stale-reads",
        "hold-watch",
        "lose-events",
        "cut-watch",
        "repeat-event",
    ),
    "error": ("refuse", "lose-reply", "delay"),
    "node": ("partition-node", "fail-container"),
}
# Left out unless asked for: nobody's controller is owed a clock that is right, a request that
# arrives once, or a user who does not delete things; who lives on has read what is newer already,
# and a time travel is a replica's past for one who knows nothing.
NOT_BY_DEFAULT: Final = ("skew-clock", "repeat", "delete-object", "stale-reads")


def kinds(asked: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of the kinds of faults that are asked for. Raises ValueError for an unknown one."""
    found: dict[str, None] = {}
    for name in asked:
        if name not in FAULTS and name not in GROUPS:
            known = ", ".join([*GROUPS, *FAULTS])
            raise ValueError(f"there is no fault {name}; there are {known}")
        found.update(dict.fromkeys(GROUPS.get(name, (name,))))
    return tuple(found) or tuple(name for name in FAULTS if name not in NOT_BY_DEFAULT)


def processes(counts: Counts, targets: Sequence[str]) -> list[str]:
    """Whom faults strike, the user's own controllers first."""
    known = list(dict.fromkeys([*counts.writes, *counts.events]))
    wanted = [one for one in known if not targets or one in targets]
    return sorted(wanted, key=lambda name: (name.startswith("kube"), wanted.index(name)))


def single_faults(
    counts: Counts, targets: Sequence[str], wanted: Sequence[str], nodes: int
) -> list[Fault]:
    """Every single fault, the kinds in turn, so that a short search has tried a bit of all."""
    found: list[list[Fault]] = []
    for process in processes(counts, targets):
        found += _of_writes(process, counts.writes.get(process, 0))
        for resource, events in sorted(counts.events.get(process, {}).items()):
            found += _of_events(process, resource, events)
        if process not in (API_SERVER, KUBELET):
            found.append([Pause(process, at) for at in _points(counts.commits)])
            found.append([SkewClock(process, at) for at in _points(counts.commits)])
            found.append([StaleReads(process, at) for at in _points(counts.commits)])
    found.append([CrashStore(at) for at in _points(counts.commits)])
    for number in range(nodes):
        found.append([PartitionNode(f"node-{number}", at) for at in _points(counts.commits)])
    for how in ("exit", "oom", "slow", "probe"):
        found.append([FailContainer(at, how) for at in _points(counts.starts)])
    mixed = chain.from_iterable(zip_longest(*found))
    return [fault for fault in mixed if fault is not None and fault.name in wanted]


def time_travels(counts: Counts, targets: Sequence[str]) -> list[Fault]:
    """Every pair of a commit at which a replica stops and a later write to crash at.

    Those whose replica is just a little behind come first.
    """
    found = [
        (write_at - commit, TimeTravel(process, commit, number))
        for process in processes(counts, targets)
        for number, write_at in enumerate(counts.written_at.get(process, ()), 1)
        for commit in range(1, write_at + 1)
    ]
    return [fault for _, fault in sorted(found, key=lambda one: one[0])]


def random_orders(
    faults: Sequence[Fault], seed: int, count: int, draw: Callable[[int, int, int], list[list[int]]]
) -> Iterator[Order]:
    """Several faults at once, and an order of tasks: `draw` gives lists of indexes and a seed."""
    for numbers in draw(len(faults), seed, count):
        *chosen, order_seed = numbers
        yield Order(Plan(tuple(faults[number] for number in dict.fromkeys(chosen))), order_seed)


def _of_writes(process: str, writes: int) -> list[list[Fault]]:
    points = range(1, writes + 1)
    return [
        [Crash(process, write=at) for at in points],
        [LoseReply(process, at) for at in points],
        [Refuse(process, at, 409) for at in points],
        [Refuse(process, at, 500) for at in points],
        [Delay(process, at, SHORT_SECONDS) for at in points],
        [Repeat(process, at) for at in points],
    ]


def _of_events(process: str, resource: str, events: int) -> list[list[Fault]]:
    points = range(1, events + 1)
    return [
        [HoldWatch(process, resource, at, SHORT_SECONDS) for at in points],
        [HoldWatch(process, resource, at, LONG_SECONDS) for at in points],
        [HoldWatch(process, resource, at) for at in points],
        [LoseEvents(process, resource, at) for at in points],
        [CutWatch(process, resource, at, expired=True) for at in points],
        [RepeatEvent(process, resource, at) for at in points],
    ]


def _points(count: int) -> range:
    return range(1, count + 1)
