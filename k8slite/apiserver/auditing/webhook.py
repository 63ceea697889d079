"""The audit log sent to a webhook: in batches that nobody waits for, or before the answer.

    batch             events are gathered and sent from the background; what does not fit is lost
    blocking          a request waits until its events are sent, or given up
    blocking-strict   and fails where the event of its arrival could not be sent

Mirrors `apiserver/plugin/pkg/audit/{webhook,buffered}` and `pkg/server/options/audit.go`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import trio
from attrs import define, field, frozen

from k8slite.messages import Handler, Request, read_all
from k8slite.objects.measures import Counter
from k8slite.world import World

log = logging.getLogger(__name__)
Mode = Literal["batch", "blocking", "blocking-strict"]

MODES: Final = ("batch", "blocking", "blocking-strict")
REQUEST_SECONDS: Final = 30.0  # that the webhook may take to answer
# How often an event is tried, and how the pauses grow (`DefaultRetryBackoffWithInitialDelay`).
ATTEMPTS: Final = 5
_GROWTH: Final = 1.5
_JITTER: Final = 0.2
# Batches on their way at once; upstream has no such limit, and here a webhook that hangs would
# hold ever more memory.
_SENDING_MOST: Final = 16
_HEAD: Final = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":['
_HEADERS: Final = {"content-type": "application/json", "accept": "application/json"}


@frozen
class Batching:
    """How events are gathered; upstream's flags --audit-webhook-batch-*."""

    buffer_size: int = 10_000  # events that wait; more are lost
    max_size: int = 400  # events of a batch
    max_wait_seconds: float = 30.0  # until one that is not full is sent
    throttle_enabled: bool = True
    throttle_qps: float = 10.0  # batches a second
    throttle_burst: int = 15


@define(eq=False)
class Throttle:
    """A bucket of tokens: so many at once, and then so many a second."""

    qps: float
    burst: int
    _tokens: float = field(init=False)
    _seen: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._tokens, self._seen = float(self.burst), trio.current_time()

    async def accept(self) -> None:
        """Wait for a token."""
        now = trio.current_time()
        self._tokens = min(self.burst, self._tokens + (now - self._seen) * self.qps) - 1
        self._seen = now
        if self._tokens < 0:
            await trio.sleep(-self._tokens / self.qps)


@define(eq=False)
class AuditWebhook:
    """Sends events; an Actor while it is in batches."""

    send: Handler
    path: str
    world: World
    mode: Mode = "batch"
    initial_backoff_seconds: float = 10.0
    batching: Batching = Batching()
    errors: Counter = field(init=False)
    _buffer: deque[bytes] = field(factory=deque)
    _more: trio.Event = field(factory=trio.Event)
    _closed: bool = False

    def __attrs_post_init__(self) -> None:
        self.errors = Counter(
            "apiserver_audit_error_total",
            "[ALPHA] Counter of audit events that failed to be audited properly. Plugin identifies "
            "the plugin affected by the error.",
            ("plugin",),
        )

    @property
    def waits(self) -> bool:
        """Whether requests wait for their events."""
        return self.mode != "batch"

    def offer(self, event: bytes) -> None:
        """Have an event, in JSON, sent from the background; nobody waits."""
        if self._closed or len(self._buffer) >= self.batching.buffer_size:
            why = "audit backend shut down" if self._closed else "audit buffer queue blocked"
            self._lost(1, why, "buffered")
            return
        self._buffer.append(event)
        if len(self._buffer) in (1, self.batching.max_size):
            self._more.set()

    async def deliver(self, events: Sequence[bytes]) -> bool:
        """Send events now, again and again for a while; whether the webhook has taken them."""
        pause, why = self.initial_backoff_seconds, ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await trio.sleep(pause * (1 + _JITTER * self.world.chance.random()))
                pause *= _GROWTH
            why = await self._post(events)
            if not why:
                return True
        self._lost(len(events), why, "webhook")
        return False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send batches until `close`, and then what is left."""
        batching = self.batching
        throttle = Throttle(batching.throttle_qps, batching.throttle_burst)
        sending = trio.Semaphore(_SENDING_MOST)
        task_status.started()
        async with trio.open_nursery() as nursery:
            while batch := await self._gathered():
                if batching.throttle_enabled:
                    await throttle.accept()
                await sending.acquire()
                nursery.start_soon(self._delivered, batch, sending)

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        self._more.set()

    async def _gathered(self) -> list[bytes]:
        """The next batch: a full one, or what has come in the time; empty at the end."""
        while not self._buffer and not self._closed:
            await self._next()
        with trio.move_on_after(self.batching.max_wait_seconds):
            while len(self._buffer) < self.batching.max_size and not self._closed:
                await self._next()
        count = min(len(self._buffer), self.batching.max_size)
        return [self._buffer.popleft() for _ in range(count)]

    async def _next(self) -> None:
        if self._more.is_set():
            self._more = trio.Event()
        await self._more.wait()

    async def _delivered(self, batch: list[bytes], sending: trio.Semaphore) -> None:
        try:
            await self.deliver(batch)
        finally:
            sending.release()

    async def _post(self, events: Iterable[bytes]) -> str:
        """Why the webhook has not taken them; "" where it has."""
        body = b"%b%b]}" % (_HEAD, b",".join(events))
        request = Request("POST", self.path, (), _HEADERS, body)
        try:
            with trio.fail_after(REQUEST_SECONDS):
                response = await self.send(request)
                await read_all(response)
        except trio.TooSlowError:
            return "context deadline exceeded"
        except (OSError, ValueError) as error:
            return str(error)
        if not 200 <= response.status < 300:
            return f"the server rejected our request: {response.status}"
        return ""

    def _lost(self, count: int, why: str, plugin: str) -> None:
        self.errors.add(plugin, by=count)
        log.error("Error in audit plugin '%s' affecting %d audit events: %s", plugin, count, why)
