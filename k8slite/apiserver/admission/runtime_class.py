"""A pod's RuntimeClass says what it costs in addition, and where it can run.

Mirrors upstream's plugin RuntimeClass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.objects.fields import quoted
from k8slite.objects.quantity import nano

Json = dict[str, Any]

_CLASSES: Final = "node.k8s.io.runtimeclasses/"


@frozen
class RuntimeClass:
    """Upstream's plugin of that name."""

    storage: Storage
    resources: Sequence[str] = ("pods",)
    operations: Sequence[str] = ("CREATE",)
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        pod = attributes.new
        assert pod is not None
        spec = pod["spec"]
        found = self._class(attributes)
        overhead = ((found or {}).get("overhead") or {}).get("podFixed")
        if overhead:
            if spec.get("overhead") and not _same(spec["overhead"], overhead):
                raise forbidden(
                    attributes,
                    "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
                )
            spec["overhead"] = overhead
        scheduling = (found or {}).get("scheduling") or {}
        selector = dict(spec.get("nodeSelector") or {})
        for key, value in (scheduling.get("nodeSelector") or {}).items():
            if selector.get(key, value) != value:
                raise forbidden(
                    attributes,
                    f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                    f"pod.spec.nodeSelector[{key}] = {selector[key]}",
                )
            selector[key] = value
        if selector:
            spec["nodeSelector"] = selector
        known = spec.get("tolerations") or []
        added = [one for one in scheduling.get("tolerations") or () if one not in known]
        if added:
            spec["tolerations"] = [*known, *added]

    async def validate(self, attributes: Attributes) -> None:
        pod = attributes.new
        assert pod is not None
        found = self._class(attributes)
        overhead = ((found or {}).get("overhead") or {}).get("podFixed") or {}
        if not _same(pod["spec"].get("overhead") or {}, overhead):
            text = (
                "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
                if found is not None
                else "pod rejected: Pod Overhead set without corresponding RuntimeClass defined "
                "Overhead"
            )
            raise forbidden(attributes, text)

    def _class(self, attributes: Attributes) -> Json | None:
        assert attributes.new is not None
        name = attributes.new["spec"].get("runtimeClassName") or ""
        if not name:
            return None
        found = self.storage.find(_CLASSES, "", name)
        if found is None:
            raise forbidden(attributes, f"pod rejected: RuntimeClass {quoted(name)} not found")
        return found


def _same(one: Json, other: Json) -> bool:
    return one.keys() == other.keys() and all(nano(one[key]) == nano(other[key]) for key in one)
