"""ResourceSlices (upstream: `pkg/apis/resource/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.selector_validation import validate_node_selector
from k8slite.kinds.core.volume_source_validation import validate_driver_name
from k8slite.kinds.resource.claim_validation import items
from k8slite.kinds.resource.device_validation import validate_counters, validate_device
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, required, too_long
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_dns1123_label, is_dns1123_subdomain

Json = dict[str, Any]

_DEVICES_MOST: Final = 128
_ADVANCED_MOST: Final = 64  # with taints, or with counters that they share
_SETS_MOST: Final = 8
_POOL_NAME_MOST: Final = 253
_PLACES: Final = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_ONE_PLACE: Final = (
    "exactly one of `allNodes`, `nodeName`, `nodeSelector`, `perDeviceNodeSelection` is required"
)


def validate_slice(new: Json, old: Json | None) -> list[Cause]:
    """A ResourceSlice, which stays with its driver, its pool and its node."""
    spec = new.get("spec") or {}
    found = validate_driver_name(spec.get("driver", ""), "spec.driver")
    found += _pool(spec.get("pool") or {}, "spec.pool")
    if old is not None:
        before = old.get("spec") or {}
        pools = [(one.get("pool") or {}).get("name") for one in (spec, before)]
        found += immutable("spec.pool.name", *pools)
        for part in ("driver", "nodeName"):
            found += immutable(f"spec.{part}", spec.get(part), before.get(part))
    found += _place(spec)
    sets = spec.get("sharedCounters") or []
    if sets and spec.get("devices"):
        what = "only one of `sharedCounters` or `devices` is allowed"
        found.append(invalid("spec", "", what))
    found += _devices(spec, (old or {}).get("spec") or {})
    return found + items(sets, "spec.sharedCounters", _counter_set, most=_SETS_MOST, key="name")


def validate_pool_name(name: str, path: str) -> list[Cause]:
    """Subdomains, one below the other."""
    if not name:
        return [required(path)]
    found = [too_long(path, _POOL_NAME_MOST)] if len(name) > _POOL_NAME_MOST else []
    for part in name.split("/"):
        found += each(path, part, is_dns1123_subdomain(part))
    return found


def _pool(pool: Json, path: str) -> list[Cause]:
    found = validate_pool_name(pool.get("name", ""), f"{path}.name")
    count, generation = pool.get("resourceSliceCount", 0), pool.get("generation", 0)
    if count <= 0:
        what = "must be greater than zero"
        found.append(invalid(f"{path}.resourceSliceCount", count, what))
    if generation < 0:
        what = "must be greater than or equal to zero"
        found.append(invalid(f"{path}.generation", generation, what))
    return found


def _place(spec: Json) -> list[Cause]:
    """Where the devices are: on one node, on some, on all, or each as it says."""
    found: list[Cause] = []
    given = [part for part in _PLACES if spec.get(part) is not None]
    if spec.get("nodeName") == "":
        what = "must be either unset or set to a non-empty string"
        found.append(invalid("spec.nodeName", "", what))
    elif "nodeName" in given:
        name = spec["nodeName"]
        found += each("spec.nodeName", name, is_dns1123_subdomain(name))
    if "nodeSelector" in given:
        found += validate_node_selector(spec["nodeSelector"], "spec.nodeSelector")
        if len(spec["nodeSelector"].get("nodeSelectorTerms") or ()) != 1:
            # A list of alternatives could not be joined with those of other slices.
            at, what = (
                "spec.nodeSelector.nodeSelectorTerms",
                "must have exactly one node selector term",
            )
            found.append(invalid(at, spec["nodeSelector"].get("nodeSelectorTerms"), what))
    for part in ("allNodes", "perDeviceNodeSelection"):
        if spec.get(part) is False:
            what = "must be either unset or set to true"
            found.append(invalid(f"spec.{part}", False, what))
    if not given:
        found.append(required("spec", _ONE_PLACE))
    elif len(given) > 1:
        told = "{" + ", ".join(f"`{part}`" for part in given) + "}"
        found.append(invalid("spec", told, f"{_ONE_PLACE}, but multiple fields are set"))
    return found


def _devices(spec: Json, before: Json) -> list[Cause]:
    devices = spec.get("devices") or []
    known = {one.get("name", ""): one for one in before.get("devices") or ()}
    places_itself = bool(spec.get("perDeviceNodeSelection"))
    advanced = any(one.get("taints") or one.get("consumesCounters") for one in devices)

    def check(device: Json, path: str) -> list[Cause]:
        old = known.get(device.get("name", ""))
        return validate_device(device, path, places_itself=places_itself, old=old)

    most = _ADVANCED_MOST if advanced else _DEVICES_MOST
    return items(devices, "spec.devices", check, most=most, key="name")


def _counter_set(counters: Json, path: str) -> list[Cause]:
    name, at = counters.get("name", ""), f"{path}.name"
    found = each(at, name, is_dns1123_label(name)) if name else [required(at)]
    return found + validate_counters(counters.get("counters") or {}, f"{path}.counters")
