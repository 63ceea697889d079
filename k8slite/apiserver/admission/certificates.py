"""Requests for certificates: who asks, who may approve, who may sign, and for whom never.

Mirrors upstream's plugins CertificateApproval, CertificateSigning and
CertificateSubjectRestriction, and the strategy that notes who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.authorization.authorizer import MASTERS, Authorizer
from k8slite.apiserver.request_info import RequestInfo
from k8slite.kinds.certificates.signers import CLIENT, parsed_request, subject_of
from k8slite.messages import User
from k8slite.objects.fields import quoted
from k8slite.objects.meta import timestamp
from k8slite.world import World

Json = dict[str, Any]

_GROUP: Final = "certificates.k8s.io"
_REQUESTS: Final = (f"certificatesigningrequests.{_GROUP}",)
_ASKING: Final = ("username", "uid", "groups", "extra")


@frozen
class CertificateRequests:
    """Notes who asks and when a condition was set, and refuses certificates for masters."""

    world: World
    resources: Sequence[str] = _REQUESTS
    operations: Sequence[str] = ("CREATE", "UPDATE")
    subresources: bool = True

    async def mutate(self, attributes: Attributes) -> None:
        new, old, user = attributes.new, attributes.old, attributes.asked.user
        assert new is not None
        if old is not None:
            new["spec"] = old["spec"]  # never changes
            self._note_times(new)
            return
        spec = new.setdefault("spec", {})
        for name in _ASKING:
            spec.pop(name, None)
        spec["username"] = user.name
        if user.uid:
            spec["uid"] = user.uid
        if user.groups:
            spec["groups"] = list(user.groups)
        if user.extra:
            spec["extra"] = {key: list(values) for key, values in user.extra.items()}

    async def validate(self, attributes: Attributes) -> None:
        new = attributes.new
        assert new is not None
        if attributes.old is not None or new["spec"].get("signerName") != CLIENT:
            return
        if MASTERS in _organizations(new["spec"].get("request", "")):
            raise forbidden(
                attributes, f"use of {CLIENT} signer with {MASTERS} group is not allowed"
            )

    def _note_times(self, new: Json) -> None:
        now = timestamp(self.world.now())
        for condition in (new.get("status") or {}).get("conditions") or ():
            for name in ("lastUpdateTime", "lastTransitionTime"):
                if not condition.get(name):
                    condition[name] = now


@frozen
class CertificateSigners:
    """Who approves must be allowed to `approve` for that signer, who signs to `sign`."""

    authorizer: Authorizer
    resources: Sequence[str] = _REQUESTS
    operations: Sequence[str] = ("UPDATE",)
    subresources: bool = True

    async def validate(self, attributes: Attributes) -> None:
        new, old, asked = attributes.new, attributes.old, attributes.asked
        assert new is not None and old is not None
        signer = old["spec"].get("signerName", "")
        if asked.subresource == "approval":
            if not self._may(asked.user, "approve", signer):
                what = f"user not permitted to approve requests with signerName {quoted(signer)}"
                raise forbidden(attributes, what)
            return
        signed = asked.subresource == "status" and _certificate(new) != _certificate(old)
        if signed and not self._may(asked.user, "sign", signer):
            what = f"user not permitted to sign requests with signerName {quoted(signer)}"
            raise forbidden(attributes, what)

    def _may(self, user: User, verb: str, signer: str) -> bool:
        """By its name, or by its domain: `example.com/*`."""
        return any(
            self.authorizer.decide(user, _signer(verb, name))[0]
            for name in (signer, f"{signer.partition('/')[0]}/*")
        )


def _signer(verb: str, name: str) -> RequestInfo:
    return RequestInfo(verb, "", True, _GROUP, "*", "", "signers", name)


def _certificate(request: Json) -> Any:
    return (request.get("status") or {}).get("certificate")


def _organizations(request: str) -> list[str]:
    """The groups that a request's subject is in; none where it cannot be read."""
    try:
        return subject_of(parsed_request(request))[1]
    except ValueError:
        return []
