"""Signs approved requests for certificates with the cluster's CA.

Upstream: `pkg/controller/certificates/signer`. Signers: clients of the API server, kubelets as
clients, kubelets as servers; what does not suit its signer is marked as failed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from k8slite.client.resource import CERTIFICATE_SIGNING_REQUESTS
from k8slite.controllers.controller import Context, Controller, own_key
from k8slite.kinds.models import PartialObject
from k8slite.objects.meta import Name, find_condition, timestamp

if TYPE_CHECKING:
    from cryptography import x509

Json = dict[str, Any]
# From the request, its usages and the seconds that it is to be good for to a certificate in PEM.
Sign = Callable[["x509.CertificateSigningRequest", Iterable[str], float], bytes]

DURATION_SECONDS: Final = 365 * 24 * 3600.0  # --cluster-signing-duration
_NODES: Final = "system:nodes"
_NODE: Final = "system:node:"
_TRANSPORT: Final = frozenset(("digital signature", "key encipherment"))


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
        check = _SIGNERS.get(spec["signerName"])
        conditions = status.get("conditions") or []
        if (
            check is None
            or status.get("certificate")
            or not _has(conditions, "Approved")
            or _has(conditions, "Denied")
            or _has(conditions, "Failed")
        ):
            return
        try:
            parsed = _parsed(spec["request"])
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
            seconds = min(spec.get("expirationSeconds") or DURATION_SECONDS, DURATION_SECONDS)
            signed = self._sign(parsed, spec["usages"], seconds)
            status = {**status, "certificate": base64.b64encode(signed).decode()}
        changed = {**request, "status": status}
        await self.client.update(CERTIFICATE_SIGNING_REQUESTS, changed, subresource="status")


def _has(conditions: Iterable[Json], kind: str) -> bool:
    found = find_condition(conditions, kind)
    return found is not None and found.get("status", "True") != "False"


def _parsed(request: str) -> x509.CertificateSigningRequest:
    """Raises ValueError."""
    from cryptography import x509  # only clusters in which somebody asks for certificates need it

    found = x509.load_pem_x509_csr(base64.b64decode(request))
    if not found.is_signature_valid:
        raise ValueError("unable to parse csr: its signature is not valid")
    return found


def _subject(request: x509.CertificateSigningRequest) -> tuple[str, list[str]]:
    """The common name and the organizations."""
    from cryptography.x509.oid import NameOID

    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return (str(names[0].value) if names else ""), [str(one.value) for one in groups]


def _has_other_names(request: x509.CertificateSigningRequest) -> bool:
    from cryptography import x509

    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return False
    return bool(list(found.value))


def _client(request: x509.CertificateSigningRequest, usages: frozenset[str]) -> None:
    """A client of the API server (`validAPIServerClientUsages`)."""
    if "client auth" not in usages or not usages <= {*_TRANSPORT, "client auth"}:
        raise ValueError("usages did not match [key encipherment digital signature client auth]")


def _kubelet(request: x509.CertificateSigningRequest, usages: frozenset[str]) -> None:
    """A kubelet as a client (`ValidateKubeletClientCSR`)."""
    _node_subject(request)
    if _has_other_names(request):
        raise ValueError("DNS and IP subjectAltNames are not allowed")
    _exactly(usages, "client auth")


def _serving(request: x509.CertificateSigningRequest, usages: frozenset[str]) -> None:
    """A kubelet as a server (`ValidateKubeletServingCSR`)."""
    _node_subject(request)
    if not _has_other_names(request):
        raise ValueError("at least one DNS or IP subjectAltName is required")
    _exactly(usages, "server auth")


def _node_subject(request: x509.CertificateSigningRequest) -> None:
    name, groups = _subject(request)
    if groups != [_NODES]:
        raise ValueError("subject organization is not system:nodes")
    if not name.startswith(_NODE):
        raise ValueError("subject common name does not begin with system:node:")


def _exactly(usages: frozenset[str], purpose: str) -> None:
    """With or without encipherment, which keys of elliptic curves cannot do."""
    if usages - {"key encipherment"} != {"digital signature", purpose}:
        raise ValueError(f"usages did not match [key encipherment digital signature {purpose}]")


_SIGNERS: Final[Mapping[str, Callable[[x509.CertificateSigningRequest, frozenset[str]], None]]] = {
    "kubernetes.io/kube-apiserver-client": _client,
    "kubernetes.io/kube-apiserver-client-kubelet": _kubelet,
    "kubernetes.io/kubelet-serving": _serving,
}
