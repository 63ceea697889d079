"""A pod's priority is its class's value.

Mirrors upstream's plugin Priority.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.objects.errors import Forbidden

Json = dict[str, Any]

_CLASSES: Final = "scheduling.k8s.io.priorityclasses/"
_NEVER_CHANGED: Final = ("priority", "preemptionPolicy")


@frozen
class Priority:
    """Upstream's plugin of that name."""

    storage: Storage
    resources: Sequence[str] = ("pods",)
    operations: Sequence[str] = ("CREATE", "UPDATE")
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        pod, old = attributes.new, attributes.old
        assert pod is not None
        spec = pod["spec"]
        if old is not None:
            # A replacement may leave out what admission once filled in.
            for name in _NEVER_CHANGED:
                if name not in spec and name in old["spec"]:
                    spec[name] = old["spec"][name]
            return
        name = spec.get("priorityClassName", "")
        found = self._class(name) if name else self._default_class()
        if name and found is None:
            raise _forbidden(pod, f"no PriorityClass with name {name} was found")
        value, policy = 0, "PreemptLowerPriority"
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
            value = found.get("value", 0)
            policy = found.get("preemptionPolicy", policy)
        if spec.get("priority", value) != value:
            raise _forbidden(
                pod,
                f"the integer value of priority ({spec['priority']}) must not be provided in pod "
                f"spec; priority admission controller computed {value} from the given "
                "PriorityClass name",
            )
        spec["priority"] = value
        spec.setdefault("preemptionPolicy", policy)

    def _class(self, name: str) -> Json | None:
        return self.storage.find(_CLASSES, "", name)

    def _default_class(self) -> Json | None:
        if self.storage.store.count(_CLASSES) <= _SYSTEM_CLASSES:
            return None  # only the two system classes, and they are never the default
        candidates = [c for _, c in self.storage.every(_CLASSES) if c.get("globalDefault")]
        return min(candidates, key=lambda c: c.get("value", 0), default=None)


def _forbidden(pod: Json, why: str) -> Forbidden:
    name = pod["metadata"].get("name", "")
    return Forbidden(f'pods "{name}" is forbidden: {why}', details={"name": name, "kind": "pods"})


_SYSTEM_CLASSES: Final = 2
