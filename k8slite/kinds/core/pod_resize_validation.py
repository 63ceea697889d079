"""A write through a Pod's subresource `resize`: more or less of cpu and memory, nothing else.

Mirrors `ValidatePodResize`. The caller has put back what is no resource of a container.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.pod_annotation_validation import MIRROR
from k8slite.kinds.core.pod_defaults import quality_of_service
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid

Json = dict[str, Any]

# A path without a name is shown like this.
_WHOLE: Final = "[]"
_RESIZABLE: Final = ("cpu", "memory")


def validate_pod_resize(new: Json, old: Json) -> list[Cause]:
    """The complaints about the difference; the new Pod itself has been looked at."""
    if MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden(_WHOLE, "static pods cannot be resized")]
    before, after = old["spec"], new["spec"]
    if (before.get("os") or {}).get("name") == "windows":
        return [forbidden(_WHOLE, "windows pods cannot be resized")]
    found: list[Cause] = []
    known = old.get("status", {}).get("qosClass") or quality_of_service(before)
    if known != quality_of_service(after):
        text = "Pod QOS Class may not change as a result of resizing"
        shown = new.get("status", {}).get("qosClass", "")
        found.append(invalid("spec", shown, text))
    if not _is_supported(old):
        text = "Pod running on node without support for resize"
        found.append(forbidden("spec", text))
    for group in ("initContainers", "containers"):
        for i, was in enumerate(before.get(group, ())):
            if group == "containers" or _restarts(was):
                at = f"spec.{group}[{i}].resources"
                found += _kept(_resources(after[group][i]), _resources(was), at)
    for group in ("containers", "initContainers"):
        for one, was in zip(after.get(group, ()), before.get(group, ()), strict=True):
            found += _only_resized(group, one, was)
    return found


def _is_supported(pod: Json) -> bool:
    """A node that can do it says what running containers have."""
    for status in pod.get("status", {}).get("containerStatuses", ()):
        if (status.get("state") or {}).get("running") is not None:
            return status.get("resources") is not None
    return True


def _kept(new: Json, old: Json, path: str) -> list[Cause]:
    return [
        forbidden(f"{path}.{part}", f"resource {part} cannot be removed")
        for part in ("requests", "limits")
        if (old.get(part) or {}).keys() - (new.get(part) or {}).keys()
    ]


def _only_resized(group: str, new: Json, old: Json) -> list[Cause]:
    if group == "initContainers" and not _restarts(new):
        text = "resources for non-sidecar init containers are immutable"
        return [] if new == old else [forbidden("spec", text)]
    alike = {k: v for k, v in new.items() if k != "resources"} == {
        k: v for k, v in old.items() if k != "resources"
    }
    if alike and _fixed(_resources(new), _resources(old)):
        return []
    whose = " for sidecar containers" if group == "initContainers" else ""
    return [forbidden("spec", f"only cpu and memory resources{whose} are mutable")]


def _fixed(new: Json, old: Json) -> bool:
    """Whether all but cpu and memory is as it was; what had no limits at all gets none."""

    def rest(amounts: Json) -> Json:
        return {name: value for name, value in amounts.items() if name not in _RESIZABLE}

    parts = ("limits", "requests")
    return new.get("claims") == old.get("claims") and all(
        rest(new.get(part) or {}) == rest(old.get(part) or {}) for part in parts
    )


def _restarts(container: Json) -> bool:
    return container.get("restartPolicy") == "Always"


def _resources(container: Json) -> Json:
    return container.get("resources") or {}
