"""Signs approved requests for certificates with the cluster's CA.

Upstream: `pkg/controller/certificates/signer`. Signers: clients of the API server, kubelets as
clients, kubelets as servers; what does not suit its signer is marked as failed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from k8slite.client.resource import CERTIFICATE_SIGNING_REQUESTS
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.kinds.certificates.signers import CHECKS, parsed_request
from k8slite.kinds.models import PartialObject
from k8slite.objects.meta import Name, find_condition, timestamp

if TYPE_CHECKING:
    from cryptography import x509

Json = dict[str, Any]
# From the request, its usages and the seconds that it is to be good for to a certificate in PEM.
Sign = Callable[["x509.CertificateSigningRequest", Iterable[str], float], bytes]

DURATION_SECONDS: Final = 365 * 24 * 3600.0  # --cluster-signing-duration
_LEAST_SECONDS: Final = 600  # who asks for less gets this


class CertificateSigningController(Controller):
    """Its keys are the names of CertificateSigningRequests."""

    name: ClassVar[str] = "certificate-controller"

    def __init__(self, context: Context, sign: Sign | None = None) -> None:
        super().__init__(context)
        self._sign = sign
        self._requests = self.mirrors.of(CERTIFICATE_SIGNING_REQUESTS, PartialObject)
        self.watch(self._requests, own_key)

    async def reconcile(self, name: Name) -> None:
        """Sign a request that is approved, or say why not."""
        request = self._requests.document(name)
        if request is None or self._sign is None:
            return
        spec, status = request["spec"], request.get("status") or {}
        check = CHECKS.get(spec["signerName"])
        conditions = status.get("conditions") or []
        if (
            check is None
            or status.get("certificate")
            or not holds(conditions, "Approved")
            or holds(conditions, "Denied")
            or holds(conditions, "Failed")
        ):
            return
        try:
            parsed = parsed_request(spec["request"])
            check(parsed, frozenset(spec["usages"]))
        except ValueError as error:
            now = timestamp(self.world.now())
            failed = {
                "type": "Failed",
                "status": "True",
                "reason": "SignerValidationFailure",
                "message": str(error),
                "lastUpdateTime": now,
                "lastTransitionTime": now,
            }
            status = {**status, "conditions": [*conditions, failed]}
        else:
            asked = spec.get("expirationSeconds") or DURATION_SECONDS
            seconds = max(min(asked, DURATION_SECONDS), _LEAST_SECONDS)
            signed = self._sign(parsed, spec["usages"], seconds)
            status = {**status, "certificate": base64.b64encode(signed).decode()}
        changed = {**request, "status": status}
        await self.client.update(CERTIFICATE_SIGNING_REQUESTS, changed, subresource="status")


def holds(conditions: Iterable[Json], kind: str) -> bool:
    """Whether a condition of a request is there; one that says nothing of its status is true."""
    found = find_condition(conditions, kind)
    return found is not None and found.get("status", "True") != "False"
