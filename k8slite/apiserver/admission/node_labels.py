"""Which labels a node may not give itself: by them it would draw other people's pods to it.

Mirrors NodeRestriction's `getForbiddenLabels` and `pkg/kubelet/apis/well_known_labels.go`.
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

_RESTRICTED: Final = "node-restriction.kubernetes.io"
_OURS: Final = ("kubernetes.io", "k8s.io")
_KUBELET_NAMESPACES: Final = ("kubelet.kubernetes.io", "node.kubernetes.io")
_KUBELET_LABELS: Final = frozenset(
    (
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
    )
)


def forbidden_labels(new: Json, old: Json | None) -> list[str]:
    """The labels that differ between two states of a node and are not its own, sorted."""
    after, before = _labels(new), _labels(old)
    changed = [
        key for key in sorted({**after, **before}) if after.get(key, None) != before.get(key, None)
    ]
    return [key for key in changed if not _may_set(key)]


def _may_set(key: str) -> bool:
    namespace = key.rpartition("/")[0]
    if _within(namespace, _RESTRICTED):
        return False
    if not any(_within(namespace, one) for one in _OURS):
        return True
    return key in _KUBELET_LABELS or any(_within(namespace, one) for one in _KUBELET_NAMESPACES)


def _within(namespace: str, domain: str) -> bool:
    return namespace == domain or namespace.endswith(f".{domain}")


def _labels(node: Json | None) -> dict[str, str]:
    return ((node or {}).get("metadata") or {}).get("labels") or {}
