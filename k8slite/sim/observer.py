"""Sees every commit on its way: counts it, hashes it, shows it to the checks, writes it down.

What it makes of a run is the outcome; it changes nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

import trio

from k8slite.faults.gates import Delivered
from k8slite.faults.noise import beats, silent_commit
from k8slite.faults.plan import Fault
from k8slite.faults.storm import Storm
from k8slite.messages import Request, Response
from k8slite.objects.codec import loads
from k8slite.sim.checks import Change, Check, Hearing, Setting
from k8slite.sim.network import Server
from k8slite.sim.outcome import (
    Broke,
    Committed,
    Counts,
    Healed,
    Outcome,
    Record,
    Refused,
    Struck,
    Violation,
)
from k8slite.sim.outcome import Delivered as DeliveredEntry
from k8slite.sim.processes import Life
from k8slite.sim.store import Writer
from k8slite.sim.witness import History
from k8slite.store.store import Event

Json = dict[str, Any]

LATEST_KEYS: Final = 200  # remembered, to say who does not come to rest

# Who writes so much will never come to rest: a hot loop may not even let time go on.
COMMITS_MOST: Final = 3000


class Observer:
    """What is known of a run so far."""

    def __init__(
        self,
        setting: Setting,
        checks: Sequence[type[Check]],
        server: Server,
        record: Record | None,
    ) -> None:
        self.state = setting.state
        self.record = record
        self.violations: list[Violation] = []
        self.broke = trio.Event()
        self.changed = trio.lowlevel.ParkingLot()  # where to wait for the next commit
        self.began_seconds: float | None = None
        self.commits = 0  # since the scenario's begin; heartbeats and Events are left out
        self.last_commit_seconds = 0.0
        self.storm: Storm = Storm(self.struck)
        self._server = server
        self.history = History()
        self._hash = sha256()
        self._struck = 0
        self._latest: deque[str] = deque(maxlen=LATEST_KEYS)
        self._creates: dict[str, int] = {}
        self._deletes: dict[str, int] = {}
        self._checks = [one(setting) for one in checks]
        self._of_all = [one for one in self._checks if not one.prefixes]
        self._of_prefix: dict[str, list[Check]] = {}
        self._hearing: dict[str, list[Hearing]] = {}
        for one in self._checks:
            for prefix in one.prefixes:
                self._of_prefix.setdefault(prefix, []).append(one)
                if isinstance(one, Hearing):
                    self._hearing.setdefault(prefix, []).append(one)

    @property
    def seconds(self) -> float:
        """Virtual time since the scenario's begin (before it: since the cluster's)."""
        return trio.current_time() - (self.began_seconds or 0.0)

    def begin(self) -> None:
        """Count from here on."""
        self.began_seconds = trio.current_time()
        self.commits = self._server.commits = 0
        self._creates.clear()
        self._deletes.clear()

    def owed(self) -> list[Violation]:
        """What is not as it must be at rest."""
        return [
            self._violation(check, complaint)
            for check in self._checks
            for complaint in check.rest()
        ]

    def busiest(self) -> list[tuple[str, int]]:
        """Which keys were written most lately, and how often."""
        return Counter(self._latest).most_common(3)

    def restless(self) -> Violation:
        """The cluster does not come to rest."""
        busiest = ", ".join(f"{count} times {key}" for key, count in self.busiest())
        message = f"the cluster does not come to rest; written most lately: {busiest}"
        return Violation("rest", message, "", self.seconds, self.commits)

    def complain_of(self, invariant: str, complaint: str) -> None:
        """An invariant that is no check of commits is broken."""
        self.complain(Violation(invariant, complaint, "", self.seconds, self.commits))

    def complain(self, violation: Violation) -> None:
        """An invariant is broken: the run ends."""
        self.violations.append(violation)
        if self.record is not None:
            self.record.entries.append(Broke(self.seconds, violation))
        self.broke.set()

    def outcome(self, lives: Iterable[Life], starts: int, error: str) -> Outcome:
        """What there is to say of the run so far."""
        known = list(lives)
        counts = Counts(
            {life.name: life.writes for life in known if life.writes},
            {life.name: dict(life.events) for life in known if life.events},
            self.commits,
            starts,
            {life.name: list(life.written_at) for life in known if life.written_at},
        )
        return Outcome(
            tuple(self.violations),
            self._hash.hexdigest(),
            counts,
            self.seconds,
            dict(self._creates),
            dict(self._deletes),
            self._struck,
            error,
        )

    def healed(self) -> None:
        """All faults have ended."""
        if self.record is not None:
            self.record.entries.append(Healed(self.seconds))

    def committed(self, event: Event, writer: Writer) -> None:
        revision, key, now, _ = event
        value = now.value if now is not None else b"-"
        self._hash.update(b"%d %b %b\n" % (revision, key.encode(), value))
        prefix = key[: key.find("/") + 1]
        complaint = self.history.take(event, prefix)
        if complaint:
            self.complain_of("revisions", complaint)
        if beats(event):
            # An object lives, and nothing else has changed.
            self.state.take(event, prefix)
            if self.record is not None:
                self._write_down(event, writer, 0)
            for check in self._hearing.get(prefix, ()):
                check.beat(key, trio.current_time())
        else:
            self._change(event, writer, prefix)
        if self.changed:
            self.changed.unpark_all()

    def _change(self, event: Event, writer: Writer, prefix: str) -> None:
        number = 0
        if not silent_commit(event):
            self.commits += 1
            number = self.commits
            self._server.commits = number
            self.last_commit_seconds = trio.current_time()
            self._latest.append(event.key)
            if number == COMMITS_MOST and self.began_seconds is not None:
                self.complain(self.restless())
            if event.before is None:
                self._creates[prefix] = self._creates.get(prefix, 0) + 1
            elif event.now is None:
                self._deletes[prefix] = self._deletes.get(prefix, 0) + 1
        checks = self._of_prefix.get(prefix)
        old = None
        if checks or self._of_all:
            old = self.state.get(event.key)
        self.state.take(event, prefix)
        self._write_down(event, writer, number)
        if checks or self._of_all:
            self._check(event, writer, number, old, [*(checks or ()), *self._of_all])
        if number:
            self.storm.committed(number, event.revision)

    def _write_down(self, event: Event, writer: Writer, number: int) -> None:
        if self.record is None or self.began_seconds is None:
            return
        revision, key, after, former = event
        before = former.value if former is not None else None
        now = after.value if after is not None else None
        process, request = writer.process, writer.request
        self.record.entries.append(
            Committed(self.seconds, number, revision, key, process, request, before, now)
        )

    def _check(
        self, event: Event, writer: Writer, number: int, old: Json | None, checks: list[Check]
    ) -> None:
        new = self.state.get(event.key)
        change = Change(
            event,
            trio.current_time(),
            number,
            writer.process,
            writer.request,
            writer.user,
            writer.repeated,
            old,
            new,
        )
        for check in checks:
            for complaint in check.commit(change):
                self.complain(self._violation(check, complaint, event.key))

    def _violation(self, check: Check, complaint: str, key: str = "") -> Violation:
        return Violation(check.name, complaint, key, self.seconds, self.commits)

    def struck(self, fault: Fault, what: str) -> None:
        self._struck += 1
        if self.record is not None:
            self.record.entries.append(Struck(self.seconds, fault, what))

    def delivered(self, process: str) -> Delivered:
        record = self.record
        assert record is not None

        def delivered(resource: str, number: int, line: bytes) -> None:
            event = loads(line)
            metadata = event["object"].get("metadata") or {}
            name = "/".join(filter(None, (metadata.get("namespace"), metadata.get("name", ""))))
            revision = int(metadata.get("resourceVersion") or 0)
            record.entries.append(
                DeliveredEntry(
                    self.seconds, process, resource, number, event["type"], name, revision
                )
            )

        return delivered

    def answered(self, process: str) -> Callable[[Request, Response], None]:
        """Writes down what is refused to a process."""
        record = self.record
        assert record is not None

        def answered(request: Request, response: Response) -> None:
            if response.status < 400:
                return
            body = response.body.decode() if isinstance(response.body, bytes) else ""
            what = f"{request.method} {request.path}"
            record.entries.append(Refused(self.seconds, process, what, f"{response.status} {body}"))

        return answered
