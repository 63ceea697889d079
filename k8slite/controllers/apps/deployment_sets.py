"""A Deployment's ReplicaSets as they are written: made, resized, annotated, forgotten.

Every change demands the resourceVersion that it was computed from, so that a rollout never acts on
sizes that somebody has changed meanwhile; the answer is what the next step computes with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from k8slite.client.client import Client
from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import DEPLOYMENTS, REPLICA_SETS
from k8slite.controllers.apps.deployment_revisions import HASH_LABEL, new_set_annotations
from k8slite.controllers.apps.deployment_rolling import Resize, replicas_annotations
from k8slite.controllers.ownership import Owner
from k8slite.kinds.apps.models import Deployment, ReplicaSet
from k8slite.objects.structure import structure

Json = dict[str, Any]


@frozen
class SetWriter:
    """Writes the ReplicaSets of one Deployment."""

    client: Client
    recorder: Recorder
    deployment: Deployment

    @property
    def regarding(self) -> Reference:
        return Reference("apps/v1", "Deployment", self.deployment.metadata)

    async def create(self, document: Json) -> ReplicaSet:
        """Make a set; raises AlreadyExists where its name is taken."""
        namespace = self.deployment.metadata.namespace
        made = await self.client.create(REPLICA_SETS, document, namespace)
        found = structure(made, ReplicaSet)
        if found.spec.replicas:
            self._say_scaled(found.metadata.name, 0, found.spec.replicas)
        return found

    async def resize(self, wanted: Resize, *, even_if_equal: bool = False) -> ReplicaSet:
        """Give a set its size, and note the deployment's in it (upstream: `scaleReplicaSet`).

        A set of the right size is only touched if `even_if_equal`, for its annotations.
        """
        found = wanted.replica_set
        same_size = found.spec.replicas == wanted.replicas
        if same_size and not even_if_equal:
            return found
        annotations = _differing(replicas_annotations(self.deployment), found)
        if same_size and not annotations:
            return found
        changed = await self._patch(found, annotations, {"replicas": wanted.replicas})
        if not same_size:
            self._say_scaled(found.metadata.name, found.spec.replicas, wanted.replicas)
        return changed

    async def resize_all(self, wanted: Iterable[Resize], *, even_if_equal: bool = False) -> bool:
        """Resize one after the other; whether any size has changed."""
        changed = False
        for one in wanted:
            changed |= one.replica_set.spec.replicas != one.replicas
            await self.resize(one, even_if_equal=even_if_equal)
        return changed

    async def refresh(self, found: ReplicaSet, revision: int) -> ReplicaSet:
        """Bring the current set's annotations and minReadySeconds up to date."""
        known = found.metadata.annotations
        wanted = new_set_annotations(self.deployment, known, revision)
        annotations = _differing(wanted, found)
        seconds = self.deployment.spec.min_ready_seconds
        same = found.spec.min_ready_seconds == seconds
        if same and not annotations:
            return found
        return await self._patch(found, annotations, {} if same else {"minReadySeconds": seconds})

    async def forget(self, sets: Iterable[ReplicaSet]) -> None:
        """Delete sets that no rollback needs any more."""
        for one in sets:
            metadata = one.metadata
            options = {"preconditions": {"uid": metadata.uid}, "propagationPolicy": "Background"}
            await self.client.delete(REPLICA_SETS, metadata.name, metadata.namespace, options)

    async def _patch(
        self, found: ReplicaSet, annotations: Mapping[str, str], spec: Json
    ) -> ReplicaSet:
        metadata = found.metadata
        demanded: Json = {"uid": metadata.uid, "resourceVersion": metadata.resource_version}
        if annotations:
            demanded["annotations"] = annotations
        patch = {"metadata": demanded, "spec": spec}
        changed = await self.client.patch(REPLICA_SETS, metadata.name, patch, metadata.namespace)
        return structure(changed, ReplicaSet)

    def _say_scaled(self, name: str, before: int, after: int) -> None:
        way = "up" if after > before else "down"
        message = f"Scaled {way} replica set {name} from {before} to {after}"
        self.recorder.event(self.regarding, "Normal", "ScalingReplicaSet", message)


def new_set_document(document: Json, template_hash: str, annotations: Mapping[str, str]) -> Json:
    """The ReplicaSet for a deployment's template, without a size.

    `document` is the deployment's, which is taken apart.
    """
    spec = document["spec"]
    metadata = document["metadata"]
    template = spec["template"]
    described = template.setdefault("metadata", {})
    labels = {**(described.get("labels") or {}), HASH_LABEL: template_hash}
    described["labels"] = labels
    selector = dict(spec.get("selector") or {})
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: template_hash}
    found: Json = {
        "apiVersion": REPLICA_SETS.api_version,
        "kind": REPLICA_SETS.kind,
        "metadata": {
            "name": f"{metadata['name']}-{template_hash}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": dict(annotations),
        },
        "spec": {"selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        found["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    return found


def owner_of_sets(deployment: Deployment) -> Owner:
    """The deployment as the owner of its sets."""
    return Owner(DEPLOYMENTS, deployment.metadata)


def _differing(wanted: Mapping[str, str], found: ReplicaSet) -> dict[str, str]:
    known = found.metadata.annotations
    return {key: value for key, value in wanted.items() if known.get(key) != value}
