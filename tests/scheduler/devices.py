"""Short ways to make devices, classes and claims."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

DRIVER = "gpu.example.com"


def device(name: str, **more: Any) -> Json:
    """A device; `attributes` are plain values, by their types."""
    attributes = {key: _typed(value) for key, value in more.pop("attributes", {}).items()}
    return {"name": name, "attributes": attributes, **more}


def resource_slice(name: str, *devices: Json, pool: str = "", **spec: Any) -> Json:
    """A slice, of the node of its name unless something else is said."""
    places = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
    if not any(one in spec for one in places):
        spec["nodeName"] = name
    count, generation = spec.pop("count", 1), spec.pop("generation", 1)
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": name},
        "spec": {
            "driver": spec.pop("driver", DRIVER),
            "pool": {
                "name": pool or name,
                "generation": generation,
                "resourceSliceCount": count,
            },
            "devices": list(devices),
            **spec,
        },
    }


def device_class(name: str = "gpu", *selectors: str, **spec: Any) -> Json:
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": name},
        "spec": {"selectors": [{"cel": {"expression": one}} for one in selectors], **spec},
    }


def wants(name: str = "", *selectors: str, **more: Any) -> Json:
    """What a request asks for; with a name, as an alternative of one."""
    found: Json = {
        "deviceClassName": more.pop("deviceClassName", "gpu"),
        "selectors": [{"cel": {"expression": one}} for one in selectors],
        **more,
    }
    return {"name": name, **found} if name else found


def request(name: str, *alternatives: Json, **exactly: Any) -> Json:
    if alternatives:
        return {"name": name, "firstAvailable": list(alternatives)}
    return {"name": name, "exactly": wants(**exactly)}


def claim(name: str, *requests: Json, **devices: Any) -> Json:
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"devices": {"requests": list(requests or (request("one"),)), **devices}},
    }


def template(name: str, *requests: Json, **devices: Any) -> Json:
    made = claim(name, *requests, **devices)
    return {**made, "kind": "ResourceClaimTemplate", "spec": {"spec": made["spec"]}}


def _typed(value: Any) -> Json:
    if isinstance(value, bool):
        return {"bool": value}
    return {"int": value} if isinstance(value, int) else {"string": value}
