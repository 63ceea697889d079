"""The Pod Security Standards: what keeps a pod from a level. Pure.

Mirrors `k8s.io/pod-security-admission/policy`: checks, their order and their words. A restricted
check stands in for the baseline one that it is stricter than.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.pod_security_baseline import BASELINE
from k8slite.kinds.core.pod_security_restricted import RESTRICTED, STRICTER
from k8slite.kinds.core.pod_security_view import PodView, Violation

Json = dict[str, Any]

LEVELS: Final = ("privileged", "baseline", "restricted")


def violations(level: str, metadata: Json, spec: Json) -> list[Violation]:
    """What keeps a pod from a level; nothing for "privileged"."""
    if level == "privileged":
        return []
    pod = PodView(metadata, spec)
    names = sorted(BASELINE)
    if level == "restricted":
        names = [name for name in names if name not in STRICTER.values()]
        names += sorted(RESTRICTED)
    checks = {**BASELINE, **RESTRICTED}
    return [found for name in names if (found := checks[name](pod)) is not None]
