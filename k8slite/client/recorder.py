"""Tells the users of an object what a component did to it, by core/v1 Events.

Recording never waits: events queue up, and are dropped and counted when the queue is full
(upstream: `client-go/tools/record`, EventBroadcaster). Several are written at once, since each
waits for the API's disk; those about one object one after the other, so that a repetition finds
the event that it repeats.
"""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime
from typing import Final

import trio

from k8slite.client.client import STRATEGIC_MERGE_PATCH, Client, Json
from k8slite.client.correlation import Correlator, Occurrence, Reference, Written
from k8slite.client.resource import EVENTS
from k8slite.objects.errors import AlreadyExists, ApiError, NotFound
from k8slite.objects.meta import timestamp
from k8slite.world import World

__all__ = ["Recorder", "Reference"]

log = logging.getLogger(__name__)

QUEUED_MOST: Final = 1000  # events that wait to be written (upstream's maxQueuedEvents)
WRITES_MOST: Final = 8  # events being written at once: enough to share the commits of the store
TRIES_MOST: Final = 12  # attempts to write one event (upstream's maxTriesPerEvent)
RETRY_SECONDS: Final = 10.0  # between them (upstream's default)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Recorder:
    """One component's events; an Actor that writes them."""

    def __init__(
        self,
        client: Client,
        world: World,
        component: str,
        host: str = "",
        *,
        queued_most: int = QUEUED_MOST,
    ) -> None:
        self.name = f"{component} events"
        self.dropped = 0
        self._client = client
        self._world = world
        self._component = component
        self._host = host
        self._correlator = Correlator()
        self._last_number = 0
        self._queued = 0
        self._queued_most = queued_most
        # What waits, by the object that it is about; each object is either in the channel or, its
        # queue perhaps empty, in a writer's hands.
        self._waiting: dict[tuple[str, ...], deque[Occurrence]] = {}
        self._send, self._receive = trio.open_memory_channel[tuple[str, ...]](queued_most)

    def event(self, regarding: Reference, type_: str, reason: str, message: str) -> None:
        """Record an event ("Normal" or "Warning"); never waits, never raises."""
        occurrence = Occurrence(regarding, type_, reason, message, self._world.now())
        if self._queued >= self._queued_most:
            self.dropped += 1
            return
        self._queued += 1
        waiting = self._waiting.get(regarding.key)
        if waiting is not None:
            waiting.append(occurrence)
            return
        self._waiting[regarding.key] = deque((occurrence,))
        self._send.send_nowait(regarding.key)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write what is recorded, in order about each object."""
        async with trio.open_nursery() as nursery:
            for _ in range(WRITES_MOST):
                nursery.start_soon(self._serve)
            task_status.started()

    async def _serve(self) -> None:
        while True:
            key = await self._receive.receive()
            waiting = self._waiting[key]
            occurrence = waiting.popleft()
            self._queued -= 1
            try:
                event = self._correlator.correlate(occurrence, trio.current_time())
                if event is not None:
                    await self._write_patiently(event)
            finally:  # whatever ends this writer, the object goes back for the next one
                if waiting:
                    self._send.send_nowait(key)
                else:
                    del self._waiting[key]

    async def _write_patiently(self, event: Written) -> None:
        for tried in range(1, TRIES_MOST + 1):
            try:
                await self._write(event)
                return
            except ApiError as error:
                # A refusal stays one; a namespace on its way out takes no more events.
                log.info("%s: an event was refused: %s", self.name, error)
                return
            except Exception as error:
                log.info("%s: cannot write an event (try %d): %r", self.name, tried, error)
            await trio.sleep(RETRY_SECONDS * (self._world.chance.random() if tried == 1 else 1))
        self.dropped += 1

    async def _write(self, event: Written) -> None:
        occurrence = event.occurrence
        namespace = occurrence.regarding.metadata.namespace or "default"
        if event.name:
            patch = {
                "count": event.count,
                "lastTimestamp": timestamp(occurrence.moment),
                "message": occurrence.message,
            }
            try:
                await self._client.patch(
                    EVENTS, event.name, patch, namespace, patch_type=STRATEGIC_MERGE_PATCH
                )
                return self._correlator.written(event, event.name)
            except NotFound:
                pass  # it has expired: the count goes on in a new one
        while True:
            name = f"{occurrence.regarding.metadata.name}.{self._number(occurrence.moment):x}"
            try:
                await self._client.create(EVENTS, self._object(event, name, namespace), namespace)
            except AlreadyExists:
                continue  # another component's event of the same instant
            return self._correlator.written(event, name)

    def _number(self, moment: datetime) -> int:
        """Nanoseconds since 1970, never the same twice from one recorder."""
        passed = moment - _EPOCH
        nanoseconds = ((passed.days * 86400 + passed.seconds) * 10**6 + passed.microseconds) * 1000
        nanoseconds += self._world.chance.randrange(1000)
        self._last_number = max(nanoseconds, self._last_number + 1)
        return self._last_number

    def _object(self, event: Written, name: str, namespace: str) -> Json:
        occurrence = event.occurrence
        regarding = occurrence.regarding
        metadata = regarding.metadata
        involved = {
            "apiVersion": regarding.api_version,
            "kind": regarding.kind,
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
            "fieldPath": regarding.field_path,
        }
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {key: value for key, value in involved.items() if value},
            "reason": occurrence.reason,
            "message": occurrence.message,
            "type": occurrence.type,
            "source": {
                "component": self._component,
                **({"host": self._host} if self._host else {}),
            },
            "firstTimestamp": timestamp(event.first_moment),
            "lastTimestamp": timestamp(occurrence.moment),
            "count": event.count,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
