"""ResourceSlices (upstream: `pkg/apis/resource/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.selector_validation import validate_node_selector
from k8slite.kinds.core.volume_source_validation import validate_driver_name
from k8slite.kinds.resource.claim_validation import items
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, required, too_long
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_dns1123_label, is_dns1123_subdomain

Json = dict[str, Any]

_DEVICES_MOST: Final = 128
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
    return found + items(
        spec.get("devices") or [], "spec.devices", _device, most=_DEVICES_MOST, key="name"
    )


def _pool(pool: Json, path: str) -> list[Cause]:
    name, at = pool.get("name", ""), f"{path}.name"
    found: list[Cause] = []
    if not name:
        found.append(required(at))
    else:
        if len(name) > _POOL_NAME_MOST:
            found.append(too_long(at, _POOL_NAME_MOST))
        for part in name.split("/"):
            found += each(at, part, is_dns1123_subdomain(part))
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


def _device(device: Json, path: str) -> list[Cause]:
    name = device.get("name", "")
    return each(f"{path}.name", name, is_dns1123_label(name))
