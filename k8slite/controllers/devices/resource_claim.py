"""Makes the claims that pods ask for by a template, and lets go of claims that no pod uses.

Upstream: `pkg/controller/resourceclaim`. A pod's claim is made, owned by the pod, and named in the
pod's status; a pod that was bound without the scheduler gets its reservation here. What happens
when pods end is in `resource_claim_release`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.client.client import STRATEGIC_MERGE_PATCH
from k8slite.client.recorder import Reference
from k8slite.client.resource import PODS, RESOURCE_CLAIM_TEMPLATES, RESOURCE_CLAIMS
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.devices.resource_claim_release import Release, is_done
from k8slite.controllers.ownership import Owner
from k8slite.kinds.core.models import Pod, PodResourceClaim
from k8slite.kinds.resource.models import ResourceClaim
from k8slite.kinds.resource.pod_claims import (
    CLAIM_ANNOTATION,
    ClaimNotMade,
    is_for_pod,
    not_for_pod,
    pod_claim,
    pod_claims,
)
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name

Json = dict[str, Any]

_CLAIM: Final = "resourceclaims/"  # begins the keys of claims; no name has a slash
_BASE_MOST: Final = 57  # of a generated name: a hyphen and five characters come behind it


class ResourceClaimController(Controller):
    """Its keys are the names of Pods, and those of ResourceClaims behind `resourceclaims/`."""

    name: ClassVar[str] = "resourceclaim-controller"
    workers: ClassVar[int] = 5
    since: ClassVar[int] = 34

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._pods = self.mirrors.of(PODS, Pod)
        self._claims = self.mirrors.of(RESOURCE_CLAIMS, ResourceClaim)
        self._release = Release(self.client, self._pods, self._claims)
        # The claims that were made for each pod, by its UID; the pods that name each claim.
        self._made_for: dict[str, dict[Name, None]] = {}
        self._users: dict[Name, dict[Name, None]] = {}
        self.watch(self._claims, self._claim_changed)
        self.watch(self._pods, self._pod_changed)

    async def reconcile(self, name: Name) -> None:
        """Give a pod its claims, or a claim back."""
        if name.name.startswith(_CLAIM):
            await self._release.reconcile(Name(name.namespace, name.name.removeprefix(_CLAIM)))
            return
        pod = self._pods.get(name)
        if pod is None or pod.metadata.deletion_timestamp is not None or is_done(pod):
            return  # what it has it gives back
        await self._give(pod)

    # Which keys a change leads to

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> Iterator[Name]:
        for pod in (old, new):
            if pod is None or not pod.spec.resource_claims:
                continue
            name, namespace = pod.metadata.full_name, pod.metadata.namespace
            named = {*_named(pod)}
            for claim in sorted(named):
                users = self._users.setdefault(Name(namespace, claim), {})
                if pod is new:
                    users[name] = None
                else:
                    users.pop(name, None)
                if not users:
                    del self._users[Name(namespace, claim)]
            gone = pod is old and (new is None or new.metadata.uid != pod.metadata.uid)
            if gone or is_done(pod):
                made = self._made_for.get(pod.metadata.uid, {})
                yield from (_claim_key(one) for one in made)
                yield from (_claim_key(Name(namespace, one)) for one in sorted(named))
            elif pod is new:
                yield name

    def _claim_changed(
        self, old: ResourceClaim | None, new: ResourceClaim | None
    ) -> Iterable[Name]:
        claim = new or old
        assert claim is not None, "a change is of something"
        name, owner = claim.metadata.full_name, claim.metadata.controller
        found = [_claim_key(name), *self._users.get(name, ())]
        if owner is not None and owner.kind == PODS.kind:
            made = self._made_for.setdefault(owner.uid, {})
            if new is not None:
                made[name] = None
            else:
                made.pop(name, None)
            if not made:
                del self._made_for[owner.uid]
            found.append(Name(name.namespace, owner.name))
        return found

    # What a pod gets

    async def _give(self, pod: Pod) -> None:
        made: dict[str, str] = {}
        for asked in pod.spec.resource_claims:
            try:
                name = await self._claim_for(pod, asked)
            except Exception as error:
                about = Reference("v1", "Pod", pod.metadata)
                what = f"PodResourceClaim {asked.name}: {error}"
                self.recorder.event(about, "Warning", "FailedResourceClaimCreation", what)
                raise
            if name:
                made[asked.name] = name
        if made:
            statuses = [{"name": k, "resourceClaimName": v} for k, v in made.items()]
            patch = {
                "metadata": {"uid": pod.metadata.uid},
                "status": {"resourceClaimStatuses": statuses},
            }
            await self.client.patch(
                PODS,
                pod.metadata.name,
                patch,
                pod.metadata.namespace,
                subresource="status",
                patch_type=STRATEGIC_MERGE_PATCH,
            )
        elif pod.spec.node_name:
            await self._reserve(pod)

    async def _claim_for(self, pod: Pod, asked: PodResourceClaim) -> str:
        """The name of a claim that the pod's status is to tell; "" if it need not."""
        if not asked.resource_claim_template_name:
            return ""
        namespace = pod.metadata.namespace
        try:
            known = pod_claim(pod.metadata, asked, pod.status.resource_claim_statuses)
            if known is None:
                return ""
            claim = self._claims.get(Name(namespace, known.name))
            if claim is not None and is_for_pod(claim, pod.metadata):
                return ""
        except ClaimNotMade:
            pass  # so it is made now
        for name in self._made_for.get(pod.metadata.uid, {}):
            claim = self._claims.get(name)
            annotations = claim.metadata.annotations if claim is not None else {}
            if annotations.get(CLAIM_ANNOTATION) == asked.name:
                return name.name  # made before, and the status was not written
        return await self._make(pod, asked)

    async def _make(self, pod: Pod, asked: PodResourceClaim) -> str:
        namespace, template_name = pod.metadata.namespace, asked.resource_claim_template_name
        try:
            template = await self.client.get(RESOURCE_CLAIM_TEMPLATES, template_name, namespace)
        except NotFound as error:
            raise NotFound(f'resource claim template "{template_name}": {error}') from None
        described = template["spec"].get("metadata") or {}
        metadata: Json = {
            "generateName": _base(pod.metadata.name, asked.name),
            "namespace": namespace,
            "annotations": {
                **(described.get("annotations") or {}),
                CLAIM_ANNOTATION: asked.name,
            },
            "ownerReferences": [Owner(PODS, pod.metadata).reference()],
        }
        if described.get("labels"):
            metadata["labels"] = described["labels"]
        claim = {
            "apiVersion": RESOURCE_CLAIMS.api_version,
            "kind": RESOURCE_CLAIMS.kind,
            "metadata": metadata,
            "spec": template["spec"]["spec"],
        }
        created = await self.client.create(RESOURCE_CLAIMS, claim, namespace)
        name: str = created["metadata"]["name"]
        return name

    async def _reserve(self, pod: Pod) -> None:
        """A bound pod may use its claims that are allocated."""
        statuses = pod.status.resource_claim_statuses
        for one in pod_claims(pod.metadata, pod.spec.resource_claims, statuses):
            name = Name(pod.metadata.namespace, one.name)
            claim, document = self._claims.get(name), self._claims.document(name)
            if claim is None or document is None:
                return
            if one.generated and not is_for_pod(claim, pod.metadata):
                raise NotItsOwn(not_for_pod(claim, pod.metadata))
            if claim.status.allocation is None or claim.reserved_for(pod.metadata.uid):
                continue
            user = {"resource": "pods", "name": pod.metadata.name, "uid": pod.metadata.uid}
            users = [*(document["status"].get("reservedFor") or ()), user]
            metadata = claim.metadata
            patch = {
                "metadata": {"uid": metadata.uid, "resourceVersion": metadata.resource_version},
                "status": {"reservedFor": users},
            }
            await self.client.patch(
                RESOURCE_CLAIMS, name.name, patch, name.namespace, subresource="status"
            )


class NotItsOwn(Exception):
    """A claim that a pod's status tells of is somebody else's."""


def _claim_key(name: Name) -> Name:
    return Name(name.namespace, _CLAIM + name.name)


def _named(pod: Pod) -> Iterator[str]:
    """The names of the claims that a pod names, or whose names are known."""
    for asked in pod.spec.resource_claims:
        if asked.resource_claim_name:
            yield asked.resource_claim_name
    for made in pod.status.resource_claim_statuses:
        if made.resource_claim_name:
            yield made.resource_claim_name


def _base(pod_name: str, entry: str) -> str:
    """What a generated name begins with: of both, as much as there is room for."""
    whole = f"{pod_name}-{entry}-"
    if len(whole) <= _BASE_MOST:
        return whole
    shares = (one[: len(one) * _BASE_MOST // len(whole)] for one in (pod_name, entry))
    return "-".join(shares)
