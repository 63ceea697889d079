"""Which level of the Pod Security Standards a namespace's labels ask for, in which version. Pure.

Mirrors `k8s.io/pod-security-admission/api/helpers.go`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from k8slite.kinds.core.pod_security import LEVELS
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid

PREFIX: Final = "pod-security.kubernetes.io/"
_VERSION: Final = re.compile(r"v1\.([0-9]|[1-9][0-9]*)", re.ASCII)


@frozen
class LevelVersion:
    """A level in a version; "latest" is the cluster's own."""

    level: str
    version: str
    minor: int

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"


@frozen
class Levels:
    """What a namespace asks for, and what is wrong with its labels."""

    enforce: LevelVersion
    audit: LevelVersion
    warn: LevelVersion
    causes: tuple[Cause, ...] = ()


def read_levels(labels: Mapping[str, str], minor: int) -> Levels:
    """Read a namespace's labels; what cannot be read is as strict as can be, or not asked for."""
    causes: list[Cause] = []
    found: dict[str, LevelVersion] = {}
    for mode in ("enforce", "audit", "warn"):
        # Who enforces a level that there is not gets the strictest; warnings are then left out.
        otherwise = "restricted" if mode == "enforce" else "privileged"
        level = labels.get(f"{PREFIX}{mode}", "privileged")
        if level not in LEVELS:
            path = f"metadata.labels[{PREFIX}{mode}]"
            causes.append(invalid(path, level, f"must be one of {', '.join(LEVELS)}"))
            level = otherwise
        version = labels.get(f"{PREFIX}{mode}-version", "latest")
        parsed = _VERSION.fullmatch(version)
        if parsed is None and version != "latest":
            path = f"metadata.labels[{PREFIX}{mode}-version]"
            causes.append(invalid(path, version, 'must be "latest" or "v1.x"'))
            version = "latest"
        asked = min(int(parsed[1]), minor) if parsed is not None else minor
        found[mode] = LevelVersion(level, version, asked)
    warn, enforce = found["warn"], found["enforce"]
    is_known = labels.get(f"{PREFIX}enforce") in LEVELS
    if f"{PREFIX}warn" not in labels and is_known and enforce.level != "privileged":
        # Who says nothing of warnings gets them of what is enforced.
        has_version = f"{PREFIX}warn-version" in labels
        source = warn if has_version else enforce
        warn = LevelVersion(enforce.level, source.version, source.minor)
    return Levels(enforce, found["audit"], warn, tuple(causes))
