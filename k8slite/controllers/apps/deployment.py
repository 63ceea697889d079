"""Brings a Deployment's pods to its template, through ReplicaSets (upstream:
`pkg/controller/deployment`).

One reconcile makes one step: grow the new set, else shrink the old ones, else tidy up; the changes
of the sets' statuses lead to the next. A paused or resized deployment is only scaled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from k8slite.client.recorder import Reference
from k8slite.client.resource import DEPLOYMENTS, PODS, REPLICA_SETS
from k8slite.controllers.apps.deployment_rolling import rolls
from k8slite.controllers.apps.deployment_rollout import Rollout, Surroundings
from k8slite.controllers.apps.deployment_sets import owner_of_sets
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.ownership import (
    Departed,
    claim,
    controlled,
    controller_of,
    index_by_controller,
    owner_keys,
)
from k8slite.kinds.apps.models import Deployment, ReplicaSet
from k8slite.kinds.core.models import Pod
from k8slite.objects.meta import Name
from k8slite.objects.selectors import Selector, selector_of


class DeploymentController(Controller):
    """Its keys are the names of Deployments."""

    name: ClassVar[str] = "deployment-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._deployments = self.mirrors.of(DEPLOYMENTS, Deployment)
        self._sets = self.mirrors.of(REPLICA_SETS, ReplicaSet)
        self._pods = self.mirrors.of(PODS, Pod)
        index_by_controller(self._sets)
        index_by_controller(self._pods)
        self._departed = Departed()
        self.watch(self._deployments, self._own_key)
        self.watch(self._sets, owner_keys(self._deployments, _selector))
        self.watch(self._pods, self._keys_of_pod)

    async def reconcile(self, name: Name) -> None:
        deployment = self._deployments.get(name)
        if deployment is None or deployment.metadata.uid in self._departed:
            return
        selector = _selector(deployment)
        if selector.empty:
            await self._refuse(deployment)
            return
        sets = await claim(self.client, self._sets, owner_of_sets(deployment), selector)
        document = self._deployments.document(name)
        assert document is not None, "the mirror has both or none"
        rollout = Rollout(self._surroundings(name), deployment, document, sets)
        if deployment.metadata.deletion_timestamp is not None:
            await rollout.only_status()
            return
        await rollout.note_pause()
        if deployment.spec.paused or rollout.resized():
            await rollout.scale()
        elif rolls(deployment):
            await rollout.roll()
        else:
            await rollout.recreate()

    def _surroundings(self, name: Name) -> Surroundings:
        return Surroundings(
            self.client,
            self.recorder,
            self.world,
            self._departed,
            set_document=lambda one: self._sets.document(one.metadata.full_name),
            pods_of=lambda one: controlled(self._pods, one.metadata.uid),
            again_after=lambda seconds: self.queue.add_after(name, seconds),
        )

    async def _refuse(self, deployment: Deployment) -> None:
        """An empty selector would take every pod of the namespace."""
        metadata = deployment.metadata
        message = "This deployment is selecting all pods. A non-empty selector is required."
        regarding = Reference("apps/v1", "Deployment", metadata)
        self.recorder.event(regarding, "Warning", "SelectingAll", message)
        if deployment.status.observed_generation < metadata.generation:
            status = {"observedGeneration": metadata.generation}
            patch = {"metadata": {"uid": metadata.uid}, "status": status}
            await self.client.patch(
                DEPLOYMENTS, metadata.name, patch, metadata.namespace, subresource="status"
            )

    def _own_key(self, old: Deployment | None, new: Deployment | None) -> Iterable[Name]:
        found = new or old
        assert found is not None, "a change is of something"
        if new is None:
            self._departed.forget(found.metadata.uid)
        return (found.metadata.full_name,)

    def _keys_of_pod(self, old: Pod | None, new: Pod | None) -> Iterator[Name]:
        """A Recreate deployment waits for its last old pod to end, or go."""
        if old is None or (new is not None and not new.terminal):
            return
        replica_set = controller_of(old, self._sets)
        if replica_set is None:
            return
        deployment = controller_of(replica_set, self._deployments)
        if deployment is not None and not rolls(deployment):
            yield deployment.metadata.full_name


def _selector(deployment: Deployment) -> Selector:
    return selector_of(deployment.spec.selector)
