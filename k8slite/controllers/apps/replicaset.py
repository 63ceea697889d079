"""Keeps as many pods as a ReplicaSet asks for (upstream: `pkg/controller/replicaset`).

Pods that have ended or are on their way out do not count. The status follows the pods. As upstream,
what is done for a ReplicationController is the same: see `replicationcontroller`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final

from k8slite.client.informer import Mirror
from k8slite.client.recorder import Reference
from k8slite.client.resource import PODS, REPLICA_SETS, Resource
from k8slite.controllers.apps.replicaset_ranking import worst_first
from k8slite.controllers.apps.replicaset_status import Failure, active, compute, terminating
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
from k8slite.controllers.pod_control import BURST_PODS, PodControl, at_once, pod_of_template
from k8slite.kinds.apps.models import ReplicaSet, ReplicationController
from k8slite.kinds.core.models import Pod
from k8slite.kinds.models import Model
from k8slite.objects.meta import Name
from k8slite.objects.selectors import Selector, selector_of

Json = dict[str, Any]
Replicated = ReplicaSet | ReplicationController

# A change of a pod is looked at after this time for each replica, so that a large set does not
# count all of its pods for each of them. Sets of up to FEW_PODS are looked at immediately.
GATHER_SECONDS: Final = 0.00005
FEW_PODS: Final = 100


class ReplicaSetController(Controller):
    """Its keys are the names of ReplicaSets."""

    name: ClassVar[str] = "replicaset-controller"
    workers: ClassVar[int] = 5
    resource: ClassVar[Resource] = REPLICA_SETS
    model: ClassVar[type[Replicated]] = ReplicaSet

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._sets: Mirror[Replicated] = self.mirrors.of(self.resource, self.model)
        self._pods = self.mirrors.of(PODS, Pod)
        index_by_controller(self._sets)
        index_by_controller(self._pods)
        self._pod_keys = owner_keys(self._sets, self.selector)
        self._departed = Departed()
        self._pod_control = PodControl(self.client, self.recorder)
        self.watch(self._sets, self._own_key)
        self.watch(self._pods, self._keys_of_pod)

    @staticmethod
    def selector(of: Replicated) -> Selector:
        """What the pods of a set must match."""
        assert isinstance(of, ReplicaSet)
        return selector_of(of.spec.selector)

    @staticmethod
    def status(computed: Json) -> Json:
        """What of a computed status the kind has room for."""
        return computed

    async def reconcile(self, name: Name) -> None:
        replica_set = self._sets.get(name)
        if replica_set is None or replica_set.metadata.uid in self._departed:
            return
        owner = Owner(self.resource, replica_set.metadata)
        selector = self.selector(replica_set)
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

    async def _create(self, replica_set: Replicated, wanted: int) -> None:
        """Create pods; the first failure ends it and is raised."""
        document = self._sets.document(replica_set.metadata.full_name)
        assert document is not None, "the mirror has both or none"
        owner = Owner(self.resource, replica_set.metadata)
        pod = pod_of_template(document["spec"]["template"], owner)
        pods = [pod] * min(wanted, BURST_PODS)
        _, failure = await self._pod_control.create(pods, self._regarding(replica_set))
        if failure is not None:
            raise failure

    async def _delete(self, replica_set: Replicated, pods: Sequence[Pod], surplus: int) -> None:
        regarding = self._regarding(replica_set)
        count = min(surplus, BURST_PODS)
        if count < len(pods):
            pods = worst_first(pods, self._related(replica_set), self.world.now())[:count]

        async def delete(pod: Pod) -> None:
            await self._pod_control.delete(pod.metadata, regarding)

        await at_once(pods, delete)

    def _related(self, replica_set: Replicated) -> Iterator[Pod]:
        """The active pods of all sets that have the same owner as this one."""
        reference = replica_set.metadata.controller
        sets = controlled(self._sets, reference.uid) if reference else [replica_set]
        for one in sets:
            yield from filter(active, controlled(self._pods, one.metadata.uid))

    async def _write_status(
        self,
        replica_set: Replicated,
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
        wanted = self.status(computed.status)
        document = self._sets.document(metadata.full_name) or {}
        old: Json = document.get("status") or {}
        if old != wanted:
            status = dict.fromkeys(old) | wanted
            patch = {"metadata": {"uid": metadata.uid}, "status": status}
            with self._departed.noticed(metadata):
                await self.client.patch(
                    self.resource, metadata.name, patch, metadata.namespace, subresource="status"
                )
        if computed.changes_after_seconds is not None:
            self.queue.add_after(metadata.full_name, computed.changes_after_seconds)

    def _own_key(self, old: Replicated | None, new: Replicated | None) -> Iterable[Name]:
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

    def _regarding(self, replica_set: Replicated) -> Reference:
        return Reference(self.resource.api_version, self.resource.kind, replica_set.metadata)
