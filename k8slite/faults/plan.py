"""What can go wrong, as values: a plan is a list of faults, each struck by a count, not by a time.

Counts begin with 1 where the scenario begins (see `simulation`):

    write    the n-th request of a process that changes something
    event    the n-th change that a watch of a process brings (of one resource, where one is named)
    commit   the n-th change of the store
    start    the n-th start of a container

Heartbeats and Events are not counted, or the counts would say nothing (see `noise`). How long a
fault lasts is virtual time; one that lasts for ever ends when the run is healed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

import attrs
from attrs import frozen

Json = dict[str, Any]

FOREVER: Final = math.inf


@frozen
class Fault:
    """Something that goes wrong once."""

    name: ClassVar[str]  # in files and on the command line


@frozen
class Crash(Fault):
    """A process dies right after its n-th write took effect, or when its n-th event arrives.

    All that it knew is gone; it is started again after a while.
    """

    name = "crash"
    process: str
    write: int = 0  # one of the two
    event: int = 0
    down_seconds: float = 1.0


@frozen
class TimeTravel(Fault):
    """A read replica stops at a commit; a process dies at a write and starts again against it.

    Lists with resourceVersion 0, and the watches that follow them, show the past until the replica
    catches up.
    """

    name = "time-travel"
    process: str
    commit: int
    write: int
    down_seconds: float = 1.0
    behind_seconds: float = 60.0


@frozen
class LoseReply(Fault):
    """A write takes effect, but its sender sees a broken connection."""

    name = "lose-reply"
    process: str
    write: int


@frozen
class Refuse(Fault):
    """A write is answered with an error and does nothing."""

    name = "refuse"
    process: str
    write: int
    status: int = 409  # 409, 429, 500 or 503


@frozen
class Delay(Fault):
    """A write is under way for long before it reaches the server."""

    name = "delay"
    process: str
    write: int
    seconds: float = 5.0


@frozen
class Repeat(Fault):
    """A write reaches the server twice; the sender sees the first answer."""

    name = "repeat"
    process: str
    write: int


@frozen
class HoldWatch(Fault):
    """From an event on, a watch brings nothing for a while, then all that was held, in order."""

    name = "hold-watch"
    process: str
    resource: str  # as in `ResourceName`: "pods", "replicasets.apps"
    event: int
    seconds: float = FOREVER


@frozen
class LoseEvents(Fault):
    """As HoldWatch, but what was held is lost: the watch ends with 410 and must list anew."""

    name = "lose-events"
    process: str
    resource: str
    event: int
    seconds: float = 5.0


@frozen
class CutWatch(Fault):
    """A watch ends right before an event, without a word or with 410 Expired."""

    name = "cut-watch"
    process: str
    resource: str
    event: int
    expired: bool = False


@frozen
class RepeatEvent(Fault):
    """A watch brings an event twice."""

    name = "repeat-event"
    process: str
    resource: str
    event: int


@frozen
class Pause(Fault):
    """A process stands still, from a commit on: what it sends and gets waits."""

    name = "pause"
    process: str
    commit: int
    seconds: float = 20.0  # longer than a lease lasts


@frozen
class StaleReads(Fault):
    """From a commit on, a process reads from a replica that stopped there.

    Lists with resourceVersion 0, and the watches that follow them, show the past for a while.
    """

    name = "stale-reads"
    process: str
    commit: int
    seconds: float = 60.0


@frozen
class SkewClock(Fault):
    """A process' clock shows another time of day, from a commit on."""

    name = "skew-clock"
    process: str
    commit: int
    seconds: float = 60.0  # ahead; negative: behind


@frozen
class CrashStore(Fault):
    """API server and store die at a commit; what was not yet on the disk is gone."""

    name = "crash-store"
    commit: int
    down_seconds: float = 1.0


@frozen
class PartitionNode(Fault):
    """A node hears nothing and says nothing, from a commit on; its containers go on."""

    name = "partition-node"
    node: str
    commit: int
    seconds: float = 60.0


@frozen
class FailContainer(Fault):
    """The n-th container that starts comes to grief.

    `how`: exit (code 1), oom, slow (a minute until ready), probe (readiness fails for a minute).
    """

    name = "fail-container"
    start: int
    how: str = "exit"


@frozen
class DeleteObject(Fault):
    """A user deletes one of the scenario's objects at a commit, and may make it anew."""

    name = "delete-object"
    resource: str
    namespace: str
    object_name: str
    commit: int
    recreate: bool = False


# What strikes a write, an event of a watch, or a commit, whichever its count says.
OF_WRITES: Final = (LoseReply, Refuse, Delay, Repeat)
OF_WATCHES: Final = (HoldWatch, LoseEvents, CutWatch, RepeatEvent)
OF_COMMITS: Final = (Pause, StaleReads, SkewClock, CrashStore, PartitionNode, DeleteObject)
FAULTS: Final[Mapping[str, type[Fault]]] = {
    one.name: one
    for one in (Crash, TimeTravel, *OF_WRITES, *OF_WATCHES, *OF_COMMITS, FailContainer)
}


@frozen
class Plan:
    """The faults of a run; their order means nothing."""

    faults: tuple[Fault, ...] = ()

    def dump(self) -> list[Json]:
        """As JSON: one object a fault, without what is as by default."""
        return [_dump(fault) for fault in self.faults]

    @classmethod
    def load(cls, found: Any) -> Plan:
        """Read `dump`'s form. Raises ValueError that names what is wrong."""
        if not isinstance(found, list):
            raise ValueError("a plan is a list of faults")
        return cls(tuple(_load(one) for one in found))


def _dump(fault: Fault) -> Json:
    found: Json = {"fault": fault.name}
    for attribute in attrs.fields(type(fault)):
        value = getattr(fault, attribute.name)
        if value != attribute.default:
            found[attribute.name] = "forever" if value == FOREVER else value
    return found


def _load(found: Any) -> Fault:
    if not isinstance(found, dict) or found.get("fault") not in FAULTS:
        known = ", ".join(FAULTS)
        raise ValueError(f"{found!r} is no fault; `fault` must be one of {known}")
    type_ = FAULTS[found["fault"]]
    known_fields = {attribute.name: attribute for attribute in attrs.fields(type_)}
    values = {key: value for key, value in found.items() if key != "fault"}
    _complain(found, "has unknown fields", [key for key in values if key not in known_fields])
    missing = [
        key
        for key, attribute in known_fields.items()
        if key not in values and attribute.default is attrs.NOTHING
    ]
    _complain(found, "lacks", missing)
    for key, value in values.items():
        wanted = _TYPES[str(known_fields[key].type)]
        if value == "forever" and float in wanted:
            values[key] = FOREVER
        elif type(value) not in wanted:
            _complain(found, "has a value of the wrong type in", [key])
    return type_(**values)


def _complain(found: Json, what: str, keys: Iterable[str]) -> None:
    listed = ", ".join(keys)
    if listed:
        raise ValueError(f"the fault {found!r} {what}: {listed}")


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
}
