"""Devices of a ResourceSlice: attributes, capacities, taints, counters and where they are.

Upstream: `validateDevice` of `pkg/apis/resource/validation`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from k8slite.kinds.core.selector_validation import validate_node_selector
from k8slite.kinds.core.volume_source_validation import validate_driver_name
from k8slite.kinds.resource.capacity_validation import validate_capacity
from k8slite.objects.errors import Cause
from k8slite.objects.fields import (
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import (
    is_c_identifier,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_label_value,
    is_qualified_name,
)

Json = dict[str, Any]

_FACTS_MOST: Final = 32  # attributes and capacities of a device
_IDENTIFIER_MOST: Final = 32
_VALUE_MOST: Final = 64
_TAINTS_MOST: Final = 16
_CONDITIONS_MOST: Final = 4
_COUNTERS_MOST: Final = 32  # of one set, or that a device takes of it
_SETS_MOST: Final = 2  # that one device takes counters of
_EFFECTS: Final = ("NoExecute", "NoSchedule", "None")
_VALUES: Final = ("bool", "int", "string", "version")
_ONE_PLACE: Final = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when "
    "`perDeviceNodeSelection` is set to true in the ResourceSlice spec"
)
_NO_PLACE: Final = (
    "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set "
    "to true in the ResourceSlice spec"
)


def validate_device(
    device: Json, path: str, *, places_itself: bool, old: Json | None
) -> list[Cause]:
    """One device; `places_itself` where the slice leaves it to each device where it is."""
    name = device.get("name", "")
    found = each(f"{path}.name", name, is_dns1123_label(name))
    attributes, capacities = device.get("attributes") or {}, device.get("capacity") or {}
    if len(attributes) + len(capacities) > _FACTS_MOST:
        text = f"the total number of attributes and capacities must not exceed {_FACTS_MOST}"
        found.append(invalid(path, len(attributes) + len(capacities), text))
    for key, attribute in sorted(attributes.items()):
        at = f"{path}.attributes"
        found += validate_qualified_name(key, at) + _attribute(attribute, f"{at}[{key}]")
    if old is None or old.get("capacity") != device.get("capacity"):
        shared = bool(device.get("allowMultipleAllocations"))
        for key, capacity in sorted(capacities.items()):
            at = f"{path}.capacity"
            found += validate_qualified_name(key, at)
            found += validate_capacity(capacity, f"{at}[{key}]", shared=shared)
    taints = device.get("taints") or ()
    if old is None or old.get("taints") != device.get("taints"):
        if len(taints) > _TAINTS_MOST:
            found.append(too_many(f"{path}.taints", len(taints), _TAINTS_MOST))
        else:
            for i, taint in enumerate(taints):
                found += validate_device_taint(taint, f"{path}.taints[{i}]")
    found += _consumption(device.get("consumesCounters") or (), f"{path}.consumesCounters")
    if places_itself:
        found += _place(device, path)
    elif any(device.get(key) is not None for key in ("nodeName", "nodeSelector", "allNodes")):
        found.append(invalid(path, None, _NO_PLACE))
    return found + validate_binding_conditions(device, path)


def validate_qualified_name(name: str, path: str) -> list[Cause]:
    """The name of an attribute or a capacity: with a driver's domain, or without any."""
    domain, slash, rest = name.partition("/")
    if not slash:
        return _identifier(name, path)
    if "/" in rest:
        return [invalid(path, name, "must not contain more than one slash")]
    found = (
        validate_driver_name(domain, path)
        if domain
        else [invalid(path, "", "the domain must not be empty")]
    )
    if not rest:
        return [*found, invalid(path, "", "the name must not be empty")]
    return found + _identifier(rest, path)


def validate_device_taint(taint: Json, path: str) -> list[Cause]:
    """What keeps claims away from a device."""
    key, value, effect = (taint.get(part, "") for part in ("key", "value", "effect"))
    found = each(f"{path}.key", key, is_qualified_name(key))
    if value:
        found += each(f"{path}.value", value, is_label_value(value))
    at = f"{path}.effect"
    if effect not in _EFFECTS:
        found.append(not_supported(at, effect, _EFFECTS) if effect else required(at))
    return found


def validate_device_toleration(toleration: Json, path: str) -> list[Cause]:
    """What a request puts up with."""
    key, value = toleration.get("key", ""), toleration.get("value", "")
    operator, effect = toleration.get("operator", ""), toleration.get("effect", "")
    found = each(f"{path}.key", key, is_qualified_name(key)) if key else []
    at = f"{path}.operator"
    if operator == "Exists":
        if value:
            text = "must be empty for operator `Exists`"
            found.append(invalid(f"{path}.value", value, text))
    elif operator == "Equal":
        found += each(f"{path}.value", value, is_label_value(value))
    else:
        known = ("Equal", "Exists")
        found.append(not_supported(at, operator, known) if operator else required(at))
    if effect and effect not in _EFFECTS:
        found.append(not_supported(f"{path}.effect", effect, _EFFECTS))
    return found


def validate_binding_conditions(device: Json, path: str) -> list[Cause]:
    """Conditions that a Pod waits for, and those that end the waiting."""
    good, bad = "bindingConditions", "bindingFailureConditions"
    given = {key: device.get(key) or [] for key in (good, bad)}
    found: list[Cause] = []
    for key, names in given.items():
        if len(names) > _CONDITIONS_MOST:
            found.append(too_many(f"{path}.{key}", len(names), _CONDITIONS_MOST))
            continue
        for i, name in enumerate(names):
            found += each(f"{path}.{key}[{i}]", name, is_qualified_name(name))
    for key, names in given.items():
        for i, name in enumerate(names):
            if name in names[:i]:
                found.append(duplicate(f"{path}.{key}[{i}]", name))
            if key == bad and name in given[good]:
                text = f"{bad} must not overlap with {good}"
                found.append(invalid(f"{path}.{key}[{i}]", name, text))
    for key, other in ((good, bad), (bad, good)):
        if given[other] and not given[key]:
            text = f"{key} are required to use {other}"
            found.append(invalid(f"{path}.{key}", None, text))
    return found


def validate_counters(counters: Mapping[str, Json], path: str) -> list[Cause]:
    """Amounts by their names."""
    if not counters:
        return [required(path)]
    if len(counters) > _COUNTERS_MOST:
        return [too_many(path, len(counters), _COUNTERS_MOST)]
    return [one for name in sorted(counters) for one in each(path, name, is_dns1123_label(name))]


def _identifier(name: str, path: str) -> list[Cause]:
    found = [too_long(path, _IDENTIFIER_MOST)] if len(name) > _IDENTIFIER_MOST else []
    return found + each(path, name, is_c_identifier(name))


def _attribute(attribute: Json, path: str) -> list[Cause]:
    given = [key for key in _VALUES if attribute.get(key) is not None]
    found: list[Cause] = []
    version = attribute.get("version")
    if version is not None and not _VERSION.fullmatch(version):
        text = "must be a string compatible with semver.org spec 2.0.0"
        found.append(invalid(f"{path}.version", version, text))
    for key in ("string", "version"):
        value = attribute.get(key)
        if value is not None and len(value.encode()) > _VALUE_MOST:
            found.append(too_long(f"{path}.{key}", _VALUE_MOST))
    if len(given) != 1:
        shown = {
            f"{key.capitalize()}Value": attribute.get(key)
            for key in ("int", "bool", "string", "version")
        }
        text = "exactly one value must be specified"
        found.append(invalid(path, shown if given else "", text))
    return found


def _consumption(consumed: Sequence[Json], path: str) -> list[Cause]:
    if len(consumed) > _SETS_MOST:
        return [too_many(path, len(consumed), _SETS_MOST)]
    found: list[Cause] = []
    names: list[str] = []
    for i, one in enumerate(consumed):
        name, at = one.get("counterSet", ""), f"{path}[{i}]"
        where = f"{at}.counterSet"
        found += each(where, name, is_dns1123_label(name)) if name else [required(where)]
        found += validate_counters(one.get("counters") or {}, f"{at}.counters")
        names.append(name)
    return found + [
        duplicate(f"{path}[{i}]", name) for i, name in enumerate(names) if name in names[:i]
    ]


def _place(device: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    given = []
    node, selector, everywhere = (
        device.get(key) for key in ("nodeName", "nodeSelector", "allNodes")
    )
    if node == "":
        found.append(invalid(f"{path}.nodeName", "", "must not be empty"))
    elif node is not None:
        given.append("`nodeName`")
        found += each(f"{path}.nodeName", node, is_dns1123_subdomain(node))
    if selector is not None:
        given.append("`nodeSelector`")
        found += validate_node_selector(selector, f"{path}.nodeSelector")
    if everywhere:
        given.append("`allNodes`")
    elif everywhere is not None:
        text = "must be either unset or set to true"
        found.append(invalid(f"{path}.allNodes", False, text))
    if not given:
        found.append(required(path, _ONE_PLACE))
    elif len(given) > 1:
        found.append(invalid(path, "{" + ", ".join(given) + "}", _ONE_PLACE))
    return found


_NUMBER: Final = "(0|[1-9][0-9]*)"
_PRE_RELEASE: Final = "(0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION: Final = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(-{_PRE_RELEASE}(\.{_PRE_RELEASE})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?"
)
