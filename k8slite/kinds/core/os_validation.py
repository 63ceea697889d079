"""What a Pod may say for the operating system that it names, and processes of a Windows host.

Mirrors `validateOS`, `validateLinux`, `validateWindows`, `validateWindowsHostProcessPod` and
`validateWindowsSecurityContextOptions` of `pkg/apis/core/validation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1123_subdomain

Json = dict[str, Any]

_SPECIFICATION_MOST_BYTES: Final = 64 * 1024


def validate_os(spec: Json, path: str) -> list[Cause]:
    """A Pod's `os`, and what does not go with it."""
    system = spec.get("os")
    if system is None:
        return []
    name, at = system.get("name", ""), f"{path}.os.name"
    if not name:
        return [required(at)]
    if name not in _SYSTEMS:
        return [not_supported(at, name, _SYSTEMS)]
    return _linux(spec, path) if name == "linux" else _windows(spec, path)


def validate_host_processes(spec: Json, path: str) -> list[Cause]:
    """Containers that are processes of a Windows host: all of a Pod's or none, in its network."""
    of_pod = _options(spec).get("hostProcess")
    found: list[Cause] = []
    count = hosted = 0
    for container, at in _containers(spec, path):
        count += 1
        own = _options(container).get("hostProcess")
        if None not in (own, of_pod) and own != of_pod:
            text = (
                "pod hostProcess value must be identical if both are specified, was "
                f"{str(of_pod).lower()}"
            )
            found.append(invalid(f"{at}.securityContext.windowsOptions.hostProcess", own, text))
        hosted += bool(of_pod if own is None else own)
    if not hosted:
        return found
    if hosted != count:
        text = (
            "If pod contains any hostProcess containers then all containers must be HostProcess "
            "containers"
        )
        found.append(invalid(path, "", text))
    if not spec.get("hostNetwork"):
        text = "hostNetwork must be true if pod contains any hostProcess containers"
        found.append(invalid(f"{path}.hostNetwork", False, text))
    return found


def validate_windows_options(context: Json, path: str) -> list[Cause]:
    """The `windowsOptions` of a security context at `path`."""
    options, at = context.get("windowsOptions") or {}, f"{path}.windowsOptions"
    name, text = options.get("gmsaCredentialSpecName"), options.get("gmsaCredentialSpec")
    found: list[Cause] = []
    if name is not None:
        found += each(f"{at}.gmsaCredentialSpecName", name, is_dns1123_subdomain(name))
    where = f"{at}.gmsaCredentialSpec"
    if text == "":
        found.append(invalid(where, text, "gmsaCredentialSpec cannot be an empty string"))
    elif text is not None and len(text.encode()) > _SPECIFICATION_MOST_BYTES:
        said = "gmsaCredentialSpec size must be under 64 KiB"
        found.append(invalid(where, text, said))
    user, where = options.get("runAsUserName"), f"{at}.runAsUserName"
    if user is None:
        return found
    if not user:
        found.append(invalid(where, user, "runAsUserName cannot be an empty string"))
    elif _CONTROL.search(user):
        found.append(invalid(where, user, "runAsUserName cannot contain control characters"))
    elif user.count("\\") > 1:
        said = "runAsUserName cannot contain more than one backslash"
        found.append(invalid(where, user, said))
    return found


def _linux(spec: Json, path: str) -> list[Cause]:
    text = "windows options cannot be set for a linux pod"
    places = [(spec, path), *_containers(spec, path)]
    return [
        forbidden(f"{at}.securityContext.windowsOptions", text)
        for one, at in places
        if (one.get("securityContext") or {}).get("windowsOptions") is not None
    ]


def _windows(spec: Json, path: str) -> list[Cause]:
    text = "cannot be set for a windows pod"
    context = spec.get("securityContext") or {}
    found: list[Cause] = []
    for key, is_of_context in _NOT_OF_PODS:
        holder = context if is_of_context else spec
        if _is_said(holder, key):
            at = f"{path}.securityContext.{key}" if is_of_context else f"{path}.{key}"
            found.append(forbidden(at, text))
    for container, at in _containers(spec, path):
        own = container.get("securityContext") or {}
        found += [
            forbidden(f"{at}.securityContext.{key}", text)
            for key in _NOT_OF_CONTAINERS
            if own.get(key) is not None
        ]
    return found


def _is_said(holder: Json, key: str) -> bool:
    """Whether a field is set; false and an empty list are where they say nothing."""
    value = holder.get(key)
    return bool(value) if key in ("hostPID", "hostIPC", "sysctls") else value is not None


def _options(holder: Json) -> Json:
    found: Json = (holder.get("securityContext") or {}).get("windowsOptions") or {}
    return found


def _containers(spec: Json, path: str) -> Iterator[tuple[Json, str]]:
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(group) or ()):
            yield container, f"{path}.{group}[{i}]"


_SYSTEMS: Final = ("linux", "windows")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# In upstream's order; whether it stands in the security context.
_NOT_OF_PODS: Final = (
    ("appArmorProfile", True),
    ("seLinuxOptions", True),
    ("hostUsers", False),
    ("hostPID", False),
    ("hostIPC", False),
    ("seccompProfile", True),
    ("fsGroup", True),
    ("fsGroupChangePolicy", True),
    ("sysctls", True),
    ("shareProcessNamespace", False),
    ("runAsUser", True),
    ("runAsGroup", True),
    ("supplementalGroups", True),
    ("supplementalGroupsPolicy", True),
)
_NOT_OF_CONTAINERS: Final = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)
