"""A namespace's labels say how restricted its pods must be.

`pod-security.kubernetes.io/enforce`, `warn` and `audit` name a level of the Pod Security Standards,
and `...-version` the version of it. What violates `enforce` is refused; what violates `warn` is let
in with a warning, and so are workloads whose pods would; what violates `audit` is noted. Mirrors
`k8s.io/pod-security-admission/admission`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.admission.pod_security_labels import (
    PREFIX,
    Levels,
    LevelVersion,
    read_levels,
)
from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.kinds.core.pod_security import LEVELS, violations
from k8slite.kinds.core.pod_security_view import Violation
from k8slite.objects.codec import loads
from k8slite.objects.fields import quoted, refuse

Json = dict[str, Any]

# Where a workload's pods are described.
_TEMPLATES: Final = {
    "replicationcontrollers": ("spec", "template"),
    "podtemplates": ("template",),
    "replicasets.apps": ("spec", "template"),
    "deployments.apps": ("spec", "template"),
    "statefulsets.apps": ("spec", "template"),
    "daemonsets.apps": ("spec", "template"),
    "jobs.batch": ("spec", "template"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template"),
}
# Subresources of pods that change nothing of what is looked at.
_IGNORED: Final = frozenset(("binding", "eviction", "status"))
_PROFILES: Final = (
    "container.apparmor.security.beta.kubernetes.io/",
    "seccomp.security.alpha.kubernetes.io/",
)
_PODS_MOST: Final = 3000  # of a namespace that are looked at when its level changes, as upstream


@frozen
class PodSecurity:
    """Upstream's plugin of that name."""

    storage: Storage
    minor: int  # of the cluster's version: what "latest" means
    resources: Sequence[str] = ("pods", "namespaces", *_TEMPLATES)
    operations: Sequence[str] = ("CREATE", "UPDATE")
    subresources: bool = True

    async def validate(self, attributes: Attributes) -> None:
        resource, subresource = attributes.asked.kind.group_resource, attributes.asked.subresource
        if subresource and (resource != "pods" or subresource in _IGNORED):
            return
        if resource == "namespaces":
            self._namespace(attributes)
            return
        stored = self.storage.store.get(f"namespaces/{attributes.asked.namespace}")
        if stored is None or PREFIX.encode() not in stored.value:
            return  # most namespaces: nothing need be decoded
        levels = read_levels(loads(stored.value)["metadata"].get("labels") or {}, self.minor)
        obj, old = attributes.new, attributes.old
        assert obj is not None
        if resource == "pods":
            if old is None or _is_significant(obj, old):
                self._evaluate(attributes, levels, obj, enforce=True)
            return
        template: Json | None = obj
        for part in _TEMPLATES[resource]:
            template = (template or {}).get(part)
        if template and template.get("spec"):
            self._evaluate(attributes, levels, template, enforce=False)

    def _evaluate(
        self, attributes: Attributes, levels: Levels, pod: Json, *, enforce: bool
    ) -> None:
        """Raises Forbidden; else warns, and notes what the audit level says."""
        note = attributes.asked.note
        if levels.causes:
            listed = "; ".join(f"{one.field}: {one.message}" for one in levels.causes)
            note(f"{PREFIX}error", f"Failed to parse policy: {listed}")
        found = _violations(levels.enforce, pod) if enforce else []
        if enforce:
            note(f"{PREFIX}enforce-policy", str(levels.enforce))
        noted = _told(levels.audit, pod)
        if noted:
            note(f"{PREFIX}audit-violations", f"would violate {noted}")
        if found:
            raise forbidden(attributes, f"violates {_told(levels.enforce, pod)}")
        told = _told(levels.warn, pod)
        if told:
            attributes.asked.warn(f"would violate {told}")

    def _namespace(self, attributes: Attributes) -> None:
        """Refuse levels that there are not; tell which pods a new one would not let in."""
        new, old = attributes.new, attributes.old
        assert new is not None
        levels = read_levels(new["metadata"].get("labels") or {}, self.minor)
        before = None
        if old is not None:
            before = read_levels(old["metadata"].get("labels") or {}, self.minor)
        name = new["metadata"].get("name", "")
        if levels.causes and (before is None or levels.causes != before.causes):
            raise refuse("Namespace", "", name, levels.causes)
        enforce = levels.enforce
        if before is None or enforce == before.enforce or enforce.level == "privileged":
            return
        is_relaxed = LEVELS.index(enforce.level) <= LEVELS.index(before.enforce.level)
        if enforce.version == before.enforce.version and is_relaxed:
            return
        for text in self._existing(name, enforce):
            attributes.asked.warn(text)

    def _existing(self, namespace: str, enforce: LevelVersion) -> list[str]:
        """Warnings about pods that are there and would not be let in now."""
        pods = list(self.storage.every(f"pods/{namespace}/"))
        reasons: dict[str, list[str]] = {}
        for _, pod in pods[:_PODS_MOST]:
            found = _violations(enforce, pod)
            if found:
                told = ", ".join(one.reason for one in found)
                reasons.setdefault(told, []).append(pod["metadata"]["name"])
        warnings = []
        if len(pods) > _PODS_MOST:
            warnings.append(
                "new PodSecurity enforce level only checked against the first "
                f"{_PODS_MOST} of {len(pods)} existing pods"
            )
        if reasons:
            warnings.append(
                f"existing pods in namespace {quoted(namespace)} violate the new PodSecurity "
                f"enforce level {quoted(str(enforce))}"
            )
        return warnings + sorted(f"{_who(names)}: {told}" for told, names in reasons.items())


def _violations(wanted: LevelVersion, pod: Json) -> list[Violation]:
    return violations(wanted.level, pod.get("metadata") or {}, pod["spec"], wanted.minor)


def _told(wanted: LevelVersion, pod: Json) -> str:
    """What keeps a pod from a level: `PodSecurity "baseline:latest": ...`; or ""."""
    found = _violations(wanted, pod)
    if not found:
        return ""
    return f"PodSecurity {quoted(str(wanted))}: {', '.join(str(one) for one in found)}"


def _who(names: list[str]) -> str:
    others = len(names) - 1
    if not others:
        return names[0]
    return f"{names[0]} (and {others} other pod{'s' if others > 1 else ''})"


def _is_significant(pod: Json, old: Json) -> bool:
    """Whether a change can make a pod violate what it has not (`isSignificantPodUpdate`)."""
    return _telling(pod) != _telling(old)


def _telling(pod: Json) -> tuple[list[str], list[Json], Json]:
    """What of a running pod may be changed and is looked at."""
    spec, annotations = pod["spec"], pod["metadata"].get("annotations") or {}
    images = [
        one["image"] for part in ("initContainers", "containers") for one in spec.get(part) or ()
    ]
    profiles = {key: value for key, value in annotations.items() if key.startswith(_PROFILES)}
    return images, spec.get("ephemeralContainers") or [], profiles
