"""Pods and the templates of Pods.

Mirrors `ValidatePodCreate`, `ValidatePodTemplateSpec` and `ValidatePodSpec` of
`pkg/apis/core/validation`, in their order. Quantities are canonical and types are right when an
object comes here.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.container_validation import (
    Surroundings,
    validate_containers,
    validate_ephemeral_containers,
    validate_image_padding,
    validate_init_containers,
)
from k8slite.kinds.core.os_validation import validate_host_processes, validate_os
from k8slite.kinds.core.pod_annotation_validation import (
    validate_annotation_update,
    validate_pod_annotations,
    validate_profiles_match,
)
from k8slite.kinds.core.pod_resize_validation import validate_pod_resize
from k8slite.kinds.core.pod_update_validation import (
    validate_ephemeral_update,
    validate_pod_update,
)
from k8slite.kinds.core.resource_validation import validate_requirements
from k8slite.kinds.core.security_validation import validate_host_users, validate_pod_security
from k8slite.kinds.core.selector_validation import (
    validate_affinity,
    validate_spreading,
    validate_tolerations,
)
from k8slite.kinds.core.volume_validation import validate_volumes
from k8slite.objects.errors import Cause
from k8slite.objects.fields import (
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from k8slite.objects.metadata_validation import each, validate_annotations, validate_labels
from k8slite.objects.names import (
    in_range,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_ip,
    is_qualified_name,
)

Json = dict[str, Any]

_LARGEST_INT32: Final = 2**31 - 1
# What the C library of Linux puts up with.
_NAMESERVERS_LIMIT: Final = 3
_SEARCHES_LIMIT: Final = 32
_SEARCHES_LIMIT_CHARACTERS: Final = 2048


def validate_pod(new: Json, old: Json | None) -> list[Cause]:
    """A Pod on creation, or on an update other than of its status."""
    found = _pod(new)
    if old is not None:
        return found + validate_pod_update(new, old)
    spec = new["spec"]
    if spec.get("ephemeralContainers"):
        found.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        text = "cannot be set until all schedulingGates have been cleared"
        found.append(forbidden("spec.nodeName", text))
    annotations = new["metadata"].get("annotations")
    return found + (validate_profiles_match(annotations, spec, "spec") if annotations else [])


def validate_pod_part(new: Json, old: Json, subresource: str) -> list[Cause]:
    """A write through /binding, /ephemeralcontainers or /resize, which may change their part.

    The caller has put back everything else; the rules for an ordinary update would refuse it.
    """
    if subresource == "binding":
        return []
    found = _pod(new)
    if subresource == "ephemeralcontainers":
        found += validate_annotation_update(new, old) + validate_ephemeral_update(new, old)
    if subresource == "resize":
        found += validate_pod_resize(new, old)
    return found


def validate_pod_template(template: Json, path: str) -> list[Cause]:
    """A PodTemplateSpec."""
    metadata, spec = template.get("metadata", {}), template.get("spec", {})
    found = validate_labels(metadata.get("labels"), f"{path}.labels")
    annotations = metadata.get("annotations")
    if annotations:
        found += validate_annotations(annotations, f"{path}.annotations")
        found += validate_pod_annotations(annotations, spec, f"{path}.annotations")
    found += validate_pod_spec(spec, f"{path}.spec")
    if annotations:
        found += validate_profiles_match(annotations, spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        text = "ephemeral containers not allowed in pod template"
        found.append(forbidden(f"{path}.spec.ephemeralContainers", text))
    return found


def validate_pod_spec(spec: Json, path: str, pod_name: str = "") -> list[Cause]:
    """What a Pod and a template have in common; `pod_name` is "" for a template."""
    found: list[Cause] = []
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is None:
        found.append(required(f"{path}.terminationGracePeriodSeconds"))
    volumes, wrong = validate_volumes(spec.get("volumes", []), pod_name, f"{path}.volumes")
    found += wrong
    claims = spec.get("resourceClaims", ())
    found += _claims(claims, f"{path}.resourceClaims")
    around = Surroundings(
        volumes, [c["name"] for c in claims if c.get("name")], spec.get("restartPolicy", ""), grace
    )
    found += validate_containers(spec, path, around)
    if spec.get("initContainers"):
        found += validate_init_containers(spec, path, around)
    found += validate_ephemeral_containers(spec, path, around)
    if spec.get("resources"):
        found += validate_requirements(spec["resources"], f"{path}.resources")
    if spec.get("hostNetwork"):
        found += _host_network(spec, path, in_pod=bool(pod_name))
    for key, known in _POLICIES:
        value = spec.get(key, "")
        if value not in known:
            at = f"{path}.{key}"
            found.append(not_supported(at, value, known) if value else required(at))
    found += validate_labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    found += validate_pod_security(spec, path)
    found += validate_host_processes(spec, path)
    found += validate_affinity(spec.get("affinity"), f"{path}.affinity")
    if "dnsConfig" in spec or spec.get("dnsPolicy") == "None":
        found += _dns(spec, f"{path}.dnsConfig")
    found += _gates(spec, path)
    if spec.get("topologySpreadConstraints"):
        at = f"{path}.topologySpreadConstraints"
        found += validate_spreading(spec["topologySpreadConstraints"], at)
    found += validate_host_users(spec, path)
    return found + _rest(spec, path)


def _pod(pod: Json) -> list[Cause]:
    spec = pod["spec"]
    metadata = pod["metadata"]
    found: list[Cause] = []
    annotations = metadata.get("annotations")
    if annotations:
        found += validate_pod_annotations(annotations, spec, "metadata.annotations")
    found += validate_pod_spec(spec, "spec", metadata.get("name") or "?")
    if not spec.get("serviceAccountName"):
        text = "must not be specified when serviceAccountName is not set"
        for i, volume in enumerate(spec.get("volumes", ())):
            for j, source in enumerate((volume.get("projected") or {}).get("sources", ())):
                if source.get("serviceAccountToken") is not None:
                    at = f"spec.volumes[{i}].projected.sources[{j}].serviceAccountToken"
                    found.append(forbidden(at, text))
    for group in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(group, ())):
            found += validate_image_padding(container, f"spec.{group}[{i}]")
    return found


def _claims(claims: list[Json] | tuple[()], path: str) -> list[Cause]:
    found: list[Cause] = []
    seen: list[str] = []
    for i, claim in enumerate(claims):
        at = f"{path}[{i}]"
        name = claim.get("name", "")
        if not name:
            found.append(required(f"{at}.name"))
        elif name in seen:
            found.append(duplicate(f"{at}.name", name))
        else:
            found += each(f"{at}.name", name, is_dns1123_label(name))
            seen.append(name)
        direct = claim.get("resourceClaimName")
        template = claim.get("resourceClaimTemplateName")
        shown = {
            "Name": name,
            "ResourceClaimName": direct,
            "ResourceClaimTemplateName": template,
        }
        if direct is not None and template is not None:
            text = (
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            )
            found.append(invalid(at, shown, text))
        if direct is None and template is None:
            text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            found.append(invalid(at, shown, text))
        for key, value in (
            ("resourceClaimName", direct),
            ("resourceClaimTemplateName", template),
        ):
            if value is not None:
                found += each(f"{at}.{key}", value, is_dns1123_subdomain(value))
    return found


def _host_network(spec: Json, path: str, *, in_pod: bool) -> list[Cause]:
    found: list[Cause] = []
    for i, container in enumerate(spec.get("containers", ())):
        for j, port in enumerate(container.get("ports", ())):
            host_port = port.get("hostPort", 0)
            if (in_pod or host_port) and host_port != port.get("containerPort", 0):
                at = f"{path}.containers[{i}].ports[{j}].hostPort"
                text = "must match `containerPort` when `hostNetwork` is true"
                found.append(invalid(at, host_port, text))
    return found


def _dns(spec: Json, path: str) -> list[Cause]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{path}.nameservers", text)]
    if not config:
        return []
    found: list[Cause] = []
    servers, searches = config.get("nameservers", []), config.get("searches", [])
    if len(servers) > _NAMESERVERS_LIMIT:
        text = f"must not have more than {_NAMESERVERS_LIMIT} nameservers"
        found.append(invalid(f"{path}.nameservers", servers, text))
    for i, server in enumerate(servers):
        found += each(f"{path}.nameservers[{i}]", server, is_ip(server))
    if len(searches) > _SEARCHES_LIMIT:
        text = f"must not have more than {_SEARCHES_LIMIT} search paths"
        found.append(invalid(f"{path}.searches", searches, text))
    if len(" ".join(searches)) > _SEARCHES_LIMIT_CHARACTERS:
        text = (
            f"must not have more than {_SEARCHES_LIMIT_CHARACTERS} characters "
            "(including spaces) in the search list"
        )
        found.append(invalid(f"{path}.searches", searches, text))
    for i, search in enumerate(searches):
        name = search.removesuffix(".")
        # A name server's zones may have underscores.
        if search != "." and (wrong := is_dns1123_subdomain(name.replace("_", "-"))):
            found += each(f"{path}.searches[{i}]", name, wrong)
    for i, option in enumerate(config.get("options", ())):
        if not option.get("name"):
            found.append(required(f"{path}.options[{i}]", "must not be empty"))
    return found


def _gates(spec: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    for i, gate in enumerate(spec.get("readinessGates", ())):
        kind = gate.get("conditionType", "")
        found += each(f"{path}.readinessGates[{i}].conditionType", kind, is_qualified_name(kind))
    seen: list[str] = []
    for i, gate in enumerate(spec.get("schedulingGates", ())):
        name = gate.get("name", "")
        found += each(f"{path}.schedulingGates[{i}]", name, is_qualified_name(name))
        if name in seen:
            found.append(duplicate(f"{path}.schedulingGates[{i}]", name))
        seen.append(name)
    return found


def _rest(spec: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    for key in ("serviceAccountName", "nodeName"):
        value = spec.get(key)
        if value:
            found += each(f"{path}.{key}", value, is_dns1123_subdomain(value))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None:
        wrong = in_range(deadline, 1, _LARGEST_INT32)
        found += each(f"{path}.activeDeadlineSeconds", deadline, wrong)
    override = spec.get("hostnameOverride")
    if override is not None:
        at = f"{path}.hostnameOverride"
        if len(override.encode()) > _HOST_NAME_MOST:
            found.append(too_long(at, _HOST_NAME_MOST))
        found += each(at, override, is_dns1123_subdomain(override))
    for key in ("hostname", "subdomain"):
        value = spec.get(key)
        if value:
            found += each(f"{path}.{key}", value, is_dns1123_label(value))
    if spec.get("tolerations"):
        found += validate_tolerations(spec["tolerations"], f"{path}.tolerations")
    for i, alias in enumerate(spec.get("hostAliases", ())):
        at = f"{path}.hostAliases[{i}]"
        found += each(f"{at}.ip", alias.get("ip", ""), is_ip(alias.get("ip", "")))
        for j, name in enumerate(alias.get("hostnames", ())):
            found += each(f"{at}.hostnames[{j}]", name, is_dns1123_subdomain(name))
    if spec.get("priorityClassName"):
        name = spec["priorityClassName"]
        found += each(f"{path}.priorityClassName", name, is_dns1123_subdomain(name))
    if spec.get("runtimeClassName") is not None:
        name = spec["runtimeClassName"]
        found += each(f"{path}.runtimeClassName", name, is_dns1123_subdomain(name))
    preemption = spec.get("preemptionPolicy")
    if preemption is not None and preemption not in _PREEMPTION:
        found.append(not_supported(f"{path}.preemptionPolicy", preemption, _PREEMPTION))
    if spec.get("overhead"):
        found += validate_requirements({"limits": spec["overhead"]}, f"{path}.overhead")
    return found + validate_os(spec, path)


_HOST_NAME_MOST: Final = 64  # bytes, Linux's own limit
_PREEMPTION: Final = ("Never", "PreemptLowerPriority")
_POLICIES: Final = (
    ("restartPolicy", ("Always", "OnFailure", "Never")),
    ("dnsPolicy", ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")),
)
