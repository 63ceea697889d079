"""Environment variables of a container and where their values come from.

Mirrors `ValidateEnv`, `ValidateEnvFrom` and the field selectors of the downward API.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import (
    is_config_map_key,
    is_dns1123_subdomain,
    is_qualified_name,
    is_relaxed_environment_name,
)

Json = dict[str, Any]


def validate_environment(container: Json, path: str) -> list[Cause]:
    """`env` and `envFrom` of the container at `path`."""
    found: list[Cause] = []
    for i, variable in enumerate(container.get("env", ())):
        name = variable.get("name", "")
        if not name:
            found.append(required(f"{path}.env[{i}].name"))
        elif not _PLAIN_NAME.fullmatch(name):
            wrong = is_relaxed_environment_name(name)
            found += each(f"{path}.env[{i}].name", name, wrong)
        source = variable.get("valueFrom")
        if source is not None:
            found += _value_source(variable, source, f"{path}.env[{i}].valueFrom")
    for i, source in enumerate(container.get("envFrom", ())):
        at = f"{path}.envFrom[{i}]"
        prefix = source.get("prefix", "")
        if prefix:
            found += each(f"{at}.prefix", prefix, is_relaxed_environment_name(prefix))
        named = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
        for kind in named:
            name = source[kind].get("name", "")
            if not name:
                found.append(required(f"{at}.{kind}.name"))
            else:
                found += each(f"{at}.{kind}.name", name, is_dns1123_subdomain(name))
        if not named:
            text = "must specify one of: `configMapRef` or `secretRef`"
            found.append(invalid(at, "", text))
        elif len(named) > 1:
            found.append(invalid(at, "", _ONE_SOURCE))
    return found


def validate_field_reference(reference: Json, known: Iterable[str], path: str) -> list[Cause]:
    """A reference to a field of the Pod itself; `known` are the paths without a subscript."""
    version, field = reference.get("apiVersion", ""), reference.get("fieldPath", "")
    if not version:
        return [required(f"{path}.apiVersion")]
    if not field:
        return [required(f"{path}.fieldPath")]
    at = f"{path}.fieldPath"
    subscripted = _SUBSCRIPT.fullmatch(field)
    if subscripted:
        base, key = subscripted.groups()
        if base == "metadata.annotations":
            return each(path, key.lower(), is_qualified_name(key.lower()))
        if base == "metadata.labels":
            return each(path, key, is_qualified_name(key))
    if version != "v1":
        text = f"error converting fieldPath: unsupported pod version: {version}"
        return [invalid(at, field, text)]
    if subscripted or field not in _CONVERTIBLE:
        text = f"error converting fieldPath: field label not supported: {field}"
        return [invalid(at, field, text)]
    # The converter knows an older name for the node.
    field = "spec.nodeName" if field == "spec.host" else field
    known = tuple(known)
    return [] if field in known else [not_supported(at, field, known)]


def validate_resource_reference(reference: Json, path: str, *, in_volume: bool) -> list[Cause]:
    """A reference to a container's limits or requests."""
    found: list[Cause] = []
    name = reference.get("resource", "")
    if in_volume and not reference.get("containerName"):
        found.append(required(f"{path}.containerName"))
    elif not name:
        found.append(required(f"{path}.resource"))
    elif name not in _RESOURCES and not name.startswith(_HUGE_PAGES):
        found.append(not_supported(f"{path}.resource", name, _RESOURCES))
    divisor = reference.get("divisor", "0")
    if divisor != "0":
        kind = name.partition(".")[2]
        if kind == "cpu":
            if divisor not in ("1m", "1"):
                text = "only divisor's values 1m and 1 are supported with the cpu resource"
                found.append(invalid(f"{path}.divisor", name, text))
        elif divisor not in _DIVISORS:
            shown = {"memory": "memory", "ephemeral-storage": "local ephemeral storage"}
            listed = ", ".join(_DIVISORS)
            text = (
                f"only divisor's values {listed} are supported with the "
                f"{shown.get(kind, 'hugepages')} resource"
            )
            found.append(invalid(f"{path}.divisor", name, text))
    return found


def _value_source(variable: Json, source: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    sources = 0
    for kind in ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"):
        reference = source.get(kind)
        if reference is None:
            continue
        sources += 1
        at = f"{path}.{kind}"
        if kind == "fieldRef":
            found += validate_field_reference(reference, ENVIRONMENT_FIELDS, at)
        elif kind == "resourceFieldRef":
            found += validate_resource_reference(reference, at, in_volume=False)
        elif kind != "fileKeyRef":
            found += _key_selector(reference, at)
    if not sources:
        text = (
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` "
            "or `secretKeyRef`"
        )
        found.append(invalid(path, "", text))
    elif variable.get("value"):
        found.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif sources > 1:
        found.append(invalid(path, "", _ONE_SOURCE))
    return found


def _key_selector(reference: Json, path: str) -> list[Cause]:
    name, key = reference.get("name", ""), reference.get("key", "")
    found = each(f"{path}.name", name, is_dns1123_subdomain(name))
    if not key:
        found.append(required(f"{path}.key"))
    else:
        found += each(f"{path}.key", key, is_config_map_key(key))
    return found


_ONE_SOURCE: Final = "may not have more than one field specified at a time"
_PLAIN_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_SUBSCRIPT: Final = re.compile(r"(.+)\['([^']*)'\]")
_HUGE_PAGES: Final = ("requests.hugepages-", "limits.hugepages-")
_RESOURCES: Final = tuple(
    f"{kind}.{name}"
    for kind in ("limits", "requests")
    for name in ("cpu", "ephemeral-storage", "memory")
)
_DIVISORS: Final = (
    *("1", "1k", "1M", "1G", "1T", "1P", "1E"),
    *("1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"),
)
ENVIRONMENT_FIELDS: Final = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_CONVERTIBLE: Final = frozenset(
    (
        *ENVIRONMENT_FIELDS,
        "metadata.annotations",
        "metadata.labels",
        "spec.host",
        "spec.restartPolicy",
        "spec.schedulerName",
        "status.phase",
    )
)
