"""What a run leaves: what broke, how much happened, and, where asked for, every step of it.

In a file and between processes an outcome is JSON; the entries of a record stay in the process
that made them, where `story` and `timeline` tell them.
"""

from __future__ import annotations

from typing import Any

from attrs import Factory, define, frozen

from k8slite.faults.plan import Fault, Plan

Json = dict[str, Any]


@frozen
class Violation:
    """An invariant that did not hold."""

    invariant: str  # the check's name: "replicas", "unique-cluster-ip"
    message: str  # one sentence that names the objects
    key: str = ""  # of the object in the store, if it is one
    seconds: float = 0.0  # virtual, since the scenario began
    commit: int = 0


@frozen
class Order:
    """What makes a run, besides the code."""

    plan: Plan = Plan()
    seed: int = 0  # 0: whoever could go on first goes on first


@frozen
class Counts:
    """How much happened: the points at which faults can strike."""

    writes: dict[str, int] = Factory(dict)  # by process
    events: dict[str, dict[str, int]] = Factory(dict)  # by process, then resource
    commits: int = 0
    starts: int = 0
    # A process' last commit before its n-th write: where a replica can freeze to matter.
    written_at: dict[str, list[int]] = Factory(dict)


@frozen
class Outcome:
    """The end of a run."""

    violations: tuple[Violation, ...] = ()
    digest: str = ""  # the hash of the commit log
    counts: Counts = Counts()
    seconds: float = 0.0  # virtual, from the scenario's begin
    creates: dict[str, int] = Factory(dict)  # by resource
    deletes: dict[str, int] = Factory(dict)
    struck: int = 0  # how many of the plan's faults found their point
    error: str = ""  # the scenario itself failed: a traceback


@frozen(eq=False)
class Entry:
    """One thing that happened."""

    seconds: float  # virtual, since the scenario began


@frozen(eq=False)
class Committed(Entry):
    """The store changed."""

    number: int  # 0 for heartbeats and Events
    revision: int
    key: str
    process: str  # whose request it was; "" for the cluster's own doing
    request: str  # "PATCH /apis/apps/v1/namespaces/shop/deployments/web/status"
    before: bytes | None
    now: bytes | None


@frozen(eq=False)
class Delivered(Entry):
    """A watch brought a change to a process."""

    process: str
    resource: str
    number: int  # of that resource's events to the process
    kind: str  # ADDED, MODIFIED, DELETED
    key: str
    revision: int


@frozen(eq=False)
class Refused(Entry):
    """A process' request was answered with an error, or not at all."""

    process: str
    request: str
    answer: str  # "409 Conflict: ...", or an exception's name and text


@frozen(eq=False)
class Struck(Entry):
    """A fault found its point."""

    fault: Fault
    what: str  # "kube-scheduler crashes after its write 3"


@frozen(eq=False)
class Healed(Entry):
    """All faults ended; from here on the cluster must come to rest."""


@frozen(eq=False)
class Broke(Entry):
    """An invariant did not hold."""

    violation: Violation


@define(eq=False)
class Record:
    """All that happened in a run, in order; kept only for runs that are to be told."""

    order: Order
    scenario: str  # its name
    entries: list[Entry] = Factory(list)
