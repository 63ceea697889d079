"""Actors, how they are supervised, and how they reach each other.

An actor that raises is logged, counted and started again after a back-off that doubles; a
component's death never takes the others along. Callers reach a Handler through a Link, the one
place where a simulation can hold, lose or repeat a message.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, Protocol

import trio
from attrs import define, field

from k8slite.messages import Handler, Peer, Request, Response

log = logging.getLogger(__name__)

RESTART_SECONDS: Final = 0.2  # the first back-off; an API call that failed is worth a quick retry
RESTART_MOST_SECONDS: Final = 30.0  # the back-off's ceiling
CALM_SECONDS: Final = 60.0  # a run of this length makes the back-off start anew


class Actor(Protocol):
    """A component that runs until it is cancelled."""

    @property
    def name(self) -> str: ...

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run for ever; `task_status.started()` says that it has synced."""
        ...


class Link:
    """The caller's end of the way to a Handler, stamped with the caller's identity."""

    def __init__(self, handler: Handler, peer: Peer) -> None:
        self._handler = handler
        self._peer = peer

    async def __call__(self, request: Request) -> Response:
        stamped = Request(
            request.method,
            request.path,
            request.query,
            request.headers,
            request.body,
            self._peer,
            request.repeated,
            request.lines,
        )
        return await self._handler(stamped)


@define
class Condition:
    """What a supervisor knows of one actor."""

    restarts: int = 0
    running: bool = False
    last_error: str = ""


@define
class Supervisor:
    """Keeps actors alive; `conditions` is what `k8slite status` and /metrics print."""

    _conditions: dict[str, Condition] = field(factory=dict)

    @property
    def conditions(self) -> Mapping[str, Condition]:
        return self._conditions

    async def keep(
        self, actor: Actor, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run the actor and start it again whenever it ends; returns only by cancellation.

        `task_status.started()` is called when the actor has synced for the first time.
        """
        condition = self._conditions.setdefault(actor.name, Condition())
        first = _Once(task_status)
        back_off_seconds = RESTART_SECONDS
        while True:
            began = trio.current_time()
            condition.running = True
            try:
                await actor.run(task_status=first)
                condition.last_error = "ended by itself"
            except Exception as error:  # the supervisor is where errors of components end
                condition.last_error = f"{type(error).__name__}: {error}"
                log.exception("%s failed and will be restarted", actor.name)
            finally:
                condition.running = False
            condition.restarts += 1
            if trio.current_time() - began > CALM_SECONDS:
                back_off_seconds = RESTART_SECONDS
            await trio.sleep(back_off_seconds)
            back_off_seconds = min(back_off_seconds * 2, RESTART_MOST_SECONDS)


class _Once:
    """Passes on only the first `started`: a restarted actor syncs again."""

    def __init__(self, task_status: trio.TaskStatus[None]) -> None:
        self._task_status: trio.TaskStatus[None] | None = task_status

    def started(self, value: None = None) -> None:
        if self._task_status is not None:
            self._task_status.started()
            self._task_status = None
