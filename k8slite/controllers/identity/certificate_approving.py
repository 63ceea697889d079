"""Requests of kubelets for client certificates are approved where roles allow it.

A node asks for its own next one (`certificatesigningrequests/selfnodeclient`), or somebody who
bootstraps asks for a node's first (`.../nodeclient`); who asks must be allowed to `create` that.
Upstream: `pkg/controller/certificates/approver/sarapprove.go`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from k8slite.client.resource import CERTIFICATE_SIGNING_REQUESTS, Resource
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.controllers.identity.certificate_signing import holds
from k8slite.kinds.certificates.signers import (
    CLIENT_KUBELET,
    check_kubelet_client,
    parsed_request,
    subject_of,
)
from k8slite.kinds.models import PartialObject
from k8slite.objects.meta import Name, timestamp

Json = dict[str, Any]

_GROUP: Final = "certificates.k8s.io"
_REVIEWS: Final = Resource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", False
)
# How often a request that nobody has let through is looked at again: roles may come later.
_AGAIN_SECONDS: Final = 10.0
_MESSAGES: Final = {
    "selfnodeclient": ("Auto approving self kubelet client certificate after SubjectAccessReview."),
    "nodeclient": "Auto approving kubelet client certificate after SubjectAccessReview.",
}


class CertificateApprovingController(Controller):
    """Its keys are the names of CertificateSigningRequests."""

    name: ClassVar[str] = "certificatesigningrequest-approving-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._requests = self.mirrors.of(CERTIFICATE_SIGNING_REQUESTS, PartialObject)
        self.watch(self._requests, own_key)

    async def reconcile(self, name: Name) -> float | None:
        """Approve a request that its asker is allowed to have approved."""
        request = self._requests.document(name)
        if request is None:
            return None
        conditions = (request.get("status") or {}).get("conditions") or []
        if any(holds(conditions, kind) for kind in ("Approved", "Denied")):
            return None
        tried = _permissions(request["spec"])
        for subresource in tried:
            if await self._allowed(request["spec"], subresource):
                await self._approve(request, conditions, _MESSAGES[subresource])
                return None
        return _AGAIN_SECONDS if tried else None

    async def _allowed(self, spec: Json, subresource: str) -> bool:
        asked = {key: spec[key] for key in ("uid", "groups", "extra") if spec.get(key)}
        attributes = {
            "group": _GROUP,
            "version": "*",
            "resource": "certificatesigningrequests",
            "verb": "create",
            "subresource": subresource,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": spec.get("username", ""), **asked, "resourceAttributes": attributes},
        }
        answer = await self.client.create(_REVIEWS, review)
        return bool(answer["status"]["allowed"])

    async def _approve(self, request: Json, conditions: list[Json], message: str) -> None:
        now = timestamp(self.world.now())
        approved = {
            "type": "Approved",
            "status": "True",
            "reason": "AutoApproved",
            "message": message,
            "lastUpdateTime": now,
            "lastTransitionTime": now,
        }
        status = {**(request.get("status") or {}), "conditions": [*conditions, approved]}
        changed = {**request, "status": status}
        await self.client.update(CERTIFICATE_SIGNING_REQUESTS, changed, subresource="approval")


def _permissions(spec: Json) -> list[str]:
    """What the asker may be allowed to have; nothing for what is no kubelet's request."""
    if spec["signerName"] != CLIENT_KUBELET:
        return []
    try:
        parsed = parsed_request(spec["request"])
        check_kubelet_client(parsed, frozenset(spec["usages"]))
    except ValueError:
        return []
    is_own = spec.get("username") == subject_of(parsed)[0]
    return ["selfnodeclient", "nodeclient"] if is_own else ["nodeclient"]
