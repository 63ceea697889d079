"""Keeps a StatefulSet's pods, each under its own name (upstream: `pkg/controller/statefulset`).

A pod is never made while another of its name is there, which the API's names see to; an ordered set
makes them one after the other and takes them away from the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final

from k8slite.client.resource import (
    CONTROLLER_REVISIONS,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    STATEFUL_SETS,
)
from k8slite.controllers.apps.history import History, Revision, revision_keys
from k8slite.controllers.apps.statefulset_claims import ClaimWriter
from k8slite.controllers.apps.statefulset_pods import member, parent_of, revision_of
from k8slite.controllers.apps.statefulset_status import counted, finished
from k8slite.controllers.apps.statefulset_update import StatefulUpdate
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.ownership import Departed, Owner, claim, index_by_controller, owner_keys
from k8slite.controllers.pod_availability import available_in_seconds
from k8slite.controllers.pod_control import regarding
from k8slite.kinds.apps.models import ControllerRevision, StatefulSet
from k8slite.kinds.core.models import Pod
from k8slite.kinds.models import PartialObject
from k8slite.objects.meta import Name
from k8slite.objects.selectors import Selector, selector_of

Json = dict[str, Any]

HASH_LABEL: Final = "controller.kubernetes.io/hash"


class StatefulSetController(Controller):
    """Its keys are the names of StatefulSets."""

    name: ClassVar[str] = "statefulset-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._sets = self.mirrors.of(STATEFUL_SETS, StatefulSet)
        self._pods = self.mirrors.of(PODS, Pod)
        self._revisions = self.mirrors.of(CONTROLLER_REVISIONS, ControllerRevision)
        self._claims = self.mirrors.of(PERSISTENT_VOLUME_CLAIMS, PartialObject)
        index_by_controller(self._pods)
        index_by_controller(self._revisions)
        self._departed = Departed()
        self.watch(self._sets, self._own_key)
        self.watch(self._pods, owner_keys(self._sets, _selector))
        self.watch(self._revisions, revision_keys(STATEFUL_SETS.kind))
        self.watch(self._claims, _keys_of_claim)

    async def reconcile(self, name: Name) -> float | None:
        stateful_set, document = self._sets.get(name), self._sets.document(name)
        if stateful_set is None or document is None:
            return None
        if stateful_set.metadata.uid in self._departed:
            return None
        owner = Owner(STATEFUL_SETS, stateful_set.metadata)
        selector = _selector(stateful_set)
        annotations = stateful_set.metadata.annotations
        history = History(self.client, self._revisions, owner, HASH_LABEL, annotations)
        revisions = await history.revisions(selector)
        pods = await claim(
            self.client, self._pods, owner, selector, wanted=lambda pod: member(stateful_set, pod)
        )
        if stateful_set.metadata.deletion_timestamp is not None:
            await self._only_count(stateful_set, document, revisions, pods)
            return None
        collisions = stateful_set.status.collision_count
        template = document["spec"]["template"]
        update, collisions = await history.current(template, revisions, collisions)
        current = _named(revisions, stateful_set.status.current_revision) or update
        status = counted(stateful_set, pods, current, update, collisions, self.world.now())
        try:
            work = self._update(stateful_set, document, owner, current, update, pods)
            status["currentReplicas"] -= await work.run()
        finally:
            await self._write_status(stateful_set, document, status)
        live = [current.name, update.name, *map(revision_of, pods)]
        unused = [one for one in revisions if one.name not in live]
        surplus = len(unused) - stateful_set.spec.revision_history_limit
        await history.forget(unused[: max(0, surplus)])
        return self._again_seconds(stateful_set, pods)

    def _update(
        self,
        stateful_set: StatefulSet,
        document: Json,
        owner: Owner,
        current: Revision,
        update: Revision,
        pods: Sequence[Pod],
    ) -> StatefulUpdate:
        about = regarding(owner)
        claims = ClaimWriter(
            self.client, self.recorder, self._claims, stateful_set, document, owner, about
        )
        return StatefulUpdate(
            self.client,
            self.recorder,
            stateful_set,
            document,
            owner,
            about,
            claims,
            current,
            update,
            pods,
            lambda pod: self._pods.document(pod.metadata.full_name),
            self.world.now(),
        )

    async def _only_count(
        self,
        stateful_set: StatefulSet,
        document: Json,
        revisions: Sequence[Revision],
        pods: Sequence[Pod],
    ) -> None:
        """The set is being deleted: what happens to its pods is the garbage collector's."""
        known = stateful_set.status
        current = _named(revisions, known.current_revision)
        update = _named(revisions, known.update_revision)
        if current is not None and update is not None:
            now, collisions = self.world.now(), known.collision_count
            status = counted(stateful_set, pods, current, update, collisions, now)
            await self._write_status(stateful_set, document, status)

    async def _write_status(
        self, stateful_set: StatefulSet, document: Json, computed: Json
    ) -> None:
        old: Json = document.get("status") or {}
        status = finished(stateful_set, computed)
        changed = {key: value for key, value in status.items() if old.get(key) != value}
        changed |= {key: None for key in computed if key not in status and key in old}
        if not changed:
            return
        metadata = stateful_set.metadata
        patch = {"metadata": {"uid": metadata.uid}, "status": changed}
        with self._departed.noticed(metadata):
            await self.client.patch(
                STATEFUL_SETS, metadata.name, patch, metadata.namespace, subresource="status"
            )

    def _again_seconds(self, stateful_set: StatefulSet, pods: Iterable[Pod]) -> float | None:
        """In how many seconds time alone makes a pod available."""
        now, seconds = self.world.now(), stateful_set.spec.min_ready_seconds
        waits = [available_in_seconds(pod, seconds, now) for pod in pods]
        return min((one for one in waits if one), default=None)

    def _own_key(self, old: StatefulSet | None, new: StatefulSet | None) -> Iterable[Name]:
        found = new or old
        assert found is not None, "a change is of something"
        if new is None:
            self._departed.forget(found.metadata.uid)
        return (found.metadata.full_name,)


def _keys_of_claim(old: PartialObject | None, new: PartialObject | None) -> Iterator[Name]:
    """A pod may wait for a claim of the one before it to be gone."""
    if old is None or new is not None:
        return
    for reference in old.metadata.owner_references:
        if reference.kind == PODS.kind:
            yield Name(old.metadata.namespace, parent_of(reference.name))
        elif reference.kind == STATEFUL_SETS.kind:
            yield Name(old.metadata.namespace, reference.name)


def _selector(stateful_set: StatefulSet) -> Selector:
    return selector_of(stateful_set.spec.selector)


def _named(revisions: Iterable[Revision], name: str) -> Revision | None:
    return next((one for one in revisions if one.name == name), None)
