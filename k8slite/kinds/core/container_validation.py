"""Containers of a Pod: regular, init and ephemeral ones.

Mirrors `validateContainers`, `validateInitContainers`, `validateEphemeralContainers` and what is
common to them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from attrs import frozen

from k8slite.kinds.core.environment_validation import validate_environment
from k8slite.kinds.core.path_validation import validate_descending_path, validate_no_backsteps
from k8slite.kinds.core.probe_validation import validate_probes
from k8slite.kinds.core.resource_validation import validate_requirements
from k8slite.kinds.core.security_validation import validate_container_security
from k8slite.objects.errors import Cause
from k8slite.objects.fields import (
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1123_label, is_port_name, is_port_number

Json = dict[str, Any]

PROTOCOLS: Final = ("SCTP", "TCP", "UDP")


@frozen
class Surroundings:
    """What a container's rules need to know of its Pod."""

    volumes: Mapping[str, Json]
    claim_names: Collection[str]
    restart_policy: str
    grace_seconds: int | None


def validate_containers(spec: Json, path: str, around: Surroundings) -> list[Cause]:
    """The regular containers; there must be one."""
    containers = spec.get("containers")
    if not containers:
        return [required(f"{path}.containers")]
    found: list[Cause] = []
    seen: list[str] = []
    for i, container in enumerate(containers):
        at = f"{path}.containers[{i}]"
        found += _common(container, at, around)
        name = container.get("name", "")
        if name in seen:
            found.append(duplicate(f"{at}.name", name))
        seen.append(name)
        found += validate_probes(container, at, around.grace_seconds)
        if "restartPolicy" in container and container["restartPolicy"] not in _RULED:
            known = _RULED
            found.append(not_supported(f"{at}.restartPolicy", container["restartPolicy"], known))
    return found + _host_ports(containers, f"{path}.containers")


def validate_init_containers(spec: Json, path: str, around: Surroundings) -> list[Cause]:
    """The init containers; those that restart always run beside the regular ones."""
    found: list[Cause] = []
    seen = [container.get("name", "") for container in spec.get("containers", ())]
    for i, container in enumerate(spec.get("initContainers", ())):
        at = f"{path}.initContainers[{i}]"
        found += _common(container, at, around)
        policy = container.get("restartPolicy")
        if policy is not None and policy not in _RULED:
            found.append(not_supported(f"{at}.restartPolicy", policy, _RULED))
        name = container.get("name", "")
        if name in seen:
            found.append(duplicate(f"{at}.name", name))
        elif name:
            seen.append(name)
        found += _host_ports([container], f"{path}.initContainers")
        if policy == "Always":
            found += validate_probes(container, at, around.grace_seconds)
            continue
        for key in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if container.get(key) is not None:
                text = "may not be set for init containers without restartPolicy=Always"
                found.append(forbidden(f"{at}.{key}", text))
    return found


def validate_ephemeral_containers(spec: Json, path: str, around: Surroundings) -> list[Cause]:
    """Containers for looking into a running Pod: no ports, probes or resources."""
    containers = spec.get("ephemeralContainers")
    if not containers:
        return []
    found: list[Cause] = []
    others = [
        container.get("name", "")
        for group in ("containers", "initContainers")
        for container in spec.get(group, ())
    ]
    seen = list(others)
    for i, container in enumerate(containers):
        at = f"{path}.ephemeralContainers[{i}]"
        found += _common(container, at, around)
        found += validate_image_padding(container, at)
        name = container.get("name", "")
        if name in seen:
            found.append(duplicate(f"{at}.name", name))
        else:
            seen.append(name)
        target = container.get("targetContainerName", "")
        if target and target not in others:
            found.append(not_found(f"{at}.targetContainerName", target))
        for key in _NOT_EPHEMERAL:
            if container.get(key):
                found.append(forbidden(f"{at}.{key}", _EPHEMERAL))
        for j, mount in enumerate(container.get("volumeMounts", ())):
            for key in ("subPath", "subPathExpr"):
                if mount.get(key):
                    found.append(forbidden(f"{at}.volumeMounts[{j}].{key}", _EPHEMERAL))
    return found


def validate_image_padding(container: Json, path: str) -> list[Cause]:
    """In a Pod, other than in a template, an image's name has no blanks around it."""
    image: str = container.get("image", "")
    if image.strip() == image:
        return []
    return [invalid(f"{path}.image", image, "must not have leading or trailing whitespace")]


def _common(container: Json, path: str, around: Surroundings) -> list[Cause]:
    found: list[Cause] = []
    name = container.get("name", "")
    if not name:
        found.append(required(f"{path}.name"))
    else:
        found += each(f"{path}.name", name, is_dns1123_label(name))
    if not container.get("image"):
        found.append(required(f"{path}.image"))
    policy = container.get("terminationMessagePolicy", "")
    if policy not in _MESSAGE_POLICIES:
        found.append(_choice(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES))
    ports = container.get("ports")
    if ports:
        found += _ports(ports, f"{path}.ports")
    if "env" in container or "envFrom" in container:
        found += validate_environment(container, path)
    mounts, devices = container.get("volumeMounts", ()), container.get("volumeDevices", ())
    if mounts:
        found += _mounts(container, mounts, devices, f"{path}.volumeMounts", around)
    if devices:
        found += _devices(mounts, devices, f"{path}.volumeDevices", around)
    policy = container.get("imagePullPolicy", "")
    if policy not in _PULL_POLICIES:
        found.append(_choice(f"{path}.imagePullPolicy", policy, _PULL_POLICIES))
    resources = container.get("resources")
    if resources:
        found += validate_requirements(resources, f"{path}.resources", around.claim_names)
    if container.get("resizePolicy"):
        found += _resize_policies(container["resizePolicy"], f"{path}.resizePolicy", around)
    context = container.get("securityContext")
    if context:
        found += validate_container_security(context, f"{path}.securityContext")
    return found


def _choice(path: str, value: str, known: Iterable[str]) -> Cause:
    return not_supported(path, value, known) if value else required(path)


def _ports(ports: list[Json], path: str) -> list[Cause]:
    found: list[Cause] = []
    seen: list[str] = []
    for i, port in enumerate(ports):
        name = port.get("name", "")
        if name:
            wrong = is_port_name(name)
            if wrong:
                found += each(f"{path}[{i}].name", name, wrong)
            elif name in seen:
                found.append(duplicate(f"{path}[{i}].name", name))
            else:
                seen.append(name)
        number = port.get("containerPort", 0)
        if not number:
            found.append(required(f"{path}[{i}].containerPort"))
        elif not 0 < number < 65536:
            found += each(f"{path}[{i}].containerPort", number, is_port_number(number))
        host_port = port.get("hostPort", 0)
        if host_port:
            found += each(f"{path}[{i}].hostPort", host_port, is_port_number(host_port))
        if port.get("protocol") not in PROTOCOLS:
            found.append(_choice(f"{path}[{i}].protocol", port.get("protocol", ""), PROTOCOLS))
    return found


def _host_ports(containers: list[Json], path: str) -> list[Cause]:
    found: list[Cause] = []
    seen: list[str] = []
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports", ())):
            number = port.get("hostPort", 0)
            if not number:
                continue
            key = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{number}"
            if key in seen:
                found.append(duplicate(f"{path}[{i}].ports[{j}].hostPort", key))
            else:
                seen.append(key)
    return found


def _mounts(
    container: Json,
    mounts: Iterable[Json],
    devices: Iterable[Json],
    path: str,
    around: Surroundings,
) -> list[Cause]:
    found: list[Cause] = []
    seen: list[str] = []
    device_names = [device.get("name", "") for device in devices]
    device_paths = [device.get("devicePath", "") for device in devices]
    for i, mount in enumerate(mounts):
        name, target = mount.get("name", ""), mount.get("mountPath", "")
        at = f"{path}[{i}]"
        if not name:
            found.append(required(f"{at}.name"))
        volume = around.volumes.get(name)
        if volume is None:
            found.append(not_found(f"{at}.name", name))
        if not target:
            found.append(required(f"{at}.mountPath"))
        if target in seen:
            found.append(invalid(f"{at}.mountPath", target, "must be unique"))
        seen.append(target)
        if name in device_names:
            text = "must not already exist in volumeDevices"
            found.append(invalid(f"{at}.name", name, text))
        if target in device_paths:
            text = "must not already exist as a path in volumeDevices"
            found.append(invalid(f"{at}.mountPath", target, text))
        # Upstream leaves the index out of these paths.
        if mount.get("subPath"):
            found += validate_descending_path(mount["subPath"], f"{path}.subPath")
        if mount.get("subPathExpr"):
            if mount.get("subPath"):
                text = "subPathExpr and subPath are mutually exclusive"
                found.append(invalid(f"{at}.subPathExpr", mount["subPathExpr"], text))
            found += validate_descending_path(mount["subPathExpr"], f"{path}.subPathExpr")
        propagation = mount.get("mountPropagation")
        if propagation is not None:
            if propagation not in _PROPAGATIONS:
                field = f"{path}.mountPropagation"
                found.append(not_supported(field, propagation, _PROPAGATIONS))
            elif propagation == "Bidirectional" and not (
                container.get("securityContext") or {}
            ).get("privileged"):
                text = "Bidirectional mount propagation is available only to privileged containers"
                found.append(forbidden(f"{path}.mountPropagation", text))
    return found


def _devices(
    mounts: Iterable[Json], devices: Iterable[Json], path: str, around: Surroundings
) -> list[Cause]:
    found: list[Cause] = []
    names: list[str] = []
    paths: list[str] = []
    mounted = [mount.get("name", "") for mount in mounts]
    mount_paths = [mount.get("mountPath", "") for mount in mounts]
    for i, device in enumerate(devices):
        name, target = device.get("name", ""), device.get("devicePath", "")
        at = f"{path}[{i}]"
        volume = around.volumes.get(name)
        if not name:
            found.append(required(f"{at}.name"))
        if name in names:
            found.append(invalid(f"{at}.name", name, "must be unique"))
        if volume is None:
            found.append(not_found(f"{at}.name", name))
        elif "persistentVolumeClaim" not in volume and "ephemeral" not in volume:
            text = (
                "can only use volume source type of PersistentVolumeClaim or Ephemeral "
                "for block mode"
            )
            found.append(invalid(f"{at}.name", name, text))
        if not target:
            found.append(required(f"{at}.devicePath"))
        if target in paths:
            found.append(invalid(f"{at}.devicePath", target, "must be unique"))
        if target and validate_no_backsteps(target, at):
            text = "can not contain backsteps ('..')"
            found.append(invalid(f"{at}.devicePath", target, text))
        else:
            paths.append(target)
        if name in mounted:
            text = "must not already exist in volumeMounts"
            found.append(invalid(f"{at}.name", name, text))
        if target in mount_paths:
            text = "must not already exist as a path in volumeMounts"
            found.append(invalid(f"{at}.devicePath", target, text))
        if name:
            names.append(name)
    return found


def _resize_policies(policies: list[Json], path: str, around: Surroundings) -> list[Cause]:
    found: list[Cause] = []
    seen: list[str] = []
    for i, policy in enumerate(policies):
        name, restart = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if name in seen:
            found.append(duplicate(f"{path}[{i}]", name))
        seen.append(name)
        if name not in ("cpu", "memory"):
            found.append(_choice(path, name, ("cpu", "memory")))
        if restart not in _RESIZE_POLICIES:
            found.append(_choice(path, restart, _RESIZE_POLICIES))
        if around.restart_policy == "Never" and restart != "NotRequired":
            text = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            found.append(invalid(path, restart, text))
    return found


_EPHEMERAL: Final = "cannot be set for an Ephemeral Container"
_NOT_EPHEMERAL: Final = (
    "ports",
    "resources",
    "restartPolicy",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)
_RULED: Final = ("Always", "Never", "OnFailure")
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES: Final = ("FallbackToLogsOnError", "File")
_PROPAGATIONS: Final = ("Bidirectional", "HostToContainer", "None")
_RESIZE_POLICIES: Final = ("NotRequired", "RestartContainer")
