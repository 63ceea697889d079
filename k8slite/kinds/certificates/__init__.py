"""Requests for certificates, and bundles of trust."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.certificates.columns import TABLES
from k8slite.kinds.certificates.strategies import STRATEGIES
from k8slite.kinds.entry import entry, status, text_at
from k8slite.kinds.kind import Kind, Subresource

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "certificates.k8s.io",
        "v1",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        strategies=STRATEGIES,
        namespaced=False,
        short_names=("csr",),
        subresources=(
            Subresource("approval", "CertificateSigningRequest"),
            status("CertificateSigningRequest"),
        ),
        selectable={"spec.signerName": text_at("spec", "signerName")},
        table=TABLES["certificatesigningrequests"],
    ),
    entry(
        "certificates.k8s.io",
        "v1",
        "ClusterTrustBundle",
        "clustertrustbundles",
        strategies=STRATEGIES,
        namespaced=False,
        since=37,
        selectable={"spec.signerName": text_at("spec", "signerName")},
        table=TABLES["clustertrustbundles"],
    ),
    entry(
        "certificates.k8s.io",
        "v1",
        "PodCertificateRequest",
        "podcertificaterequests",
        strategies=STRATEGIES,
        since=37,
        subresources=(status("PodCertificateRequest"),),
        selectable={
            "spec.signerName": text_at("spec", "signerName"),
            "spec.podName": text_at("spec", "podName"),
            "spec.nodeName": text_at("spec", "nodeName"),
        },
    ),
)
