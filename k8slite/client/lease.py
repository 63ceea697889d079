"""Leadership: of several instances, the one that holds a Lease leads (upstream:
`client-go/tools/leaderelection`).

A holder renews its lease again and again; one that could not for `RENEW_DEADLINE_SECONDS` stops
leading before anybody else may begin, `LEASE_SECONDS` after the last renewal that they have seen.
How old a lease is goes by the watcher's own clock, never by the times written in it: the clocks of
instances may differ.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from k8slite.client.client import Client, Json
from k8slite.client.resource import LEASES
from k8slite.objects.errors import AlreadyExists, Conflict, NotFound
from k8slite.objects.meta import Name, micro_timestamp
from k8slite.world import World

log = logging.getLogger(__name__)

# Upstream's defaults for its own components.
LEASE_SECONDS: Final = 15
RENEW_DEADLINE_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 2.0
RETRY_JITTER: Final = 1.2  # a try comes after RETRY_SECONDS to RETRY_SECONDS * (1 + this)
RELEASE_SECONDS: Final = 2.0  # how long a leader that is being stopped may take to let go


class Leadership:
    """Runs `lead` while this instance holds the lease; an Actor."""

    def __init__(
        self,
        client: Client,
        world: World,
        lease: Name,
        identity: str,
        lead: Callable[[], Awaitable[None]],
    ) -> None:
        self.name = f"leadership of {lease}"
        self._client = client
        self._world = world
        self._lease = lease
        self._identity = identity
        self._lead = lead
        self._seen: Json = {}  # the lease's spec as it was last seen to change
        self._seen_at = float("-inf")
        self._leads = False

    @property
    def leads(self) -> bool:
        """Whether this instance leads now."""
        return self._leads

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Wait for the lease, lead while it can be renewed, and so on; started at once."""
        task_status.started()
        while True:
            if await self._try():
                await self._hold()
            await trio.sleep(RETRY_SECONDS * (1 + RETRY_JITTER * self._world.chance.random()))

    async def _hold(self) -> None:
        """Lead until the lease is lost or this instance is stopped."""
        log.info("%s: %s leads", self.name, self._identity)
        try:
            async with trio.open_nursery() as nursery:
                self._leads = True
                nursery.start_soon(self._lead)
                await self._renew()
                nursery.cancel_scope.cancel()
        finally:
            self._leads = False
            with trio.move_on_after(RELEASE_SECONDS, shield=True):
                await self._release()
        log.warning("%s: %s leads no more", self.name, self._identity)

    async def _renew(self) -> None:
        """Renew until that has failed for too long."""
        deadline = trio.current_time() + RENEW_DEADLINE_SECONDS
        while True:
            await trio.sleep(RETRY_SECONDS)
            with trio.move_on_at(deadline):
                began = trio.current_time()
                if await self._try():
                    # Counted from before the request: it may have taken effect at its start.
                    deadline = began + RENEW_DEADLINE_SECONDS
            if trio.current_time() >= deadline:
                return

    async def _try(self) -> bool:
        """Take or renew the lease, unless another holds it; whether we hold it now."""
        try:
            return await self._take()
        except (AlreadyExists, Conflict):
            return False  # another was quicker
        except Exception as error:
            log.info("%s: cannot take the lease: %r", self.name, error)
            return False

    async def _take(self) -> bool:
        now = micro_timestamp(self._world.now())
        ours: Json = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": now,
        }
        try:
            lease = await self._client.get(LEASES, self._lease.name, self._lease.namespace)
        except NotFound:
            first = {**ours, "acquireTime": now, "leaseTransitions": 0}
            metadata = {"name": self._lease.name, "namespace": self._lease.namespace}
            made: Json = {
                "apiVersion": LEASES.api_version,
                "kind": LEASES.kind,
                "metadata": metadata,
                "spec": first,
            }
            made = await self._client.create(LEASES, made, self._lease.namespace)
            self._see(made.get("spec") or {})
            return True
        spec: Json = lease.get("spec") or {}
        if spec != self._seen:
            self._see(spec)
        holder = spec.get("holderIdentity", "")
        duration_seconds = spec.get("leaseDurationSeconds") or LEASE_SECONDS
        if holder == self._identity:
            kept = {key: spec.get(key) for key in ("acquireTime", "leaseTransitions")}
            lease["spec"] = {**kept, **ours}
        elif holder and trio.current_time() < self._seen_at + duration_seconds:
            return False
        else:
            transitions = (spec.get("leaseTransitions") or 0) + 1
            lease["spec"] = {**ours, "acquireTime": now, "leaseTransitions": transitions}
        lease = await self._client.update(LEASES, lease)
        self._see(lease.get("spec") or {})
        return True

    async def _release(self) -> None:
        """Let another begin at once; if that fails the lease runs out by itself."""
        try:
            lease = await self._client.get(LEASES, self._lease.name, self._lease.namespace)
            spec = lease.get("spec") or {}
            if spec.get("holderIdentity") == self._identity:
                lease["spec"] = {**spec, "holderIdentity": "", "leaseDurationSeconds": 1}
                await self._client.update(LEASES, lease)
        except Exception as error:
            log.info("%s: cannot release the lease: %r", self.name, error)

    def _see(self, spec: Json) -> None:
        self._seen = spec
        self._seen_at = trio.current_time()
