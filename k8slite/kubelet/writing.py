"""The few tasks that write to the API for all nodes and pods.

What is to be written waits in one queue, each thing at most once, so that the queue is never longer
than there are nodes and pods; a writer takes what is newest when its turn comes. Writes wait for
the API's disk, so that some must be under way at once; a failure is tried again, later and later.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Final

import trio

from k8slite.client.client import MERGE_PATCH, STRATEGIC_MERGE_PATCH, Client
from k8slite.client.resource import PODS
from k8slite.kubelet.pod_worker import PodWorker
from k8slite.kubelet.runtimes.finalizers import Finalizers
from k8slite.kubelet.timers import Timers
from k8slite.objects.errors import Conflict, NotFound

log = logging.getLogger(__name__)

Json = dict[str, Any]

WRITES_MOST: Final = 16  # under way at once: enough to share the commits of the store
RETRY_SECONDS: Final = 0.2  # the first pause after a failed write; doubles
RETRY_MOST_SECONDS: Final = 7.0  # the longest (upstream's lease controller: maxBackoff)


class Write:
    """Something that has to be written when it has changed."""

    def __init__(self) -> None:
        self._queued = False
        self._again = False
        self._pause_seconds = RETRY_SECONDS

    @property
    def pending(self) -> bool:
        """It waits for a writer, or a writer is at it."""
        return self._queued

    async def write(self) -> None:
        """Write what is newest; an exception means that it has to be tried again."""
        raise NotImplementedError


class Writers:
    """The queue and the tasks that serve it."""

    def __init__(self, timers: Timers) -> None:
        self.failures = 0
        self._timers = timers
        self._send, self._receive = trio.open_memory_channel[Write](math.inf)

    def queue(self, write: Write) -> None:
        """Have it written; never waits."""
        if write._queued:
            write._again = True
            return
        write._queued = True
        self._send.send_nowait(write)

    async def run(self) -> None:
        """Write for ever."""
        async with trio.open_nursery() as nursery:
            for _ in range(WRITES_MOST):
                nursery.start_soon(self._serve)

    async def _serve(self) -> None:
        while True:
            write = await self._receive.receive()
            write._again = False
            try:
                await write.write()
            except Exception as error:  # whatever went wrong on the way may go well later
                self.failures += 1
                log.info("%r: %r; trying again", write, error)
                pause = write._pause_seconds
                write._pause_seconds = min(pause * 2, RETRY_MOST_SECONDS)
                self._timers.after(pause, lambda write=write: self._send.send_nowait(write))  # type: ignore[misc]
                continue
            write._pause_seconds = RETRY_SECONDS
            write._queued = False
            if write._again:
                self.queue(write)


class PodWrite(Write):
    """A pod's status, and in the end its deletion (upstream: `status_manager.go`, syncPod)."""

    def __init__(self, client: Client, worker: PodWorker, written: Mapping[str, Any]) -> None:
        super().__init__()
        self.revision = 0  # of the last write
        self.gone = False  # the API has no such pod any more
        self.held = False  # the node's kubelet is stopped
        self._client = client
        self._worker = worker
        self._written = written
        self._deleted = False

    def __repr__(self) -> str:
        return f"status of pod {self._worker.pod}"

    @property
    def due(self) -> bool:
        """There is something to write."""
        changes = self._deletable or self._worker.finalizer_changes or self._patch()
        return not self.gone and bool(changes)

    def rebase(self, status: Mapping[str, Any], revision: int) -> None:
        """Somebody else has changed the API's status to this."""
        self._written = status
        self.revision = revision

    async def write(self) -> None:
        metadata = self._worker.pod.metadata
        while not self.gone and not self.held:
            status, patch = self._worker.status, self._patch()
            try:
                if patch:
                    found = await self._client.patch(
                        PODS,
                        metadata.name,
                        {"metadata": {"uid": metadata.uid}, "status": patch},
                        metadata.namespace,
                        subresource="status",
                        patch_type=STRATEGIC_MERGE_PATCH,
                    )
                    self._written = status
                    self.revision = int(found["metadata"]["resourceVersion"])
                elif self._worker.finalizer_changes:
                    await self._change_finalizers(self._worker.finalizer_changes[0])
                    del self._worker.finalizer_changes[0]
                elif self._deletable:
                    options = {
                        "gracePeriodSeconds": 0,
                        "preconditions": {"uid": metadata.uid},
                    }
                    await self._client.delete(PODS, metadata.name, metadata.namespace, options)
                    self._deleted = True
                else:
                    return
            except NotFound:
                self.gone = True

    async def _change_finalizers(self, change: Finalizers) -> None:
        """Write what a change makes of them; others may write them too. Raises NotFound."""
        metadata = self._worker.pod.metadata
        while True:
            known = (await self._client.get(PODS, metadata.name, metadata.namespace))["metadata"]
            if known["uid"] != metadata.uid:
                raise NotFound(f'pod "{metadata.name}" is another one now')
            wanted = list(change.applied(known.get("finalizers") or ()))
            if wanted == (known.get("finalizers") or []):
                return
            version = known["resourceVersion"]
            patch = {"metadata": {"resourceVersion": version, "finalizers": wanted}}
            try:
                await self._client.patch(
                    PODS, metadata.name, patch, metadata.namespace, patch_type=MERGE_PATCH
                )
            except Conflict:
                continue
            return

    @property
    def _deletable(self) -> bool:
        worker = self._worker
        ended = worker.done and worker.pod.metadata.deletion_timestamp is not None
        return (ended or worker.unwanted) and not self._deleted

    def _patch(self) -> Json:
        """What differs from what the API has (upstream: a two-way strategic merge patch)."""
        new, old = self._worker.status, self._written
        if new is old or new == old:
            return {}
        patch = {k: v for k, v in new.items() if k != "conditions" and old.get(k) != v}
        for key in _OPTIONAL:
            if key in old and key not in new:
                patch[key] = None
        before = {one["type"]: one for one in old.get("conditions") or ()}
        conditions = []
        for condition in new.get("conditions") or ():
            known = before.get(condition["type"], {})
            if known != condition and any(
                known.get(key) != condition.get(key) for key in _CONDITION_FIELDS
            ):
                vanished = {k: None for k in ("reason", "message") if k in known}
                conditions.append({**vanished, **condition})
        if conditions:
            patch["conditions"] = conditions
        return patch


_OPTIONAL: Final = ("reason", "message")
_CONDITION_FIELDS: Final = (
    "status",
    "reason",
    "message",
    "lastTransitionTime",
    "observedGeneration",
)
