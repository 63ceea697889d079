"""Security contexts of Pods and containers.

Mirrors `ValidateSecurityContext` and `validatePodSpecSecurityContext` of
`pkg/apis/core/validation`. Privileged containers are always allowed here, as clusters are set up
nowadays (`--allow-privileged`).
"""

from __future__ import annotations

import re
from typing import Any, Final

from k8slite.kinds.core.os_validation import validate_windows_options
from k8slite.kinds.core.path_validation import validate_descending_path
from k8slite.objects.errors import Cause
from k8slite.objects.fields import (
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import in_range

Json = dict[str, Any]

_LARGEST_ID: Final = 2**31 - 1
_SYSCTL_LIMIT: Final = 253
_PROFILE_LIMIT_BYTES: Final = 4095


def validate_container_security(context: Json | None, path: str) -> list[Cause]:
    """A container's securityContext."""
    if not context:
        return []
    found = _identifiers(context, ("runAsUser", "runAsGroup"), path)
    mount = context.get("procMount")
    if mount is not None and mount not in ("Default", "Unmasked"):
        found.append(not_supported(f"{path}.procMount", mount, ("Default", "Unmasked")))
    found += _seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            found.append(invalid(path, context, text))
        for name in (context.get("capabilities") or {}).get("add", ()):
            if name == "CAP_SYS_ADMIN":
                text = (
                    "cannot set `allowPrivilegeEscalation` to false and "
                    "`capabilities.Add` CAP_SYS_ADMIN"
                )
                found.append(invalid(path, context, text))
    found += validate_windows_options(context, path)
    return found + _app_armor(context.get("appArmorProfile"), f"{path}.appArmorProfile")


def validate_pod_security(spec: Json, path: str) -> list[Cause]:
    """A Pod's securityContext; `path` is the Pod spec's."""
    context = spec.get("securityContext") or {}
    at = f"{path}.securityContext"
    found = _identifiers(context, ("fsGroup", "runAsUser", "runAsGroup"), at)
    for i, group in enumerate(context.get("supplementalGroups", ())):
        found += each(f"{at}.supplementalGroups[{i}]", group, in_range(group, 0, _LARGEST_ID))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        found.append(invalid(f"{at}.shareProcessNamespace", True, text))
    found += _sysctls(context.get("sysctls", ()), spec, f"{at}.sysctls")
    for key, known in _CHOICES:
        value = context.get(key)
        if value is not None and value not in known:
            found.append(not_supported(f"{at}.{key}", value, known))
        if key == "fsGroupChangePolicy":
            found += _seccomp(context.get("seccompProfile"), f"{at}.seccompProfile")
            found += validate_windows_options(context, at)
            found += _app_armor(context.get("appArmorProfile"), f"{at}.appArmorProfile")
    return found


def validate_host_users(spec: Json, path: str) -> list[Cause]:
    """A Pod with users of its own shares no namespace with the host."""
    if spec.get("hostUsers") is not False:
        return []
    text = "when `pod.Spec.HostUsers` is false"
    return [
        forbidden(f"{path}.{shown}", text)
        for key, shown in (
            ("hostNetwork", "hostNetwork"),
            ("hostPID", "HostPID"),
            ("hostIPC", "HostIPC"),
        )
        if spec.get(key)
    ]


def _identifiers(context: Json, keys: tuple[str, ...], path: str) -> list[Cause]:
    found: list[Cause] = []
    for key in keys:
        value = context.get(key)
        if value is not None:
            found += each(f"{path}.{key}", value, in_range(value, 0, _LARGEST_ID))
    return found


def _sysctls(sysctls: list[Json], spec: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    seen: list[str] = []
    for i, sysctl in enumerate(sysctls):
        name = sysctl.get("name", "")
        at = f"{path}[{i}].name"
        if not name:
            found.append(required(at))
        elif len(name) > _SYSCTL_LIMIT or not _SYSCTL.fullmatch(name):
            text = f"must have at most {_SYSCTL_LIMIT} characters and match regex ^{_SYSCTL_NAME}$"
            found.append(invalid(at, name, text))
        elif name in seen:
            found.append(duplicate(at, name))
        plain = name.replace("/", ".")
        if spec.get("hostNetwork") and plain.startswith("net."):
            found.append(invalid(at, name, "may not be specified when 'hostNetwork' is true"))
        elif spec.get("hostIPC") and (
            plain.startswith(("kernel.shm", "kernel.msg", "fs.mqueue.")) or plain == "kernel.sem"
        ):
            found.append(invalid(at, name, "may not be specified when 'hostIPC' is true"))
        seen.append(name)
    return found


def _seccomp(profile: Json | None, path: str) -> list[Cause]:
    if profile is None:
        return []
    found: list[Cause] = []
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        found.append(required(f"{path}.type", "type is required when seccompProfile is set"))
    elif kind not in _PROFILES:
        found.append(not_supported(f"{path}.type", kind, _PROFILES))
    at = f"{path}.localhostProfile"
    if kind == "Localhost":
        if local is None:
            found.append(required(at, "must be set when seccomp type is Localhost"))
        else:
            found += validate_descending_path(local, at)
    elif local is not None:
        shown = {"Type": kind, "LocalhostProfile": local}
        found.append(invalid(at, shown, "can only be set when seccomp type is Localhost"))
    return found


def _app_armor(profile: Json | None, path: str) -> list[Cause]:
    if profile is None:
        return []
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    at = f"{path}.localhostProfile"
    needed = "must be set when AppArmor type is Localhost"
    if kind == "Localhost":
        if local is None:
            return [required(at, needed)]
        found = []
        if local.strip() != local:
            found.append(invalid(at, local, "must not be padded with whitespace"))
        elif not local:
            found.append(required(at, needed))
        if len(local.encode()) > _PROFILE_LIMIT_BYTES:
            found.append(too_long(at, _PROFILE_LIMIT_BYTES))
        return found
    if not kind:
        return [required(f"{path}.type", "type is required when appArmorProfile is set")]
    if kind not in _PROFILES:
        return [not_supported(f"{path}.type", kind, _PROFILES)]
    if local is not None:
        return [invalid(at, local, "can only be set when AppArmor type is Localhost")]
    return []


_PROFILES: Final = ("Localhost", "RuntimeDefault", "Unconfined")
_CHOICES: Final = (
    ("fsGroupChangePolicy", ("Always", "OnRootMismatch")),
    ("supplementalGroupsPolicy", ("Merge", "Strict")),
    ("seLinuxChangePolicy", ("MountOption", "Recursive")),
)
_SEGMENT: Final = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL_NAME: Final = rf"({_SEGMENT}[\./])*{_SEGMENT}"
_SYSCTL: Final = re.compile(_SYSCTL_NAME)
