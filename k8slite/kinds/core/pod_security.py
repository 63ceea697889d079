"""The Pod Security Standards: what keeps a pod from a level, in one of their versions. Pure.

Mirrors `k8s.io/pod-security-admission/policy`: checks, their order and their words. A restricted
check stands in for the baseline one that it is stricter than. Versions before 1.19, whose seccomp
profiles were annotations, are taken for that one.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.pod_security_baseline import BASELINE
from k8slite.kinds.core.pod_security_restricted import RESTRICTED
from k8slite.kinds.core.pod_security_view import PodView, Violation

Json = dict[str, Any]

LEVELS: Final = ("privileged", "baseline", "restricted")
LATEST: Final = 99  # newer than any version that has changed the standards


def violations(level: str, metadata: Json, spec: Json, minor: int = LATEST) -> list[Violation]:
    """What keeps a pod from a level as of Kubernetes 1.`minor`; nothing for "privileged"."""
    if level == "privileged":
        return []
    pod = PodView(metadata, spec, minor)
    checks = [BASELINE[name] for name in sorted(BASELINE)]
    if level == "restricted":
        stricter = [RESTRICTED[name] for name in sorted(RESTRICTED)]
        overridden = {one.overrides for one in stricter if one.since <= minor}
        checks = [BASELINE[name] for name in sorted(BASELINE) if name not in overridden]
        checks += stricter
    found = [one.check(pod) for one in checks if one.since <= minor]
    return [one for one in found if one is not None]
