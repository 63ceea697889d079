"""CSI drivers and the nodes that have them (upstream: `pkg/apis/storage/validation`)."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.volume_source_validation import validate_driver_name
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, invalid, not_supported, required
from k8slite.objects.metadata_validation import NOT_NEGATIVE, each, immutable
from k8slite.objects.names import is_qualified_name

Json = dict[str, Any]

_NODE_ID_MOST: Final = 256
_LEAST_SECONDS: Final = 600  # of a token, as of any token of an account
_MOST_SECONDS: Final = 1 << 32
_GROUP_POLICIES: Final = ("File", "None", "ReadWriteOnceWithFSType")
_MODES: Final = ("Ephemeral", "Persistent")
# Fields that are always there; the last name of the first is upstream's.
_FLAGS: Final = (
    ("attachRequired", "attachedRequired"),
    ("podInfoOnMount", "podInfoOnMount"),
    ("storageCapacity", "storageCapacity"),
)


def validate_driver(new: Json, old: Json | None) -> list[Cause]:
    """A CSIDriver."""
    spec = new.get("spec") or {}
    found: list[Cause] = []
    if old is None:
        found += validate_driver_name(new["metadata"].get("name", ""), "name")
    found += [
        required(f"spec.{told}") for name, told in _FLAGS if not isinstance(spec.get(name), bool)
    ]
    policy = spec.get("fsGroupPolicy")
    if policy is None:
        found.append(required("spec.fsGroupPolicy"))
    elif policy not in _GROUP_POLICIES:
        found.append(not_supported("spec.fsGroupPolicy", policy, _GROUP_POLICIES))
    found += _token_requests(spec.get("tokenRequests") or [])
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in _MODES:
            found.append(not_supported("spec.volumeLifecycleModes", mode, _MODES))
    seconds = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if seconds is not None and seconds < 10:
        what = "must be greater than or equal to 10 seconds"
        found.append(invalid("spec.nodeAllocatableUpdatePeriodSeconds", seconds, what))
    if old is not None:
        before = old.get("spec") or {}
        for name, told in (_FLAGS[0], ("volumeLifecycleModes", "volumeLifecycleModes")):
            found += immutable(f"spec.{told}", spec.get(name), before.get(name))
    return found


def validate_csi_node(new: Json, old: Json | None) -> list[Cause]:
    """A CSINode; an entry stays as it is until it goes."""
    found: list[Cause] = []
    seen: set[str] = set()
    for i, driver in enumerate(_drivers(new)):
        path = f"spec.drivers[{i}]"
        name, node_id = driver.get("name", ""), driver.get("nodeID", "")
        found += validate_driver_name(name, f"{path}.name")
        if not node_id:
            found.append(required(f"{path}.nodeID"))
        elif len(node_id) > _NODE_ID_MOST:
            what = f"must be {_NODE_ID_MOST} characters or less"
            found.append(invalid(f"{path}.nodeID", node_id, what))
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None and count < 0:
            found.append(invalid(f"{path}.allocatable.count", count, NOT_NEGATIVE))
        if name in seen:
            found.append(duplicate(f"{path}.name", name))
        seen.add(name)
        found += _topology_keys(driver.get("topologyKeys") or [], path)
    before = {driver.get("name"): driver for driver in _drivers(old or {})}
    for driver in _drivers(new):
        known = before.get(driver.get("name"))
        if known is not None and _fixed(known) != _fixed(driver):
            found.append(invalid("CSINodeDriver", driver, "field is immutable"))
    return found


def _token_requests(requests: list[Json]) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for i, request in enumerate(requests):
        path = f"spec.tokenRequests[{i}]"
        seconds, audience = request.get("expirationSeconds"), request.get("audience", "")
        at = f"{path}.expirationSeconds"
        if seconds is not None and seconds < _LEAST_SECONDS:
            what = "may not specify a duration less than 10 minutes"
            found.append(invalid(at, seconds, what))
        if seconds is not None and seconds > _MOST_SECONDS:
            what = "may not specify a duration larger than 2^32 seconds"
            found.append(invalid(at, seconds, what))
        if audience in seen:
            found.append(duplicate(f"{path}.audience", audience))
        seen.add(audience)
    return found


def _topology_keys(keys: list[str], path: str) -> list[Cause]:
    found: list[Cause] = []
    for i, key in enumerate(keys):
        if not key:
            found.append(required(path))
        if key in keys[:i]:
            found.append(duplicate(path, key))
        found += each(f"{path}.topologyKeys", key, is_qualified_name(key))
    return found


def _drivers(node: Json) -> list[Json]:
    return (node.get("spec") or {}).get("drivers") or []


def _fixed(driver: Json) -> Json:
    """What of an entry never changes: how many volumes fit may."""
    return {key: value for key, value in driver.items() if key != "allocatable"}
