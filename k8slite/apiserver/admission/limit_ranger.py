"""A namespace's LimitRanges: what containers ask for where they do not say, and what they may.

Mirrors upstream's plugin LimitRanger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.kinds.usage import ONE, pod_requests, text
from k8slite.objects.quantity import canonical, nano

Json = dict[str, Any]
Quantities = dict[str, str]

_RANGES: Final = "limitranges/"
_ANNOTATION: Final = "kubernetes.io/limit-ranger"


@frozen
class LimitRanger:
    """Upstream's plugin of that name."""

    storage: Storage
    resources: Sequence[str] = ("pods", "persistentvolumeclaims")
    operations: Sequence[str] = ("CREATE", "UPDATE")
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        if attributes.operation != "CREATE" or attributes.asked.kind.plural != "pods":
            return
        pod = attributes.new
        assert pod is not None
        for limit_range in self._ranges(attributes):
            _fill_in(pod, limit_range)

    async def validate(self, attributes: Attributes) -> None:
        obj, plural = attributes.new, attributes.asked.kind.plural
        assert obj is not None
        if attributes.operation == "UPDATE" and plural == "pods":
            return  # what its containers ask for does not change
        complain = _pod_complaints if plural == "pods" else _claim_complaints
        for limit_range in self._ranges(attributes):
            found = [
                complaint
                for item in (limit_range.get("spec") or {}).get("limits") or ()
                for complaint in complain(item, obj)
            ]
            if found:
                told = found[0] if len(found) == 1 else f"[{', '.join(dict.fromkeys(found))}]"
                raise forbidden(attributes, told)

    def _ranges(self, attributes: Attributes) -> Iterator[Json]:
        if self.storage.store.count(_RANGES):
            for _, found in self.storage.every(f"{_RANGES}{attributes.asked.namespace}/"):
                yield found


def _fill_in(pod: Json, limit_range: Json) -> None:
    """Give containers the defaults of a range, and tell so in an annotation."""
    defaults: dict[str, Quantities] = {"requests": {}, "limits": {}}
    for item in (limit_range.get("spec") or {}).get("limits") or ():
        if item.get("type") == "Container":
            defaults["requests"] |= item.get("defaultRequest") or {}
            defaults["limits"] |= item.get("default") or {}
    told: list[str] = []
    for field, prefix in (("containers", "container"), ("initContainers", "init container")):
        for container in pod["spec"].get(field) or ():
            for part, word in (("requests", "request"), ("limits", "limit")):
                resources = container.get("resources") or {}
                known = resources.get(part) or {}
                added = sorted(name for name in defaults[part] if name not in known)
                if added:
                    more = {name: defaults[part][name] for name in added}
                    container["resources"] = {**resources, part: {**known, **more}}
                    told.append(f"{', '.join(added)} {word} for {prefix} {container['name']}")
    if told:
        metadata = pod["metadata"]
        text = f"LimitRanger plugin set: {'; '.join(told)}"
        metadata["annotations"] = {**(metadata.get("annotations") or {}), _ANNOTATION: text}


def _pod_complaints(item: Json, pod: Json) -> Iterator[str]:
    spec = pod["spec"]
    if item.get("type") == "Container":
        for container in [*spec.get("containers", ()), *spec.get("initContainers", ())]:
            resources = container.get("resources") or {}
            requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
            yield from _complaints(item, requests, limits)
    elif item.get("type") == "Pod":
        parts = [
            {name: text(name, value) for name, value in pod_requests(pod, part).items()}
            for part in ("requests", "limits")
        ]
        yield from _complaints(item, parts[0], parts[1])


def _claim_complaints(item: Json, claim: Json) -> Iterator[str]:
    if item.get("type") != "PersistentVolumeClaim":
        return
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    for name, least in (item.get("min") or {}).items():
        yield from _minimum(item["type"], name, least, requests, {})
    for name, most in (item.get("max") or {}).items():
        begin = f"maximum {name} usage per {item['type']} is {canonical(most)}"
        if name not in requests:
            yield f"{begin}.  No request is specified"
        elif nano(requests[name]) > nano(most):
            yield f"{begin}, but request is {canonical(requests[name])}"


def _complaints(item: Json, requests: Quantities, limits: Quantities) -> Iterator[str]:
    kind = item["type"]
    for name, least in (item.get("min") or {}).items():
        yield from _minimum(kind, name, least, requests, limits)
    for name, most in (item.get("max") or {}).items():
        begin = f"maximum {name} usage per {kind} is {canonical(most)}"
        if name not in limits:
            yield f"{begin}.  No limit is specified"
        elif nano(limits[name]) > nano(most):
            yield f"{begin}, but limit is {canonical(limits[name])}"
        elif name in requests and nano(requests[name]) > nano(most):
            yield f"{begin}, but request is {canonical(requests[name])}"
    for name, most in (item.get("maxLimitRequestRatio") or {}).items():
        begin = f"{name} max limit to request ratio per {kind} is {canonical(most)}, but "
        if not nano(requests.get(name, "0")):
            yield f"{begin}no request is specified or request is 0"
        elif not nano(limits.get(name, "0")):
            yield f"{begin}no limit is specified or limit is 0"
        elif nano(limits[name]) * ONE > nano(most) * nano(requests[name]):
            yield f"{begin}provided ratio is {nano(limits[name]) / nano(requests[name]):f}"


def _minimum(
    kind: str, name: str, least: str, requests: Quantities, limits: Quantities
) -> Iterator[str]:
    begin = f"minimum {name} usage per {kind} is {canonical(least)}"
    if name not in requests:
        yield f"{begin}.  No request is specified"
    elif nano(requests[name]) < nano(least):
        yield f"{begin}, but request is {canonical(requests[name])}"
    elif name in limits and nano(limits[name]) < nano(least):
        yield f"{begin}, but limit is {canonical(limits[name])}"
