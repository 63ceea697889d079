"""Which controllers run: the flag --controllers of upstream's kube-controller-manager.

"*" is all, "NAME" one, "-NAME" all but that one. A controller may be called as upstream's flag
calls it, as upstream's older versions did ("job" for "job-controller"), or as it signs its events.
Upstream: `cmd/kube-controller-manager/names`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SUFFIX: Final = "-controller"


def chosen(wanted: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The same choice, each controller by its name among the `known`; raises ValueError for one
    that is not."""
    by_stem = {_stem(name): name for name in known}
    found = []
    for one in wanted:
        sign = "-" if one.startswith("-") else ""
        name = one[len(sign) :]
        if name == "*" and not sign:
            found.append(one)
            continue
        stem = _stem(name)
        here = by_stem.get(_ELSEWHERE.get(stem, stem))
        if here is None:
            # Upstream's words, and then what would have been right.
            raise ValueError(
                f'"{name}" is not in the list of known controllers: {", ".join(by_stem.values())}'
            )
        found.append(sign + here)
    return tuple(found)


def _stem(name: str) -> str:
    return name.removesuffix(_SUFFIX)


# Upstream's names, old and new, of those that sign their events otherwise; all without the suffix.
_ELSEWHERE: Final = {
    "bootstrapsigner": "bootstrap-signer",
    "certificatesigningrequest-signing": "certificate",
    "csrapproving": "certificatesigningrequest-approving",
    "csrcleaner": "certificatesigningrequest-cleaner",
    "csrsigning": "certificate",
    "endpoints": "endpoint",
    "endpointslicemirroring": "endpointslice-mirroring",
    "garbage-collector": "generic-garbage-collector",
    "garbagecollector": "generic-garbage-collector",
    "horizontalpodautoscaling": "horizontal-pod-autoscaler",
    "legacy-service-account-token-cleaner": "legacy-serviceaccount-token-cleaner",
    "node-lifecycle": "node",
    "nodeipam": "node-ipam",
    "nodelifecycle": "node",
    "persistentvolume-attach-detach": "attachdetach",
    "podgc": "pod-garbage-collector",
    "pv-protection": "persistentvolume-protection",
    "pvc-protection": "persistentvolumeclaim-protection",
    "replicationcontroller": "replication",
    "root-ca-certificate-publisher": "root-ca-cert-publisher",
    "serviceaccount": "service-account",
    "tokencleaner": "token-cleaner",
}
