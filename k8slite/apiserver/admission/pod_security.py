"""A namespace's labels say how restricted its pods must be.

`pod-security.kubernetes.io/enforce`, `warn` and `audit` name a level of the Pod Security Standards.
What violates `enforce` is refused; what violates `warn` is let in with a warning, and so are
workloads whose pods would. Mirrors `k8s.io/pod-security-admission/admission`. Versions other than
the newest are taken for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.kinds.core.pod_security import LEVELS, violations
from k8slite.objects.codec import loads
from k8slite.objects.errors import Cause
from k8slite.objects.fields import not_supported, quoted, refuse

Json = dict[str, Any]

_PREFIX: Final = "pod-security.kubernetes.io/"
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


@frozen
class PodSecurity:
    """Upstream's plugin of that name."""

    storage: Storage
    resources: Sequence[str] = ("pods", "namespaces", *_TEMPLATES)
    operations: Sequence[str] = ("CREATE", "UPDATE")
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None: ...

    async def validate(self, attributes: Attributes) -> None:
        resource = attributes.asked.kind.group_resource
        if resource == "namespaces":
            self._namespace(attributes)
            return
        stored = self.storage.store.get(f"namespaces/{attributes.asked.namespace}")
        if stored is None or _PREFIX.encode() not in stored.value:
            return  # most namespaces: nothing need be decoded
        labels = _labels(loads(stored.value))
        obj, old = attributes.new, attributes.old
        assert obj is not None
        if resource == "pods":
            if old is None or old["spec"] != obj["spec"]:
                self._enforce(attributes, labels, obj)
                self._warn(attributes, labels, obj)
            return
        template: Json | None = obj
        for part in _TEMPLATES[resource]:
            template = (template or {}).get(part)
        if template and template.get("spec"):
            self._warn(attributes, labels, template)

    def _enforce(self, attributes: Attributes, labels: Json, pod: Json) -> None:
        told = _told("enforce", labels, pod)
        if told:
            raise forbidden(attributes, f"violates {told}")

    def _warn(self, attributes: Attributes, labels: Json, pod: Json) -> None:
        told = _told("warn", labels, pod)
        if told:
            attributes.asked.warn(f"would violate {told}")

    def _namespace(self, attributes: Attributes) -> None:
        """Refuse levels that there are not; tell which pods a new one would not let in."""
        new, old = attributes.new, attributes.old
        assert new is not None
        labels, before = _labels(new), _labels(old)
        name = new["metadata"].get("name", "")
        causes: list[Cause] = []
        for mode in ("enforce", "audit", "warn"):
            level = labels.get(mode, "privileged")
            if level not in LEVELS and labels.get(mode) != before.get(mode):
                path = f"metadata.labels[{_PREFIX}{mode}]"
                causes.append(not_supported(path, level, LEVELS))
        if causes:
            raise refuse("Namespace", "", name, causes)
        level = labels.get("enforce", "privileged")
        if old is None or level == before.get("enforce", "privileged"):
            return
        reasons: dict[str, list[str]] = {}
        for _, pod in self.storage.every(f"pods/{name}/"):
            found = violations(level, pod["metadata"], pod["spec"])
            if found:
                told = ", ".join(one.reason for one in found)
                reasons.setdefault(told, []).append(pod["metadata"]["name"])
        if reasons:
            full = f"{level}:{labels.get('enforce-version', 'latest')}"
            attributes.asked.warn(
                f"existing pods in namespace {quoted(name)} violate the new PodSecurity enforce "
                f"level {quoted(full)}"
            )
            for told, pods in sorted(reasons.items(), key=lambda one: one[1][0]):
                others = (
                    f" (and {len(pods) - 1} other pods)"
                    if len(pods) > 2
                    else (" (and 1 other pod)" if len(pods) == 2 else "")
                )
                attributes.asked.warn(f"{pods[0]}{others}: {told}")


def _told(mode: str, labels: Json, pod: Json) -> str:
    """What keeps a pod from the level of a mode: `PodSecurity "baseline:latest": ...`; or ""."""
    level = labels.get(mode, "privileged")
    found = violations(level, pod.get("metadata") or {}, pod["spec"])
    if not found:
        return ""
    name = f"{level}:{labels.get(f'{mode}-version', 'latest')}"
    return f"PodSecurity {quoted(name)}: {', '.join(str(one) for one in found)}"


def _labels(namespace: Json | None) -> Json:
    """The labels about pod security, without their prefix."""
    found = ((namespace or {}).get("metadata") or {}).get("labels") or {}
    return {
        key.removeprefix(_PREFIX): value for key, value in found.items() if key.startswith(_PREFIX)
    }
