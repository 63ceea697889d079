"""How requests for certificates and bundles of trust are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, described, items, name, part, seconds, table
from k8slite.kinds.kind import Column, Json, Table


def _signing_request(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    expiration_seconds = spec.get("expirationSeconds")
    return [
        name(obj),
        age(obj, now),
        spec.get("signerName") or "<none>",
        spec.get("username") or "",
        "<none>" if expiration_seconds is None else seconds(expiration_seconds),
        _state(part(obj, "status")),
    ]


def _state(status: Mapping[str, Any]) -> str:
    there = [condition.get("type") for condition in items(status, "conditions")]
    state = "Pending"
    if "Denied" in there:
        state = "Denied"
    elif "Approved" in there:
        state = "Approved"
    if "Failed" in there:
        state += ",Failed"
    return f"{state},Issued" if status.get("certificate") else state


def _trust_bundle(obj: Json, _now: datetime) -> list[Any]:
    return [name(obj), part(obj, "spec").get("signerName") or "<none>"]


TABLES: Final[Mapping[str, Table]] = {
    "certificatesigningrequests": table(
        _signing_request,
        NAME,
        AGE,
        # Upstream describes it as the field was in v1beta1, which has no schema any more.
        Column(
            "SignerName",
            description="Requested signer for the request. It is a qualified name in the form: "
            "`scope-hostname.io/name`. If empty, it will be defaulted:\n"
            " 1. If it's a kubelet client certificate, it is assigned\n"
            '    "kubernetes.io/kube-apiserver-client-kubelet".\n'
            " 2. If it's a kubelet serving certificate, it is assigned\n"
            '    "kubernetes.io/kubelet-serving".\n'
            ' 3. Otherwise, it is assigned "kubernetes.io/legacy-unknown".\n'
            "Distribution of trust for signers happens out of band. You can select on this field "
            "using `spec.signerName`.",
        ),
        Column("Requestor", description="Base64-encoded PKCS#10 CSR data"),
        described(
            "RequestedDuration",
            "certificates.v1.CertificateSigningRequestSpec",
            "expirationSeconds",
        ),
        Column(
            "Condition",
            description="Conditions applied to the request, such as approval or denial.",
        ),
    ),
    "clustertrustbundles": table(
        _trust_bundle,
        NAME,
        described("SignerName", "certificates.v1.ClusterTrustBundleSpec", "signerName"),
    ),
}
