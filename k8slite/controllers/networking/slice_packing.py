"""How endpoints are spread over the slices of a Service, with as few writes as can be.

Pure: existing slices and wanted endpoints go in, as JSON; what to create, update and delete comes
out. Upstream: `k8s.io/endpointslice` (Reconciler). Slices are not rebalanced: a slice that has to
be written anyway takes in what is new, else one slice that has room for all of it, else a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import Factory, define

from k8slite.objects.codec import dumps

Json = dict[str, Any]
EndpointKey = tuple[tuple[str, ...], str, str, str]

ENDPOINTS_MOST: Final = 100  # in one slice (upstream's --max-endpoints-per-slice)


@define
class Plan:
    """What is to be written; slices are whole objects, new ones without a name."""

    create: list[Json] = Factory(list)
    update: list[Json] = Factory(list)
    delete: list[Json] = Factory(list)

    def add(self, other: Plan) -> None:
        """Do also what another plan says."""
        self.create += other.create
        self.update += other.update
        self.delete += other.delete

    def reuse(self) -> None:
        """Turn a creation and a deletion into one update, as far as there are both."""
        while self.create and self.delete:
            made, spare = self.create.pop(), self.delete.pop(0)
            self.update.append({**made, "metadata": {**spare["metadata"], **made["metadata"]}})


def endpoint_key(endpoint: Json) -> EndpointKey:
    """What makes two endpoints the same one, in another state maybe."""
    reference = endpoint.get("targetRef") or {}
    return (
        tuple(sorted(endpoint["addresses"])),
        endpoint.get("hostname") or "",
        reference.get("namespace", ""),
        reference.get("name", ""),
    )


def port_key(ports: Sequence[Json] | None) -> bytes:
    """What makes two lists of ports the same, in whatever order; slices have one list each."""
    return dumps(
        sorted(
            [
                port.get("name") or "",
                port.get("protocol") or "TCP",
                port.get("port") or 0,
                port.get("appProtocol") or "",
            ]
            for port in ports or ()
        )
    )


def pack(
    existing: Sequence[Json],
    wanted: Mapping[EndpointKey, Json],
    template: Json,
    *,
    most: int = ENDPOINTS_MOST,
) -> Plan:
    """Fit the endpoints into slices that all have the same ports.

    `template` is a new slice without endpoints; its labels, and its annotations if it says any, are
    those that every slice should have.
    """
    left = dict(wanted)
    changed, unchanged, plan = [], [], Plan()
    for old in existing:
        kept, same = _kept(old, left)
        if not same and not kept:
            plan.delete.append(old)
        elif not same or not _labelled(old, template):
            changed.append(_with(old, kept, template))
        else:
            unchanged.append(old)
    _fill(changed, left, most)
    while left:
        slice_ = _roomy(unchanged, len(left), most)
        if slice_ is not None:
            unchanged.remove(slice_)
            slice_ = _with(slice_, list(slice_["endpoints"]), template)
            changed.append(slice_)
        else:
            slice_ = {**template, "endpoints": []}
            plan.create.append(slice_)
        _fill([slice_], left, most)
    plan.update = changed
    return plan


def same_labels(labels: Mapping[str, str] | None, template: Json) -> bool:
    """Whether a slice has the labels that it should have."""
    wanted: Mapping[str, str] = template["metadata"]["labels"]
    return (labels or {}) == wanted


def _kept(old: Json, left: dict[EndpointKey, Json]) -> tuple[list[Json], bool]:
    """The wanted ones among a slice's endpoints, taken out of `left`; whether nothing differs."""
    there = old.get("endpoints") or []
    kept = []
    same = True
    for endpoint in there:
        found = left.pop(endpoint_key(endpoint), None)
        if found is not None:
            kept.append(found)
            same = same and _comparable(endpoint) == found
    return kept, same and len(kept) == len(there)


def _labelled(old: Json, template: Json) -> bool:
    annotations = template["metadata"].get("annotations")
    if annotations is not None and (old["metadata"].get("annotations") or {}) != annotations:
        return False
    return same_labels(old["metadata"].get("labels"), template)


def _with(old: Json, endpoints: list[Json], template: Json) -> Json:
    wanted = template["metadata"]
    metadata = {**old["metadata"], "labels": wanted["labels"]}
    if "annotations" in wanted:
        metadata["annotations"] = wanted["annotations"]
    return {**old, "metadata": metadata, "endpoints": endpoints}


def _fill(slices: list[Json], left: dict[EndpointKey, Json], most: int) -> None:
    """Put what is left into slices, the fullest first."""
    for slice_ in sorted(slices, key=lambda one: -len(one["endpoints"])):
        for key in list(left)[: most - len(slice_["endpoints"])]:
            slice_["endpoints"].append(left.pop(key))


def _roomy(slices: Sequence[Json], count: int, most: int) -> Json | None:
    """The slice that is closest to full once `count` endpoints more are in it."""
    if count >= most:
        return None
    best = None
    for slice_ in slices:
        size = len(slice_.get("endpoints") or ()) + count
        if size <= most and (best is None or size > best[0]):
            best = (size, slice_)
    return best[1] if best else None


def _comparable(endpoint: Json) -> Json:
    """An endpoint as it would be written: a pod's resourceVersion is no reason for a write."""
    reference = endpoint.get("targetRef")
    if reference and "resourceVersion" in reference:
        kept = {key: value for key, value in reference.items() if key != "resourceVersion"}
        return {**endpoint, "targetRef": kept}
    return endpoint
