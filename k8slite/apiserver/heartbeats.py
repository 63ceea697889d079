"""Heartbeats of many nodes in one request: each a write of its own, none of them decoded.

What a heartbeat would come to by way of the registry's loop is known beforehand where it changes
nothing but times and nobody is to be asked about it: the new version is then spliced from the old
one. Whatever else is the case is declined, and goes the usual way (see `objects.heartbeats` for
the message).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from attrs import define, evolve, frozen

from k8slite.apiserver.admission.chain import Chain
from k8slite.apiserver.metrics import Metrics
from k8slite.apiserver.request_info import RequestInfo
from k8slite.apiserver.selection import Header, header
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.write_options import manager_name
from k8slite.kinds.kind import Kind
from k8slite.messages import IN_PROCESS, Request, Response, User
from k8slite.objects.codec import dumps, loads
from k8slite.objects.errors import BadRequest, InternalError
from k8slite.objects.heartbeats import (
    LEASE_NAMESPACE,
    PATH,
    POSTED,
    Shape,
    Told,
    is_last_told_by,
    shape_of,
)
from k8slite.store.store import Broken, Event, Put, Store, Stored

_SECONDS_LENGTH: Final = len("2026-01-02T03:04:05")


@define(eq=False)
class Heartbeats:
    """Takes what kubelets of this process tell."""

    storage: Storage
    chain: Chain
    metrics: Metrics

    def concerns(self, request: Request) -> bool:
        """Whether this is such a message, from one who may send it."""
        return request.path == PATH and request.peer.address == IN_PROCESS

    async def answer(self, request: Request, user: User) -> Response:
        """Renew what is as its kubelet believes. Raises BadRequest or InternalError."""
        try:
            told = Told.load(request.body)
        except (KeyError, TypeError, ValueError) as error:
            raise BadRequest(f"heartbeats cannot be read: {error!r}") from None
        lease_kind = self.storage.preferred("coordination.k8s.io", "leases")
        node_kind = self.storage.preferred("", "nodes")
        micro = told.now.encode()
        second = micro[:_SECONDS_LENGTH] + b"Z"
        # A Lease has the time of its manager's entry and its own, a Node one for each condition.
        leases = _Beats(lease_kind, LEASE_NAMESPACE, "", told.leases, (second, micro))
        nodes = _Beats(node_kind, "", "status", told.nodes, (second,) * (1 + len(POSTED)))
        beats = [leases, nodes] if manager_name(request) == _MANAGER else []
        puts: list[Put] = []
        for one in beats:
            if self.chain.sleeps(user, one.kind.group_resource, one.subresource, "UPDATE"):
                puts += one.puts(self.storage.store)
        try:
            done = await self.storage.store.put_all(puts)
        except Broken as error:
            raise InternalError(str(error)) from error
        revisions = {one.key: str(one.revision) for one in done if one is not None}
        body = {}
        for part, verb, one in (("leases", "update", leases), ("nodes", "patch", nodes)):
            body[part] = one.answer(revisions)
            self._count(request, verb, one, sum(map(bool, body[part].values())))
        return Response(200, dumps(body))

    def _count(self, request: Request, verb: str, beats: _Beats, times: int) -> None:
        """Each is a request, to those who count them."""
        kind = beats.kind
        if times:
            info = RequestInfo(
                verb,
                "",
                True,
                kind.group,
                kind.version,
                beats.namespace,
                kind.plural,
                "each",
                beats.subresource,
            )
            self.metrics.count_many(info, request, 200, times)


def times_of(event: Event) -> tuple[bytes, ...] | None:
    """The times that a heartbeat has brought; None for any other change."""
    _, _, now, before = event
    # Whoever else changes an object gives it a header of its own.
    if now is None or before is None or now.header is not before.header or now.header is None:
        return None
    shape: Shape | None = now.header.shape
    return None if shape is None else shape.times_in(now.value)


@frozen(eq=False)
class _Beats:
    """The heartbeats of one kind's objects in one message."""

    kind: Kind
    namespace: str
    subresource: str
    versions: Mapping[str, str]  # by name, what is known of them
    times: tuple[bytes, ...]  # what they write, in order

    def puts(self, store: Store) -> Iterator[Put]:
        """The writes that they come to."""
        prefix, latest = self.kind.key(self.namespace, ""), self.times[-1]
        for name, version in self.versions.items():
            stored = store.get(prefix + name)
            if stored is None or str(stored.revision) != version or latest in stored.value:
                continue
            found: Header | None = stored.header
            if found is None or found.shape is None:
                found = stored.header = self._shaped(stored)
            shape = found.shape
            if shape is not None and shape.times == len(self.times):
                yield Put(stored.key, partial(_filled, shape, self.times), stored.revision, found)

    def answer(self, revisions: Mapping[str, str]) -> Mapping[str, str | None]:
        """What has become of each."""
        prefix = self.kind.key(self.namespace, "")
        return {name: revisions.get(prefix + name) for name in self.versions}

    def _shaped(self, stored: Stored) -> Header:
        """The header with the object's shape, where it is one that heartbeats keep to."""
        obj = loads(stored.value)
        if not is_last_told_by(obj, _MANAGER, self.kind.api_version, self.subresource):
            return header(self.kind, stored)
        return evolve(header(self.kind, stored), shape=shape_of(stored.value, obj))


def _filled(shape: Shape, times: Sequence[bytes], revision: int) -> bytes:
    return shape.filled(revision, times)


_MANAGER: Final = "kubelet"
