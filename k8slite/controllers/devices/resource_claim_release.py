"""What becomes of a claim when pods that used it have ended.

Its reservation goes, with the last one its devices, then the finalizer that held it; a claim that
was made for a pod goes with it (upstream: `syncClaim`). A mirror may be behind, so it is asked of
the API itself whether a pod has really gone.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from k8slite.client.client import Client
from k8slite.client.informer import Mirror
from k8slite.client.resource import PODS, RESOURCE_CLAIMS
from k8slite.kinds.core.models import Pod
from k8slite.kinds.resource.models import ConsumerReference, ResourceClaim
from k8slite.kinds.resource.pod_claims import FINALIZER
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name
from k8slite.objects.structure import structure

Json = dict[str, Any]


class UnknownUser(Exception):
    """A claim is reserved for something that is no pod."""


@frozen
class Release:
    """Gives claims back."""

    client: Client
    pods: Mirror[Pod]
    claims: Mirror[ResourceClaim]

    async def reconcile(self, name: Name) -> None:
        """Bring a claim's users up to date, and what follows from it. Raises UnknownUser."""
        document = self.claims.document(name)
        if document is None:
            return
        claim = structure(document, ResourceClaim)
        users = [one for one in claim.status.reserved_for if await self._uses(name, one)]
        metadata = claim.metadata
        ending = metadata.deletion_timestamp is not None
        if len(users) < len(claim.status.reserved_for):
            document = await self._write_users(document, [one.uid for one in users])
        elif ending and not users and FINALIZER in metadata.finalizers:
            if claim.status.allocation is not None:
                document = await self._write_users(document, [])
        else:
            await self._delete_unused(claim, bool(users))
            return
        held = document["metadata"].get("finalizers") or []
        if FINALIZER in held and not (document.get("status") or {}).get("allocation"):
            patch = _expecting(document)
            patch["metadata"]["finalizers"] = [one for one in held if one != FINALIZER] or None
            await self.client.patch(RESOURCE_CLAIMS, name.name, patch, name.namespace)
        await self._delete_unused(claim, bool(users))

    async def _write_users(self, document: Json, kept: list[str]) -> Json:
        """Leave the claim to those that use it; without any its devices are free."""
        status = document.get("status") or {}
        users = [one for one in status.get("reservedFor") or () if one["uid"] in kept]
        changes: Json = {"reservedFor": users or None}
        if not users and FINALIZER in (document["metadata"].get("finalizers") or ()):
            changes["allocation"] = None
        patch = {**_expecting(document), "status": changes}
        metadata = document["metadata"]
        return await self.client.patch(
            RESOURCE_CLAIMS, metadata["name"], patch, metadata["namespace"], subresource="status"
        )

    async def _uses(self, claim: Name, user: ConsumerReference) -> bool:
        """Whether an entry of status.reservedFor is right. Raises UnknownUser."""
        if user.api_group or user.resource != PODS.plural:
            raise UnknownUser(f"unsupported ReservedFor entry: {user}")
        known = self.pods.get(Name(claim.namespace, user.name))
        if known is not None and known.metadata.uid == user.uid:
            return not is_done(known)
        try:
            found = await self.client.get(PODS, user.name, claim.namespace)
        except NotFound:
            return False
        return bool(found["metadata"]["uid"] == user.uid)

    async def _delete_unused(self, claim: ResourceClaim, used: bool) -> None:
        """A claim that was made for a pod which is not going to run goes before the pod does."""
        owner, metadata = claim.metadata.controller, claim.metadata
        if used or owner is None or owner.kind != PODS.kind or metadata.deletion_timestamp:
            return
        pod = self.pods.get(Name(metadata.namespace, owner.name))
        if pod is None or pod.metadata.uid != owner.uid or not is_done(pod):
            return  # one that is gone altogether is the garbage collector's business
        options = {"preconditions": {"uid": metadata.uid}}
        try:
            await self.client.delete(RESOURCE_CLAIMS, metadata.name, metadata.namespace, options)
        except NotFound:
            return


def is_done(pod: Pod) -> bool:
    """Whether nothing of a pod runs, nor will again (upstream: `isPodDone`)."""
    return pod.terminal or (pod.metadata.deletion_timestamp is not None and not pod.spec.node_name)


def _expecting(document: Json) -> Json:
    """A patch of a claim as it was seen."""
    metadata = document["metadata"]
    expected = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    return {"metadata": expected}
