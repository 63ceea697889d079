"""What every container runtime does for the kubelet.

Orders (`start`, `stop`, `adopt`, `forget`) never wait; what becomes of them is told by reports,
given to the callback that `attach` named, maybe before the order returns:

    start -> PullFailed                              the kubelet may order it again, later
    start -> Pulled, Started, then Probed any number of times, then Exited
             after a Started that says so, Hooked comes before the first Probed, or Exited does
    stop  -> Exited; with an empty id for a container that had not started yet

    any time after Started -> Announced, Unwanted, Refinalized: they are about the pod as a whole
    leave -> Announced and Refinalized, any number of times, until the pod is forgotten

Reports about one container come in order. After `forget` there are none about that pod.
Readiness: a started container is not ready before Probed("readiness", True) says so; one without
a probe is told ready together with its start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

import trio
from attrs import frozen

from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.box import Mount
from k8slite.kubelet.runtimes.finalizers import Finalizers
from k8slite.kubelet.runtimes.network import Routes
from k8slite.kubelet.runtimes.session import Session
from k8slite.messages import Duplex, Request, Response, Stream

ProbeKind = Literal["startup", "readiness", "liveness"]


class ContainerKey(NamedTuple):
    """A container of a pod, whichever of its runs."""

    pod_uid: str
    name: str


@frozen
class ContainerConfig:
    """An order to run a container."""

    pod: Pod
    container: Container
    attempt: int  # 0 the first time, then the restart count
    addresses: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    # Sees that the files of mounts are what they should be by now.
    refresh: Callable[[], Awaitable[None]] | None = None

    @property
    def key(self) -> ContainerKey:
        return ContainerKey(self.pod.metadata.uid, self.container.name)


@frozen
class Report:
    """Something that happened to a container."""

    key: ContainerKey


@frozen
class PullFailed(Report):
    message: str


@frozen
class Pulled(Report):
    image_id: str
    present: bool  # nothing had to be fetched
    seconds: float = 0.0
    size_bytes: int = 0


@frozen
class Started(Report):
    id: str  # as in containerID: "<runtime>://<hexadecimal>"
    hooked: bool = False  # it does not count as running before its postStart hook has ended


@frozen
class Hooked(Report):
    """The postStart hook has ended; a container whose hook has failed is to be stopped."""

    id: str
    ok: bool


@frozen
class PreStopFailed(Report):
    """What a container does before it is told to end has failed; it ends all the same."""


@frozen
class Probed(Report):
    """A probe's result has changed (not: every probe that was made)."""

    id: str
    probe: ProbeKind
    ok: bool
    message: str = ""


@frozen
class Exited(Report):
    id: str
    exit_code: int
    reason: str = ""  # "" for Completed or Error, as the exit code says
    message: str = ""


@frozen
class Announced(Report):
    """There is to be an Event about the pod."""

    type: str
    reason: str
    message: str


@frozen
class Unwanted(Report):
    """The pod is to be deleted."""


@frozen
class Refinalized(Report):
    """The pod's finalizers are to be changed."""

    change: Finalizers


@frozen
class Complained(Report):
    """The order held something that the runtime does not understand and has ignored."""

    message: str


@frozen
class RunningContainer:
    """What `inspect` tells."""

    name: str
    id: str
    attempt: int


@frozen
class ContainerUsage:
    """What a running container takes of its node."""

    name: str
    cpu_milli: int  # thousandths of a core
    memory_bytes: int  # its working set


@frozen
class LogOptions:
    """Which part of a log is wanted (upstream: `core/v1.PodLogOptions`)."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since: datetime | None = None
    tail_lines: int | None = None
    limit_bytes: int | None = None


class LogNotFound(Exception):
    """There is no log of that container, or of its run before the last."""


class Runtime(Protocol):
    """Runs containers."""

    @property
    def name(self) -> str:
        """The scheme of its container ids."""
        ...

    @property
    def version(self) -> str: ...

    def attach(self, report: Callable[[Report], None]) -> None:
        """Say who is told what happens; once, before the first order."""
        ...

    def route(self, routes: Routes) -> None:
        """Say where names and addresses of services lead that containers ask for."""
        ...

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """What the runtime does by itself, for ever."""
        ...

    def start(self, config: ContainerConfig) -> None:
        """Get the image, create the container and start it."""
        ...

    def adopt(self, config: ContainerConfig, container_id: str, age_seconds: float) -> bool:
        """Take up a container that an earlier kubelet started; False if it runs no more.

        Its probes report anew; the age is what the API knows of its start.
        """
        ...

    def stop(self, key: ContainerKey, grace_seconds: float) -> None:
        """Ask it to end, and kill it when the grace is over; a second order may shorten that."""
        ...

    def leave(self, pod: Pod) -> None:
        """The pod's deletion has begun; its containers are stopped after that."""
        ...

    def change(self, config: ContainerConfig) -> None:
        """The pod's metadata has changed while the container runs."""
        ...

    def forget(self, pod_uid: str) -> None:
        """Kill what runs of the pod without a word, and drop its logs."""
        ...

    def inspect(self, pod_uid: str) -> list[RunningContainer]:
        """What runs of the pod, by name."""
        ...

    def usage(self, pod_uid: str) -> list[ContainerUsage]:
        """What the containers that run of the pod use, by name."""
        ...

    def log(self, key: ContainerKey, options: LogOptions) -> bytes | Stream:
        """A container's log, as a Stream if it is to be followed. Raises LogNotFound."""
        ...

    async def exec(self, key: ContainerKey, command: Sequence[str], session: Session) -> int:
        """Run a command in a running container; returns its exit code. Raises ExecFailed."""
        ...

    async def attach_to(self, key: ContainerKey, session: Session) -> int:
        """Be connected with a running container's own streams until it ends; its exit code.

        Raises ExecFailed.
        """
        ...

    async def forward(self, pod_uid: str, port: int, duplex: Duplex) -> None:
        """Connect with a port of a pod until either end has had enough.

        Raises OSError where nobody listens.
        """
        ...

    async def request(self, address: str, port: int, request: Request, *, tls: bool) -> Response:
        """Ask whoever listens at a pod's address. Raises OSError where there is no answer."""
        ...
