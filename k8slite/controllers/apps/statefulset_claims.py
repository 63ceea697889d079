"""What becomes of a StatefulSet's claims: made before their pod, kept or not when it goes.

Mirrors `stateful_pod_control.go`. A claim that is to go with the set is owned by the set, one that
is to go with a pod that is scaled away by that pod, so that the garbage collector does the rest.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from k8slite.client.client import Client
from k8slite.client.informer import Mirror
from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS, PODS
from k8slite.controllers.apps.statefulset_pods import claim_names, new_claims, ordinal_of, wanted
from k8slite.controllers.ownership import Owner
from k8slite.kinds.apps.models import StatefulSet
from k8slite.kinds.core.models import Pod
from k8slite.kinds.models import Metadata, OwnerReference, PartialObject
from k8slite.objects.errors import AlreadyExists, ApiError
from k8slite.objects.meta import Name

Json = dict[str, Any]


class ClaimsMissing(Exception):
    """Claims of a pod could not be made."""


@frozen
class ClaimWriter:
    """Writes the claims of one set; `document` is the set's."""

    client: Client
    recorder: Recorder
    claims: Mirror[PartialObject]
    stateful_set: StatefulSet
    document: Json
    owner: Owner
    regarding: Reference

    @property
    def any(self) -> bool:
        """Whether the set's pods have claims."""
        return bool(self.document["spec"].get("volumeClaimTemplates"))

    async def create_missing(self, ordinal: int) -> None:
        """Make an ordinal's claims that are not there. Raises ClaimsMissing."""
        pod_name = f"{self.stateful_set.metadata.name}-{ordinal}"
        failures = []
        for claim in new_claims(self.document, ordinal):
            name, namespace = claim["metadata"]["name"], claim["metadata"]["namespace"]
            known = self.claims.get(Name(namespace, name))
            if known is not None:
                if known.metadata.deletion_timestamp is not None:
                    failures.append(f"pvc {name} is being deleted")
                continue
            try:
                await self.client.create(PERSISTENT_VOLUME_CLAIMS, claim, namespace)
            except AlreadyExists:
                continue  # the mirror does not show it yet
            except ApiError as error:
                failures.append(f"failed to create PVC {name}: {error}")
                self._say(pod_name, name, error)
            else:
                self._say(pod_name, name, None)
        if failures:
            told = ", ".join(failures)
            raise ClaimsMissing(told if len(failures) == 1 else f"[{told}]")

    async def keep_policy(self, pod: Pod) -> None:
        """Give a pod's claims the owners that the retention policy asks for."""
        for name in claim_names(self.document, ordinal_of(pod)):
            claim = self.claims.get(Name(pod.metadata.namespace, name))
            if claim is None:
                continue
            references = claim.metadata.owner_references
            if self._unexpected(references, pod):
                message = (
                    f"PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a "
                    "managing controller, the retention policy is ignored for this claim"
                )
                self.recorder.event(self.regarding, "Warning", "ConflictingController", message)
            if not self._up_to_date(references, pod):
                await self._write_owners(claim.metadata, self._owners(references, pod))

    def policy_kept(self, pod: Pod) -> bool:
        """Whether the owners of a pod's claims are as they should be."""
        for name in claim_names(self.document, ordinal_of(pod)):
            claim = self.claims.get(Name(pod.metadata.namespace, name))
            if claim is not None and not self._up_to_date(claim.metadata.owner_references, pod):
                return False
        return True

    def stale(self, ordinal: int) -> bool:
        """Whether a claim of an ordinal is about to go with the pod that had the ordinal before:
        a new pod must wait for that."""
        if self.stateful_set.spec.persistent_volume_claim_retention_policy.when_scaled == "Retain":
            return False
        metadata = self.stateful_set.metadata
        pod_name = f"{metadata.name}-{ordinal}"
        for name in claim_names(self.document, ordinal):
            claim = self.claims.get(Name(metadata.namespace, name))
            if claim is not None and any(
                _refers(one, PODS.kind, pod_name) for one in claim.metadata.owner_references
            ):
                return True
        return False

    def _up_to_date(self, references: tuple[OwnerReference, ...], pod: Pod) -> bool:
        """As upstream's `isClaimOwnerUpToDate`: what refers to a set or pod of our names from
        before is left to the garbage collector."""
        if self._outdated(references, pod):
            return True
        ours = [one for one in references if self._ours(one, pod)]
        if self._unexpected(references, pod):
            return not ours
        if any(not one.controller for one in ours):
            return False
        owner = self._wanted_owner(pod)
        wanted_uid = owner.metadata.uid if owner is not None else None
        return [one.uid for one in ours] == ([wanted_uid] if wanted_uid else [])

    def _owners(self, references: tuple[OwnerReference, ...], pod: Pod) -> list[Json]:
        unexpected = self._unexpected(references, pod)
        found = [_written(one) for one in references if not self._ours(one, pod)]
        owner = self._wanted_owner(pod)
        if owner is not None and not unexpected:
            found.append(dict(owner.reference()))
        return found

    def _wanted_owner(self, pod: Pod) -> Owner | None:
        policy = self.stateful_set.spec.persistent_volume_claim_retention_policy
        scaled_away = ordinal_of(pod) not in wanted(self.stateful_set)
        if policy.when_scaled == "Delete" and scaled_away:
            return Owner(PODS, pod.metadata)
        return self.owner if policy.when_deleted == "Delete" else None

    def _ours(self, reference: OwnerReference, pod: Pod) -> bool:
        return self._of_set(reference) or _refers(reference, PODS.kind, pod.metadata.name)

    def _of_set(self, reference: OwnerReference) -> bool:
        return _refers(reference, self.owner.resource.kind, self.owner.metadata.name)

    def _outdated(self, references: tuple[OwnerReference, ...], pod: Pod) -> bool:
        uids = (self.owner.metadata.uid, pod.metadata.uid)
        return any(self._ours(one, pod) and one.uid not in uids for one in references)

    def _unexpected(self, references: tuple[OwnerReference, ...], pod: Pod) -> bool:
        policy = self.stateful_set.spec.persistent_volume_claim_retention_policy
        if policy.when_scaled == policy.when_deleted == "Retain":
            return False
        return self._outdated(references, pod) or any(
            one.controller and not self._ours(one, pod) for one in references
        )

    async def _write_owners(self, metadata: Metadata, owners: list[Json]) -> None:
        patch = {
            "metadata": {
                "uid": metadata.uid,
                "resourceVersion": metadata.resource_version,
                "ownerReferences": owners or None,
            }
        }
        await self.client.patch(PERSISTENT_VOLUME_CLAIMS, metadata.name, patch, metadata.namespace)

    def _say(self, pod_name: str, name: str, error: ApiError | None) -> None:
        set_name = self.stateful_set.metadata.name
        if error is None:
            message = f"create Claim {name} Pod {pod_name} in StatefulSet {set_name} success"
            self.recorder.event(self.regarding, "Normal", "SuccessfulCreate", message)
        else:
            message = (
                f"create Claim {name} for Pod {pod_name} in StatefulSet {set_name} "
                f"failed error: {error}"
            )
            self.recorder.event(self.regarding, "Warning", "FailedCreate", message)


def _refers(reference: OwnerReference, kind: str, name: str) -> bool:
    return reference.kind == kind and reference.name == name


def _written(reference: OwnerReference) -> Json:
    found: Json = {
        "apiVersion": reference.api_version,
        "kind": reference.kind,
        "name": reference.name,
        "uid": reference.uid,
    }
    if reference.controller:
        found["controller"] = True
    if reference.block_owner_deletion:
        found["blockOwnerDeletion"] = True
    return found
