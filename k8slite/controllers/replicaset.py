"""Keeps as many pods as a ReplicaSet asks for (upstream: `pkg/controller/replicaset`).

Pods are created in batches that double as long as all goes well, so that a set whose pods are
refused does not send hundreds of requests to learn that. Pods that have ended or are on their way
out do not count. The status follows the pods.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final

import trio

from k8slite.client.recorder import Reference
from k8slite.client.resource import PODS, REPLICA_SETS
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.ownership import (
    Departed,
    Owner,
    claim,
    controlled,
    controller_of,
    index_by_controller,
    owner_keys,
)
from k8slite.controllers.replicaset_ranking import worst_first
from k8slite.controllers.replicaset_status import Failure, active, compute, terminating
from k8slite.kinds.apps.models import ReplicaSet
from k8slite.kinds.core.models import Pod
from k8slite.kinds.models import Model
from k8slite.objects.errors import ApiError, Conflict, NotFound
from k8slite.objects.meta import Name
from k8slite.objects.selectors import Selector, selector_of

Json = dict[str, Any]

BURST_PODS: Final = 500  # created or deleted in one reconcile (upstream's BurstReplicas)
FIRST_BATCH_PODS: Final = 1  # upstream's SlowStartInitialBatchSize
# Requests under way at once for one set: enough to fill the journal's transactions.
REQUESTS_MOST: Final = 16
# A change of a pod is looked at after this time for each replica, so that a large set does not
# count all of its pods for each of them. Sets of up to FEW_PODS are looked at immediately.
GATHER_SECONDS: Final = 0.00005
FEW_PODS: Final = 100


class ReplicaSetController(Controller):
    """Its keys are the names of ReplicaSets."""

    name: ClassVar[str] = "replicaset-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._sets = self.mirrors.of(REPLICA_SETS, ReplicaSet)
        self._pods = self.mirrors.of(PODS, Pod)
        index_by_controller(self._sets)
        index_by_controller(self._pods)
        self._pod_keys = owner_keys(self._sets, _selector)
        self._departed = Departed()
        self.watch(self._sets, self._own_key)
        self.watch(self._pods, self._keys_of_pod)

    async def reconcile(self, name: Name) -> None:
        replica_set = self._sets.get(name)
        if replica_set is None or replica_set.metadata.uid in self._departed:
            return
        owner = Owner(REPLICA_SETS, replica_set.metadata)
        selector = _selector(replica_set)
        pods = await claim(self.client, self._pods, owner, selector, wanted=active)
        failure: Failure | None = None
        error: Exception | None = None
        if replica_set.metadata.deletion_timestamp is None:
            difference = len(pods) - replica_set.spec.replicas
            try:
                if difference < 0:
                    await self._create(replica_set, -difference)
                elif difference > 0:
                    await self._delete(replica_set, pods, difference)
            except Exception as caught:
                error = caught
                reason = "FailedCreate" if difference < 0 else "FailedDelete"
                failure = Failure(reason, str(caught))
        await self._write_status(replica_set, selector, pods, failure)
        if error is not None:
            raise error

    async def _create(self, replica_set: ReplicaSet, wanted: int) -> None:
        """Create pods; the first failure ends it and is raised."""
        document = self._sets.document(replica_set.metadata.full_name)
        assert document is not None, "the mirror has both or none"
        pod = _pod(document, Owner(REPLICA_SETS, replica_set.metadata))
        regarding = _regarding(replica_set)
        namespace = replica_set.metadata.namespace

        async def create(_: None) -> None:
            try:
                made = await self.client.create(PODS, pod, namespace)
            except ApiError as error:
                if not _namespace_is_ending(error):
                    message = f"Error creating: {error}"
                    self.recorder.event(regarding, "Warning", "FailedCreate", message)
                raise
            message = f"Created pod: {made['metadata']['name']}"
            self.recorder.event(regarding, "Normal", "SuccessfulCreate", message)

        remaining = min(wanted, BURST_PODS)
        batch = FIRST_BATCH_PODS
        while remaining:
            size = min(batch, remaining)
            try:
                await _at_once([None] * size, create)
            except ApiError as error:
                if _namespace_is_ending(error):
                    return  # nothing can be created there, now or later
                raise
            remaining -= size
            batch *= 2

    async def _delete(self, replica_set: ReplicaSet, pods: Sequence[Pod], surplus: int) -> None:
        regarding = _regarding(replica_set)
        count = min(surplus, BURST_PODS)
        if count < len(pods):
            pods = worst_first(pods, self._related(replica_set), self.world.now())[:count]

        async def delete(pod: Pod) -> None:
            metadata = pod.metadata
            options = {"preconditions": {"uid": metadata.uid}}
            try:
                await self.client.delete(PODS, metadata.name, metadata.namespace, options)
            except NotFound:
                return
            except Conflict as error:
                if "UID" not in error.message and "uid" not in error.message:
                    raise
                return  # another pod of that name: ours is gone
            except ApiError as error:
                message = f"Error deleting: {error}"
                self.recorder.event(regarding, "Warning", "FailedDelete", message)
                raise
            message = f"Deleted pod: {metadata.name}"
            self.recorder.event(regarding, "Normal", "SuccessfulDelete", message)

        await _at_once(pods, delete)

    def _related(self, replica_set: ReplicaSet) -> Iterator[Pod]:
        """The active pods of all sets that have the same owner as this one."""
        reference = replica_set.metadata.controller
        sets = controlled(self._sets, reference.uid) if reference else [replica_set]
        for one in sets:
            yield from filter(active, controlled(self._pods, one.metadata.uid))

    async def _write_status(
        self,
        replica_set: ReplicaSet,
        selector: Selector,
        pods: Sequence[Pod],
        failure: Failure | None,
    ) -> None:
        metadata = replica_set.metadata
        ending = sum(
            1
            for pod in controlled(self._pods, metadata.uid)
            if terminating(pod) and selector.matches(pod.metadata.labels)
        )
        computed = compute(replica_set, pods, ending, failure, self.world.now())
        document = self._sets.document(metadata.full_name) or {}
        old: Json = document.get("status") or {}
        if old != computed.status:
            status = dict.fromkeys(old) | computed.status
            patch = {"metadata": {"uid": metadata.uid}, "status": status}
            with self._departed.noticed(metadata):
                await self.client.patch(
                    REPLICA_SETS, metadata.name, patch, metadata.namespace, subresource="status"
                )
        if computed.changes_after_seconds is not None:
            self.queue.add_after(metadata.full_name, computed.changes_after_seconds)

    def _own_key(self, old: ReplicaSet | None, new: ReplicaSet | None) -> Iterable[Name]:
        found = new or old
        assert found is not None, "a change is of something"
        if new is None:
            self._departed.forget(found.metadata.uid)
        return (found.metadata.full_name,)

    def _keys_of_pod(self, old: Model | None, new: Model | None) -> Iterable[Name]:
        """As any dependant's, but the sets with many pods gather their changes for a moment."""
        if old is None or new is None or old.metadata.controller != new.metadata.controller:
            return self._pod_keys(old, new)
        replica_set = controller_of(new, self._sets)
        if replica_set is None or replica_set.spec.replicas <= FEW_PODS:
            return self._pod_keys(old, new)
        pause_seconds = replica_set.spec.replicas * GATHER_SECONDS
        self.queue.add_after(replica_set.metadata.full_name, pause_seconds)
        return ()


def _selector(replica_set: ReplicaSet) -> Selector:
    return selector_of(replica_set.spec.selector)


def _regarding(replica_set: ReplicaSet) -> Reference:
    return Reference("apps/v1", "ReplicaSet", replica_set.metadata)


def _pod(document: Json, owner: Owner) -> Json:
    """The pod that a set's template describes (upstream: `GetPodFromTemplate`)."""
    template = document["spec"]["template"]
    described = template.get("metadata") or {}
    metadata = {
        "generateName": f"{owner.metadata.name}-",
        "namespace": owner.metadata.namespace,
        "ownerReferences": [owner.reference()],
    }
    for field in ("labels", "annotations", "finalizers"):
        if described.get(field):
            metadata[field] = described[field]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _namespace_is_ending(error: ApiError) -> bool:
    return any(cause.reason == "NamespaceTerminating" for cause in error.causes)


async def _at_once(items: Sequence[Any], work: Callable[[Any], Awaitable[None]]) -> None:
    """Do work for all items, up to REQUESTS_MOST at a time; raises the first failure at the end."""
    if len(items) == 1:
        await work(items[0])
        return
    rest = iter(items)
    failures: list[Exception] = []

    async def take() -> None:
        for item in rest:
            try:
                await work(item)
            except Exception as error:
                failures.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(min(len(items), REQUESTS_MOST)):
            nursery.start_soon(take)
    if failures:
        raise failures[0]
