"""What the status of a namespace says of its deletion: five conditions, in upstream's words.

Pure. Upstream: `pkg/controller/namespace/deletion/status_condition_utils.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import Factory, define

from k8slite.objects.meta import find_condition

Json = dict[str, Any]


@define
class Findings:
    """What one attempt to empty a namespace has come across."""

    discovery: list[tuple[str, str]] = Factory(list)  # groups and versions that failed, and why
    parsing: str = ""
    errors: list[str] = Factory(list)
    # How many objects are left of each resource ("pods.", "deployments.apps"), and how many wait
    # for each finalizer.
    resources: dict[str, int] = Factory(dict)
    finalizers: dict[str, int] = Factory(dict)

    @property
    def remaining(self) -> int:
        return sum(self.resources.values())

    def conditions(self, existing: Sequence[Mapping[str, Any]], now: str) -> list[Json] | None:
        """The conditions that the namespace should have; None when it has them."""
        failures = self._failures()
        found = [dict(condition) for condition in existing]
        changed = False
        for type_, (reason, message) in _FINE.items():
            wanted: Json = {"type": type_, "status": "False", "reason": reason, "message": message}
            if type_ in failures:
                reason, message = failures[type_]
                wanted |= {"status": "True", "reason": reason, "message": message}
            old = find_condition(found, type_)
            if old is None:
                found.append({**wanted, "lastTransitionTime": now})
                changed = True
            elif any(old.get(key) != value for key, value in wanted.items()):
                moment = now if old.get("status") != wanted["status"] else old["lastTransitionTime"]
                found[found.index(dict(old))] = {**wanted, "lastTransitionTime": moment}
                changed = True
        return found if changed else None

    def _failures(self) -> dict[str, tuple[str, str]]:
        found = {}
        if self.discovery:
            causes = ", ".join(f"{name}: {why}" for name, why in sorted(self.discovery))
            found["NamespaceDeletionDiscoveryFailure"] = (
                "DiscoveryFailed",
                f"Discovery failed for some groups, {len(self.discovery)} failing: "
                f"unable to retrieve the complete list of server APIs: {causes}",
            )
        if self.parsing:
            found["NamespaceDeletionGroupVersionParsingFailure"] = (
                "GroupVersionParsingFailed",
                self.parsing,
            )
        if self.errors:
            found["NamespaceDeletionContentFailure"] = (
                "ContentDeletionFailed",
                f"Failed to delete all resource types, {len(self.errors)} remaining: "
                + ", ".join(sorted(self.errors)),
            )
        resources = sorted(
            f"{name} has {count} resource instances" for name, count in self.resources.items()
        )
        if resources:
            found["NamespaceContentRemaining"] = (
                "SomeResourcesRemain",
                "Some resources are remaining: " + ", ".join(resources),
            )
        finalizers = sorted(
            f"{name} in {count} resource instances" for name, count in self.finalizers.items()
        )
        if finalizers:
            found["NamespaceFinalizersRemaining"] = (
                "SomeFinalizersRemain",
                "Some content in the namespace has finalizers remaining: " + ", ".join(finalizers),
            )
        return found


# In upstream's order; the reason and message of each when all is well.
_FINE: Mapping[str, tuple[str, str]] = {
    "NamespaceDeletionDiscoveryFailure": (
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": (
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
}
