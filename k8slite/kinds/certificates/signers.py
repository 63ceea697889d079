"""What the cluster's own signers of certificates ask of a request. Pure.

Mirrors `pkg/apis/certificates/helpers.go` and `pkg/controller/certificates/signer/signer.go`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography import x509

CLIENT: Final = "kubernetes.io/kube-apiserver-client"
CLIENT_KUBELET: Final = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING: Final = "kubernetes.io/kubelet-serving"
LEGACY: Final = "kubernetes.io/legacy-unknown"  # of an older version of the API

_NODES: Final = "system:nodes"
_NODE: Final = "system:node:"
_TRANSPORT: Final = ("digital signature", "key encipherment")
_HEADER: Final = b"-----BEGIN CERTIFICATE REQUEST-----"


def parsed_request(request: str) -> x509.CertificateSigningRequest:
    """Read `spec.request`. Raises ValueError."""
    from cryptography import x509  # only clusters in which somebody asks for certificates need it

    try:
        pem = base64.b64decode(request)
    except binascii.Error:
        pem = b""
    if _HEADER not in pem:
        raise ValueError("PEM block type must be CERTIFICATE REQUEST")
    found = x509.load_pem_x509_csr(pem)
    if not found.is_signature_valid:
        raise ValueError("x509: signature is not valid")
    return found


def subject_of(request: x509.CertificateSigningRequest) -> tuple[str, list[str]]:
    """The common name and the organizations, which are the user's name and groups."""
    from cryptography.x509.oid import NameOID

    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return (str(names[0].value) if names else ""), [str(one.value) for one in groups]


def check_client(_request: x509.CertificateSigningRequest, usages: frozenset[str]) -> None:
    """A client of the API server (`validAPIServerClientUsages`). Raises ValueError."""
    for usage in sorted(usages - {*_TRANSPORT, "client auth"}):
        raise ValueError(f"invalid usage for client certificate: {usage}")
    if "client auth" not in usages:
        raise ValueError("missing required usage for client certificate: client auth")


def check_kubelet_client(request: x509.CertificateSigningRequest, usages: frozenset[str]) -> None:
    """A kubelet as a client (`ValidateKubeletClientCSR`). Raises ValueError."""
    _check_organization(request)
    for sort in _other_names(request):
        raise ValueError(f"{sort} subjectAltNames are not allowed")
    _check_name(request)
    _check_usages(usages, "client auth")


def check_kubelet_serving(request: x509.CertificateSigningRequest, usages: frozenset[str]) -> None:
    """A kubelet as a server (`ValidateKubeletServingCSR`). Raises ValueError."""
    _check_organization(request)
    sorts = _other_names(request)
    if "DNS" not in sorts and "IP" not in sorts:
        raise ValueError("DNS or IP subjectAltName is required")
    for sort in ("Email", "URI"):
        if sort in sorts:
            raise ValueError(f"{sort} subjectAltNames are not allowed")
    _check_usages(usages, "server auth")
    _check_name(request)


def _check_organization(request: x509.CertificateSigningRequest) -> None:
    if subject_of(request)[1] != [_NODES]:
        raise ValueError("subject organization is not system:nodes")


def _check_name(request: x509.CertificateSigningRequest) -> None:
    if not subject_of(request)[0].startswith(_NODE):
        raise ValueError("subject common name does not begin with system:node:")


def _check_usages(usages: frozenset[str], purpose: str) -> None:
    """With or without encipherment, which keys of elliptic curves cannot do."""
    if usages - {"key encipherment"} != {"digital signature", purpose}:
        listed = " ".join(sorted((*_TRANSPORT, purpose)))
        raise ValueError(f"usages did not match [{listed}]")


def _other_names(request: x509.CertificateSigningRequest) -> list[str]:
    """The sorts of names besides the subject's, in upstream's order of complaining."""
    from cryptography import x509

    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    sorts = (
        ("DNS", x509.DNSName),
        ("Email", x509.RFC822Name),
        ("IP", x509.IPAddress),
        ("URI", x509.UniformResourceIdentifier),
    )
    return [name for name, kind in sorts if any(isinstance(one, kind) for one in found)]


# What each signer asks for.
CHECKS: Final[Mapping[str, Callable[[x509.CertificateSigningRequest, frozenset[str]], None]]] = {
    CLIENT: check_client,
    CLIENT_KUBELET: check_kubelet_client,
    SERVING: check_kubelet_serving,
}
