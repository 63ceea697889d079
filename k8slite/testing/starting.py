"""What kind of cluster is asked for, checked, and the loop that is to host it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from k8slite.cluster import Settings
from k8slite.kinds.table import NEWEST_MINOR, OLDEST_MINOR
from k8slite.live.clock import MovableClock
from k8slite.live.embedded import Embedded, Embedding, embedded
from k8slite.live.loop import Loop
from k8slite.testing.snapshots import Snapshot


@frozen(eq=False)
class Begun:
    """A cluster's loop, what it is to host, and how to make another one like it."""

    loop: Loop[Embedded]
    wanted: Embedding
    where: str  # the line that asked for it

    @classmethod
    def of(cls, wanted: Embedding, ahead_seconds: float = 0.0) -> Begun:
        """A cluster that is `wanted`, at a time of its own."""
        clock = MovableClock(ahead_seconds)
        loop = Loop("the cluster", lambda: embedded(wanted, clock), clock)
        return cls(loop, wanted, _caller())

    def forked(self, snapshot: Snapshot) -> Begun:
        """A cluster of its own that begins with a snapshot."""
        settings, tls = self.wanted.settings, self.wanted.tls
        wanted = Embedding(settings, tls, store=snapshot.store.copy())
        return self.of(wanted, snapshot.ahead_seconds)

    def past(self, snapshot: Snapshot) -> Begun:
        """A snapshot to be read, where nothing lives."""
        settings, tls = self.wanted.settings, self.wanted.tls
        wanted = Embedding(settings, tls, store=snapshot.store.copy(), runs=False)
        return self.of(wanted, snapshot.ahead_seconds)


def begin(
    version: str,
    nodes: int,
    controllers: Sequence[str],
    scheduler: bool,
    tls: bool,
    data_dir: str | os.PathLike[str] | None,
) -> Begun:
    """A cluster that is about to be; see `cluster.start`. Raises ValueError."""
    if not isinstance(nodes, int) or nodes < 0:
        raise ValueError(f"nodes is how many there are, and not {nodes!r}")
    if isinstance(controllers, str):
        raise ValueError(f"controllers is a sequence of names: ({controllers!r},)")
    settings = Settings(_minor(version), nodes, controllers=tuple(controllers), scheduler=scheduler)
    path = Path(data_dir) if data_dir is not None else None
    return Begun.of(Embedding(settings, tls, path))


def _minor(version: str) -> int:
    number = str(version).removeprefix("v").split(".")
    if len(number) not in (2, 3) or not all(one.isdecimal() for one in number):
        number = ["", ""]
    if number[0] != "1" or not OLDEST_MINOR <= int(number[1]) <= NEWEST_MINOR:
        raise ValueError(
            f"Kubernetes {version} is not known, only 1.{OLDEST_MINOR} to 1.{NEWEST_MINOR}"
        )
    return int(number[1])


def _caller() -> str:
    """Where, outside of this package, somebody asked for a cluster."""
    here, frame = os.path.dirname(__file__), sys._getframe(1)
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename) == here:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
