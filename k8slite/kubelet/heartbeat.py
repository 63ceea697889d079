"""One node's word to the API that it lives: its Node, its Lease, its status.

The Lease is renewed every 10 seconds and good for 40, the Node's status written when it differs
from what the API has and otherwise every 5 minutes (upstream: nodeStatusReportFrequency and
`component-helpers/apimachinery/lease`). A node that the API knows already is taken up as it is.
That nothing is new is told together with other nodes (`pulse`); what is not is told here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import trio

from k8slite.client.client import STRATEGIC_MERGE_PATCH, Client
from k8slite.client.resource import LEASES, NODES
from k8slite.kinds.core.models import Node
from k8slite.kubelet.node import (
    NodeShape,
    advertised,
    node_object,
    node_status,
    same_but_for_heartbeats,
)
from k8slite.kubelet.writing import Write, Writers
from k8slite.objects.errors import AlreadyExists, Conflict, NotFound
from k8slite.objects.heartbeats import LEASE_NAMESPACE
from k8slite.objects.meta import micro_timestamp, timestamp
from k8slite.world import World

Json = dict[str, Any]

LEASE_SECONDS: Final = 40  # upstream: nodeLeaseDurationSeconds
RENEW_SECONDS: Final = 10.0  # a quarter of it
STATUS_SECONDS: Final = 300.0  # upstream: nodeStatusReportFrequency


class Heartbeat(Write):
    """What one node tells."""

    def __init__(
        self,
        shape: NodeShape,
        address: str,
        client: Client,
        world: World,
        writers: Writers,
        *,
        kubelet_version: str,
        runtime_version: str,
        registered: Callable[[], None],
    ) -> None:
        super().__init__()
        self.shape = shape
        self.address = address
        self.registered = False
        self._client = client
        self._world = world
        self._writers = writers
        self._versions = {"kubelet_version": kubelet_version, "runtime_version": runtime_version}
        self._tell_registered = registered
        self._beating = True
        self._removed = False
        self._node: Node | None = None
        self._status: Json = {}
        self._machine_id = world.uid()
        self._node_uid = ""
        self._lease: Json | None = None
        self.lease_version = ""  # the Lease's; "" where it must be looked for
        self._lease_due_seconds = 0.0
        self._known_version = ""  # of the Node, as the API has it
        self._status_version = ""  # the same, when this kubelet wrote it last
        self.status_due_seconds = 0.0

    def __repr__(self) -> str:
        return f"heartbeat of node {self.shape.name}"

    def start(self) -> None:
        """Register and go on from there."""
        self._writers.queue(self)

    def stop(self) -> None:
        """Say nothing more, as if the machine had died."""
        self._beating = False

    def resume(self) -> None:
        """Speak again, at once."""
        self._beating = True
        self._lease_due_seconds = 0.0
        self._writers.queue(self)

    def remove(self) -> None:
        """Delete the Node, as its administrator would; the Lease goes with it."""
        self.stop()
        self._removed = True
        self._writers.queue(self)

    def seen(self, node: Node | None) -> None:
        """What the API has now (None: somebody deleted it, and it is not registered again)."""
        self._node = node
        self._known_version = node.metadata.resource_version if node is not None else ""
        if node is None:
            if self.registered:
                self.stop()
            return
        ready = node.condition("Ready")
        dead = ready is not None and ready.status != "True"
        if self.registered and (dead or self._allocatable_differs(node)):
            # Somebody took it for dead, or advertised a resource (upstream: a kubelet compares
            # every 10 seconds).
            self.status_due_seconds = 0.0
            if self._beating:
                self._writers.queue(self)

    def told(self, revision: int) -> None:
        """The API has another version, which differs in nothing but a heartbeat."""
        self._known_version = str(revision)

    # What is told together with other nodes

    @property
    def speaks(self) -> bool:
        """Whether it has nothing of its own to write, and is not to be silent."""
        return self.registered and self._beating and not self._queued

    @property
    def status_version(self) -> str:
        """The Node's resourceVersion; "" unless its status is what this kubelet wrote last."""
        known = self._known_version
        return known if known == self._status_version else ""

    def beaten(self, now: float, lease_version: str | None, status_version: str | None) -> bool:
        """What has been written of it, by its new resourceVersion; whether anything is left."""
        if lease_version is not None:
            self._renewed(lease_version, now)
        if status_version is not None:
            self._status_version = status_version
            self.status_due_seconds = self._next_status_seconds()
        left = self._lease_due_seconds <= now or self.status_due_seconds <= now
        return left and self.speaks

    async def write(self) -> None:
        if self._removed:
            try:
                await self._client.delete(NODES, self.shape.name)
            except NotFound:
                return
            return
        if not self._beating:
            return
        if not self.registered:
            await self._register()
        if self.status_due_seconds <= trio.current_time():
            await self._write_status()
        if self._beating and self._lease_due_seconds <= trio.current_time():
            await self._renew()

    async def _register(self) -> None:
        now = timestamp(self._world.now())
        status = self._fresh_status(now, {})
        try:
            found = await self._client.create(NODES, node_object(self.shape, self.address, status))
        except AlreadyExists:
            found = await self._client.get(NODES, self.shape.name)
        self._node_uid = found["metadata"]["uid"]
        known = found.get("status") or {}
        self._machine_id = (known.get("nodeInfo") or {}).get("systemUUID") or self._machine_id
        self._status = known
        wanted = self._fresh_status(now, known)
        if same_but_for_heartbeats(known, wanted):
            self.status_due_seconds = self._next_status_seconds()
        self.registered = True
        self._tell_registered()

    async def _write_status(self) -> None:
        now = timestamp(self._world.now())
        known = self._status
        if self._node is not None:
            ready = self._node.condition("Ready")
            if ready is not None and ready.status != "True":
                known = {}  # every condition begins anew
        status = self._fresh_status(now, known)
        gone = dict.fromkeys(self._allocatable_gone(), None)
        try:
            found = await self._client.patch(
                NODES,
                self.shape.name,
                {"status": {**status, "allocatable": {**status["allocatable"], **gone}}},
                subresource="status",
                patch_type=STRATEGIC_MERGE_PATCH,
            )
        except NotFound:
            self.stop()
            return
        self._status = status
        self._status_version = found["metadata"]["resourceVersion"]
        self.status_due_seconds = self._next_status_seconds()

    async def _renew(self) -> None:
        lease, version = self._lease, self.lease_version
        self._lease, self.lease_version = None, ""  # whatever goes wrong: read it anew
        found: Json | None = None
        if lease is not None:
            lease["metadata"]["resourceVersion"] = version
            spec = lease["spec"]
            spec["holderIdentity"] = self.shape.name
            spec["leaseDurationSeconds"] = LEASE_SECONDS
            spec["renewTime"] = micro_timestamp(self._world.now())
            with suppress(Conflict, NotFound):
                found = await self._client.update(LEASES, lease)
        self._lease = found or await self._find_lease()
        self._renewed(self._lease["metadata"]["resourceVersion"], trio.current_time())

    def _renewed(self, version: str, now: float) -> None:
        self.lease_version = version
        # A bit less than the time until the next instant, at which it is due in any case.
        self._lease_due_seconds = now + RENEW_SECONDS / 2

    async def _find_lease(self) -> Json:
        """Create the Lease, or renew the one that there is."""
        name = self.shape.name
        owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": self._node_uid}
        spec = {
            "holderIdentity": name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": micro_timestamp(self._world.now()),
        }
        wanted = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": name, "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]},
            "spec": spec,
        }
        try:
            return await self._client.create(LEASES, wanted, LEASE_NAMESPACE)
        except AlreadyExists:
            found = await self._client.get(LEASES, name, LEASE_NAMESPACE)
            found["spec"] = {**found.get("spec", {}), **spec}
            found["metadata"]["ownerReferences"] = [owner]
            return await self._client.update(LEASES, found)

    def _next_status_seconds(self) -> float:
        # Spread over half the period around it, or 5,000 nodes would speak in one second.
        spread = 0.75 + self._world.chance.random() / 2
        return trio.current_time() + STATUS_SECONDS * spread

    def _fresh_status(self, now: str, known: Json) -> Json:
        return node_status(
            self.shape,
            self.address,
            machine_id=self._machine_id,
            now=now,
            before=known,
            others=self._advertised(),
            **self._versions,
        )

    def _advertised(self) -> dict[str, str]:
        return advertised(self.shape, self._node.status.capacity) if self._node else {}

    def _allocatable_gone(self) -> list[str]:
        """Resources that nobody advertises any more."""
        if self._node is None:
            return []
        status = self._node.status
        there = advertised(self.shape, status.allocatable)
        return [name for name in there if name not in status.capacity]

    def _allocatable_differs(self, node: Node) -> bool:
        status = node.status
        return advertised(self.shape, status.capacity) != advertised(self.shape, status.allocatable)
