"""One reconcile of one Deployment: the steps of a rollout, in upstream's order.

Mirrors `sync.go`, `rolling.go` and `recreate.go`: find or make the current set, make one step,
write the status.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from k8slite.client.client import Client
from k8slite.client.recorder import Recorder
from k8slite.client.resource import DEPLOYMENTS, REPLICA_SETS
from k8slite.controllers.apps.deployment_revisions import (
    REVISION,
    new_set_annotations,
    next_revision,
    same_template,
    template_hash,
    to_forget,
)
from k8slite.controllers.apps.deployment_rolling import (
    DESIRED_REPLICAS,
    Resize,
    active,
    annotated,
    created,
    new_set_replicas,
    old_sets_to_shrink,
    replicas_annotations,
    resizes,
)
from k8slite.controllers.apps.deployment_sets import SetWriter, new_set_document, owner_of_sets
from k8slite.controllers.apps.deployment_status import (
    PAUSED,
    PROGRESSING,
    RESUMED,
    TIMED_OUT,
    Sets,
    checked_again_in_seconds,
    complete,
    condition_of,
    counted,
    has_deadline,
    rollout,
    with_condition,
)
from k8slite.controllers.ownership import Departed
from k8slite.controllers.pod_control import namespace_is_ending
from k8slite.kinds.apps.models import Deployment, ReplicaSet
from k8slite.kinds.core.models import Pod
from k8slite.objects.errors import AlreadyExists, ApiError
from k8slite.objects.structure import structure
from k8slite.world import World

Json = dict[str, Any]


@frozen
class Surroundings:
    """What a rollout needs of its controller."""

    client: Client
    recorder: Recorder
    world: World
    departed: Departed
    set_document: Callable[[ReplicaSet], Json | None]  # as the mirror shows it
    pods_of: Callable[[ReplicaSet], list[Pod]]  # all of them, also those on their way out
    again_after: Callable[[float], None]  # look at the deployment again in so many seconds


class Rollout:
    """The state of one reconcile; `document` is the deployment's, and changes as it is written."""

    def __init__(
        self,
        surroundings: Surroundings,
        deployment: Deployment,
        document: Json,
        sets: list[ReplicaSet],
    ) -> None:
        self._around = surroundings
        self._deployment = deployment
        self._document = document
        self._sets = sorted(sets, key=created)
        self._writer = SetWriter(surroundings.client, surroundings.recorder, deployment)

    async def note_pause(self) -> None:
        """Note a pause or its end, so that the deadline does not count it."""
        current = condition_of(self._status, PROGRESSING)
        if not has_deadline(self._deployment) or (current or {}).get("reason") == TIMED_OUT:
            return
        noted = current is not None and current.get("reason") == PAUSED
        if self._deployment.spec.paused == noted:
            return
        reason, message = PAUSED, "Deployment is paused"
        if noted:
            reason, message = RESUMED, "Deployment is resumed"
        await self._write_condition("Unknown", reason, message)

    def resized(self) -> bool:
        """Whether an active set has not heard of the deployment's size (`isScalingEvent`)."""
        for one in active(self._sets):
            known = annotated(one, DESIRED_REPLICAS)
            if known is not None and known != self._deployment.spec.replicas:
                return True
        return False

    async def only_status(self) -> None:
        """Count, and change nothing else: the deployment is being deleted."""
        await self._write_counts(self._split())

    async def scale(self) -> None:
        """Spread the size over the sets there are, without rolling on (upstream: `sync`)."""
        sets = await self._current(self._split())
        wanted = resizes(self._deployment, sets.old, sets.new)
        # Several active sets note the new size even if their own does not change.
        await self._writer.resize_all(wanted, even_if_equal=len(wanted) > 1)
        if not wanted:
            await self._note_size(sets)
        if self._deployment.spec.paused:
            await self._writer.forget(to_forget(self._deployment, sets.old))
        await self._write_counts(sets)

    async def roll(self) -> None:
        """Replace pods little by little."""
        sets = await self._make_current(await self._current(self._split()))
        new = sets.new
        assert new is not None, "it has just been made"
        size = self._size_of_new(sets, new)
        if not await self._writer.resize_all([Resize(new, size)]):
            shrink = old_sets_to_shrink(self._deployment, active(sets.old), new)
            if not await self._writer.resize_all(shrink):
                await self._tidy(sets)
        await self._write_progress(sets)

    async def recreate(self) -> None:
        """Let all old pods go before the first new one comes."""
        sets = await self._current(self._split())
        gone = [Resize(one, 0) for one in active(sets.old)]
        if not await self._writer.resize_all(gone) and not self._old_pods_run(sets):
            sets = await self._make_current(sets)
            assert sets.new is not None, "it has just been made"
            await self._writer.resize_all([Resize(sets.new, self._deployment.spec.replicas)])
            await self._tidy(sets)
        await self._write_progress(sets)

    # The sets

    @property
    def _now(self) -> datetime:
        return self._around.world.now()

    @property
    def _status(self) -> Json:
        found: Json = self._document.get("status") or {}
        return found

    def _split(self) -> Sets:
        """The oldest set with the deployment's template is the current one."""
        template = self._document["spec"]["template"]
        for one in self._sets:
            document = self._around.set_document(one)
            if document is not None and same_template(document["spec"]["template"], template):
                return Sets([other for other in self._sets if other is not one], one)
        return Sets(list(self._sets), None)

    async def _current(self, sets: Sets) -> Sets:
        """Bring the current set's revision and annotations up to date, if there is one."""
        if sets.new is None:
            return sets
        new = await self._writer.refresh(sets.new, next_revision(sets.old))
        await self._write_revision(new.metadata.annotations.get(REVISION, ""))
        if has_deadline(self._deployment) and condition_of(self._status, PROGRESSING) is None:
            message = f'Found new replica set "{new.metadata.name}"'
            await self._write_condition("True", "FoundNewReplicaSet", message)
        return Sets(sets.old, new)

    async def _make_current(self, sets: Sets) -> Sets:
        """Make the current set where there is none."""
        if sets.new is not None:
            return sets
        revision = str(next_revision(sets.old))
        document = self._new_document(sets)
        name = document["metadata"]["name"]
        existed = False
        try:
            new = await self._writer.create(document)
        except AlreadyExists:
            new = await self._taken(document)
            existed = True
        except ApiError as error:
            await self._note_failed_create(name, error)
            raise
        await self._write_revision(revision)
        if not existed and has_deadline(self._deployment):
            message = f'Created new replica set "{name}"'
            await self._write_condition("True", "NewReplicaSetCreated", message)
        return Sets(sets.old, new)

    def _new_document(self, sets: Sets) -> Json:
        deployment = self._deployment
        spec = {**self._document["spec"], "template": {**self._document["spec"]["template"]}}
        described = dict(spec["template"].get("metadata") or {})
        spec["template"]["metadata"] = described
        hashed = template_hash(spec["template"], self._status.get("collisionCount"))
        annotations = new_set_annotations(deployment, {}, next_revision(sets.old))
        annotations |= replicas_annotations(deployment)
        found = new_set_document({**self._document, "spec": spec}, hashed, annotations)
        found["metadata"]["ownerReferences"] = [owner_of_sets(deployment).reference()]
        found["spec"]["replicas"] = new_set_replicas(deployment, sets.old, None)
        return found

    async def _taken(self, document: Json) -> ReplicaSet:
        """The set that has the new one's name, if it is ours from an earlier attempt; else the
        name has collided, and the next attempt takes another."""
        metadata = document["metadata"]
        client = self._around.client
        found = await client.get(REPLICA_SETS, metadata["name"], metadata["namespace"])
        existing = structure(found, ReplicaSet)
        owner = existing.metadata.controller
        if (
            owner is not None
            and owner.uid == self._deployment.metadata.uid
            and same_template(found["spec"]["template"], document["spec"]["template"])
        ):
            return existing
        count = self._status.get("collisionCount", 0) + 1
        await self._write_status({**self._status, "collisionCount": count})
        raise Collision(f"another ReplicaSet is named {metadata['name']}")

    async def _note_failed_create(self, name: str, error: ApiError) -> None:
        if namespace_is_ending(error):
            return
        message = f'Failed to create new replica set "{name}": {error}'
        if has_deadline(self._deployment):
            await self._write_condition("False", "ReplicaSetCreateError", message)
        self._around.recorder.event(
            self._writer.regarding, "Warning", "ReplicaSetCreateError", message
        )

    def _size_of_new(self, sets: Sets, new: ReplicaSet) -> int:
        if new.spec.replicas >= self._deployment.spec.replicas:
            return self._deployment.spec.replicas
        return new_set_replicas(self._deployment, sets.all, new)

    async def _note_size(self, sets: Sets) -> None:
        """The only active set has the right size already, but does not know the deployment's."""
        for one in active(sets.all):
            resize = Resize(one, one.spec.replicas)
            await self._writer.resize(resize, even_if_equal=True)

    def _old_pods_run(self, sets: Sets) -> bool:
        if any(one.status.replicas for one in sets.old):
            return True
        return any(not pod.terminal for one in sets.old for pod in self._around.pods_of(one))

    async def _tidy(self, sets: Sets) -> None:
        if complete(self._deployment, self._status):
            await self._writer.forget(to_forget(self._deployment, sets.old))

    # The status

    async def _write_progress(self, sets: Sets) -> None:
        status = rollout(self._deployment, self._status, sets, self._now)
        await self._write_status(status)
        seconds = checked_again_in_seconds(self._deployment, status, self._now)
        if seconds is not None:
            self._around.again_after(seconds)

    async def _write_counts(self, sets: Sets) -> None:
        await self._write_status(counted(self._deployment, self._status, sets, self._now))

    async def _write_condition(self, value: str, reason: str, message: str) -> None:
        status = with_condition(self._status, PROGRESSING, value, reason, message, self._now)
        await self._write_status(status)

    async def _write_status(self, status: Json) -> None:
        old = self._status
        if status == old:
            return
        metadata = self._deployment.metadata
        patch = {
            "metadata": {"uid": metadata.uid},
            "status": dict.fromkeys(old) | status,
        }
        with self._around.departed.noticed(metadata):
            await self._around.client.patch(
                DEPLOYMENTS, metadata.name, patch, metadata.namespace, subresource="status"
            )
        self._document["status"] = status

    async def _write_revision(self, revision: str) -> None:
        """The deployment's revision is that of its current set."""
        metadata = self._deployment.metadata
        if not revision or metadata.annotations.get(REVISION) == revision:
            return
        annotations = {REVISION: revision}
        patch = {"metadata": {"uid": metadata.uid, "annotations": annotations}}
        with self._around.departed.noticed(metadata):
            # (Upstream writes it with the status, and is noted for it there.)
            await self._around.client.patch(
                DEPLOYMENTS, metadata.name, patch, metadata.namespace, subresource="status"
            )
        annotations = {**metadata.annotations, **annotations}
        self._deployment = evolve(
            self._deployment, metadata=evolve(metadata, annotations=annotations)
        )


class Collision(Exception):
    """Another deployment's set, or another template's, has the name of the new one."""
