"""Annotations of Pods with a meaning: mirrors of static Pods, and profiles from before the fields.

Mirrors `ValidatePodSpecificAnnotations`, its update, and the rules that an annotation and the field
that took its place say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from k8slite.kinds.core.path_validation import validate_descending_path
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, quoted

Json = dict[str, Any]

MIRROR: Final = "kubernetes.io/config.mirror"

_LARGEST_INT32: Final = 2**31 - 1
_DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_APP_ARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP: Final = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_OF: Final = "container.seccomp.security.alpha.kubernetes.io/"


def validate_pod_annotations(annotations: Json, spec: Json, path: str) -> list[Cause]:
    """What annotations of a Pod, or of a template, say."""
    found: list[Cause] = []
    mirror = annotations.get(MIRROR)
    if mirror is not None and not spec.get("nodeName"):
        text = "must set spec.nodeName if mirror pod annotation is set"
        found.append(invalid(f"{path}[{MIRROR}]", mirror, text))
    cost = annotations.get(_DELETION_COST)
    if cost is not None and not (_COST.fullmatch(cost) and -(2**31) <= int(cost) <= _LARGEST_INT32):
        found.append(invalid(f"{path}[{_DELETION_COST}]", cost, "must be a 32bit integer"))
    for key, value in sorted(annotations.items()):
        if key == _SECCOMP or key.startswith(_SECCOMP_OF):
            found += _seccomp(value, f"{path}.{key}")
    for key, value in sorted(annotations.items()):
        if not key.startswith(_APP_ARMOR):
            continue
        name = key.removeprefix(_APP_ARMOR)
        if all(name != container.get("name") for container, _ in _containers(spec, "")):
            found.append(invalid(f"{path}[{key}]", name, "container not found"))
        if value not in ("", "runtime/default", "unconfined") and (
            not value.startswith("localhost/")
        ):
            text = f"invalid AppArmor profile name: {quoted(value)}"
            found.append(invalid(f"{path}[{key}]", value, text))
    return found


def validate_profiles_match(annotations: Json, spec: Json, path: str) -> list[Cause]:
    """A profile that is given by annotation and by field is one profile."""
    found: list[Cause] = []
    whole = spec.get("securityContext") or {}
    told = annotations.get(_SECCOMP)
    if told is not None and whole.get("seccompProfile") is not None:
        at = f"{path}.securityContext.seccompProfile"
        found += _match("seccomp", told, whole["seccompProfile"], at)
    for container, at in _containers(spec, path):
        told = annotations.get(f"{_SECCOMP_OF}{container.get('name', '')}")
        field = (container.get("securityContext") or {}).get("seccompProfile")
        if told is not None and field is not None:
            found += _match("seccomp", told, field, f"{at}.securityContext.seccompProfile")
    if (spec.get("os") or {}).get("name") == "windows":
        return found
    for container, at in _containers(spec, path):
        told = annotations.get(f"{_APP_ARMOR}{container.get('name', '')}")
        field = (container.get("securityContext") or {}).get("appArmorProfile")
        field = field or whole.get("appArmorProfile")
        if told is not None and field is not None:
            found += _match("apparmor", told, field, f"{at}.securityContext.appArmorProfile")
    return found


def validate_annotation_update(new: Json, old: Json) -> list[Cause]:
    """Nobody turns a Pod into a mirror, or back, or changes its old profiles."""
    after = new["metadata"].get("annotations") or {}
    before = old["metadata"].get("annotations") or {}
    found: list[Cause] = []
    path = "metadata.annotations"
    for verb, one, other in (("remove or update", before, after), ("add", after, before)):
        for key in sorted(one):
            if other.get(key) == one[key] or (verb == "add" and key in other):
                continue
            what = "mirror pod annotation" if key == MIRROR else "AppArmor annotations"
            if key == MIRROR or key.startswith(_APP_ARMOR):
                found.append(forbidden(f"{path}[{key}]", f"may not {verb} {what}"))
    return found


def _seccomp(profile: str, path: str) -> list[Cause]:
    if profile in ("runtime/default", "docker/default", "unconfined"):
        return []
    if profile.startswith("localhost/"):
        return validate_descending_path(profile.removeprefix("localhost/"), path)
    return [invalid(path, profile, "must be a valid seccomp profile")]


def _match(sort: str, told: str, field: Json, path: str) -> list[Cause]:
    kind = field.get("type", "")
    wrong = forbidden(f"{path}.type", f"{sort} type in annotation and field must match")
    if kind == "Localhost":
        if not told.startswith("localhost/"):
            return [wrong]
        if told.removeprefix("localhost/") != field.get("localhostProfile"):
            text = f"{sort} profile in annotation and field must match"
            return [forbidden(f"{path}.localhostProfile", text)]
        return []
    same = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default", "docker/default")}
    return [wrong] if kind in same and told not in same[kind] else []


def _containers(spec: Json, path: str) -> Iterator[tuple[Json, str]]:
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(group) or ()):
            yield container, f"{path}.{group}[{i}]"


_COST: Final = re.compile("-?(0|[1-9][0-9]*)")
