"""The status of a Pod, which may not say everything after what it said before.

Mirrors `ValidatePodStatusUpdate`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Any, Final

from k8slite.kinds.core.pod_annotation_validation import validate_annotation_update
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, not_supported
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import in_range, is_dns1123_subdomain, is_ip, is_qualified_name

Json = dict[str, Any]

_LARGEST_INT32: Final = 2**31 - 1


def validate_pod_status(new: Json, old: Json | None) -> list[Cause]:
    """A status that may follow on the old one."""
    old = old or {"spec": {}, "status": {}, "metadata": {}}
    found = validate_annotation_update(new, old)
    spec, status, before = old["spec"], new.get("status", {}), old.get("status", {})
    for i, condition in enumerate(status.get("conditions", ())):
        kind = condition.get("type", "")
        if kind not in _SYSTEM_CONDITIONS:
            # Upstream names the field so.
            found += each(f"metadata.conditions[{i}].Type", kind, is_qualified_name(kind))
    nominated = status.get("nominatedNodeName", "")
    if nominated and nominated != before.get("nominatedNodeName", ""):
        found += each("status.nominatedNodeName", nominated, is_dns1123_subdomain(nominated))
    if "qosClass" in before:
        found += immutable("status.qosClass", status.get("qosClass", ""), before["qosClass"])
    for key, group in _GROUPS:
        found += _transitions(status.get(key, []), before.get(key, []), key, group, spec)
    found += _claims(status.get("resourceClaimStatuses", ()), spec)
    found += _addresses(status.get("podIPs") or [], "status.podIPs")
    hosts = status.get("hostIPs") or []
    if hosts and hosts[0].get("ip") != status.get("hostIP"):
        text = "must be equal to `hostIP`"
        found.append(invalid("status.hostIPs[0].ip", hosts[0].get("ip", ""), text))
    found += _addresses(hosts, "status.hostIPs")
    for key, _ in _GROUPS:
        found += _users(status.get(key, ()), f"status.{key}", spec)
    for key, group in _GROUPS:
        found += _health(status.get(key, ()), f"status.{key}", group, spec)
    return found


def _transitions(new: list[Json], old: list[Json], key: str, group: str, spec: Json) -> list[Cause]:
    """What has ended for good stays so."""
    policy = "Never" if group == "ephemeralContainers" else spec.get("restartPolicy", "Always")
    if policy == "Always":
        return []
    restarting = [c["name"] for c in spec.get(group, ()) if "restartPolicy" in c]
    found: list[Cause] = []
    for i, before in enumerate(old):
        ended = (before.get("state") or {}).get("terminated")
        if ended is None or before.get("name") in restarting:
            continue
        if ended.get("exitCode", 0) != 0 and policy == "OnFailure":
            continue
        for after in new:
            if after.get("name") == before.get("name") and not (
                (after.get("state") or {}).get("terminated")
            ):
                text = "may not be transitioned to non-terminated state"
                found.append(forbidden(f"status.{key}[{i}].state", text))
    return found


def _claims(statuses: Collection[Json], spec: Json) -> list[Cause]:
    found: list[Cause] = []
    known = [claim.get("name") for claim in spec.get("resourceClaims", ())]
    seen: list[str] = []
    for i, status in enumerate(statuses):
        name, at = status.get("name", ""), f"status.resourceClaimStatuses[{i}].name"
        if name not in known:
            text = "must match the name of an entry in `spec.resourceClaims`"
            found.append(invalid(at, name, text))
        if name in seen:
            found.append(duplicate(at, name))
        seen.append(name)
        claim = status.get("resourceClaimName")
        if claim is not None:
            found += each(at, claim, is_dns1123_subdomain(claim))
    return found


def _addresses(addresses: list[Json], path: str) -> list[Cause]:
    """At most one address of each family."""
    given = [address.get("ip", "") for address in addresses]
    found: list[Cause] = []
    for i, ip in enumerate(given):
        found += each(f"{path}[{i}]", ip, is_ip(ip))
    if len(given) < 2 or found:
        return found
    shown = [{"IP": ip} for ip in given]
    if len(given) > 2 or len({ipaddress.ip_address(ip).version for ip in given}) < 2:
        text = "may specify no more than one IP for each IP family"
        found.append(invalid(path, shown, text))
    for i, ip in enumerate(given):
        if ip in given[:i]:
            found.append(duplicate(f"{path}[{i}]", shown[i]))
    return found


def _users(statuses: Collection[Json], path: str, spec: Json) -> list[Cause]:
    system = (spec.get("os") or {}).get("name", "linux")
    found: list[Cause] = []
    for i, status in enumerate(statuses):
        user, at = (status.get("user") or {}).get("linux"), f"{path}[{i}].linux"
        if user is None:
            continue
        if system == "windows":
            found.append(forbidden(at, "cannot be set for a windows pod"))
            continue
        numbers = [(f"{at}.{key}", user.get(key, 0)) for key in ("uid", "gid")]
        groups = enumerate(user.get("supplementalGroups", ()))
        numbers += [(f"{at}.supplementalGroups[{j}]", group) for j, group in groups]
        for where, number in numbers:
            found += each(where, number, in_range(number, 0, _LARGEST_INT32))
    return found


def _health(statuses: Collection[Json], path: str, group: str, spec: Json) -> list[Cause]:
    """Devices that containers got are those that they asked for."""
    containers = {container["name"]: container for container in spec.get(group, ())}
    found: list[Cause] = []
    for i, status in enumerate(statuses):
        at = f"{path}[{i}].allocatedResourcesStatus"
        allocated = status.get("allocatedResourcesStatus") or ()
        if allocated and group == "ephemeralContainers":
            found.append(forbidden(at, "must not be specified in container status"))
            continue
        container = containers.get(status.get("name", ""))
        for j, one in enumerate(allocated):
            name = one.get("name", "")
            asked = (container or {}).get("resources") or {}
            claims = asked.get("claims") or ()
            if name.startswith("claim:"):
                parts = [(c.get("name", ""), c.get("request", "")) for c in claims]
                allowed = [f"claim:{c}/{part}" if part else f"claim:{c}" for c, part in parts]
                text = _NO_CLAIM
            else:
                allowed, text = list(asked.get("requests") or ()), _NO_REQUEST
            if container is not None and name not in allowed:
                found.append(invalid(f"{at}[{j}].name", name, text))
            found += _devices(one.get("resources") or (), f"{at}[{j}].resources")
    return found


def _devices(resources: Collection[Json], path: str) -> list[Cause]:
    found: list[Cause] = []
    seen: list[str] = []
    for k, resource in enumerate(resources):
        health, name = resource.get("health", ""), resource.get("resourceID", "")
        if health not in _HEALTH:
            found.append(not_supported(f"{path}[{k}].health", health, _HEALTH))
        if name in seen:
            found.append(duplicate(f"{path}[{k}].resourceID", name))
        seen.append(name)
    return found


_SYSTEM_CONDITIONS: Final = ("PodScheduled", "Ready", "Initialized")
_GROUPS: Final = (
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", "ephemeralContainers"),
)
_HEALTH: Final = ("Healthy", "Unhealthy", "Unknown")
_NO_REQUEST: Final = "must match one of the container's resource requests"
_NO_CLAIM: Final = (
    "must match one of the container's resource claims in a format "
    "'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
)
