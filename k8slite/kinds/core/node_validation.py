"""Nodes and namespaces."""

from __future__ import annotations

import ipaddress
from typing import Any

from k8slite.kinds.core.resource_validation import validate_amount
from k8slite.kinds.core.selector_validation import validate_taints
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_cidr, is_qualified_name

Json = dict[str, Any]


def validate_node(new: Json, old: Json | None) -> list[Cause]:
    """A Node: taints and Pod networks, which are given once (upstream: `ValidateNode`)."""
    spec = new.get("spec", {})
    found = _taints(spec) + _amounts(new)
    blocks = spec.get("podCIDRs", [])
    for i, block in enumerate(blocks):
        found += each(f"spec.podCIDRs[{i}]", block, is_cidr(block))
    if len(blocks) > 1 and not found:
        families = {ipaddress.ip_network(block, strict=False).version for block in blocks}
        if len(blocks) > 2 or len(families) < 2:
            text = "may specify no more than one CIDR for each IP family"
            found.append(invalid("spec.podCIDRs", blocks, text))
        for i, block in enumerate(blocks):
            if block in blocks[:i]:
                found.append(duplicate(f"spec.podCIDRs[{i}]", block))
    return found if old is None else found + validate_node_status(new, old)


def validate_node_status(new: Json, old: Json | None) -> list[Cause]:
    """What an update of a Node or of its status may not do (upstream: `ValidateNodeUpdate`)."""
    spec, before = new.get("spec", {}), (old or {}).get("spec", {})
    found = _amounts(new)
    seen: list[Json] = []
    for i, address in enumerate(new.get("status", {}).get("addresses") or ()):
        if address in seen:
            shown = {"Type": address.get("type", ""), "Address": address.get("address", "")}
            found.append(duplicate(f"status.addresses[{i}]", shown))
        seen.append(address)
    blocks, old_blocks = spec.get("podCIDRs") or [], before.get("podCIDRs") or []
    text = 'node updates may not change podCIDR except from "" to valid'
    if old_blocks and len(blocks) != len(old_blocks):
        found.append(forbidden("spec.podCIDRs", text))
    else:
        pairs = zip(old_blocks, blocks, strict=False)
        found += [forbidden("spec.podCIDRs", text) for one, other in pairs if one != other]
    if before.get("providerID") and before["providerID"] != spec.get("providerID", ""):
        text = 'node updates may not change providerID except from "" to valid'
        found.append(forbidden("spec.providerID", text))
    found += _taints(spec)
    if spec.get("externalID", "") != before.get("externalID", ""):
        found.append(forbidden("spec.externalID", "may not be updated"))
    return found


def _taints(spec: Json) -> list[Cause]:
    # Upstream forgets that taints are in the spec.
    return validate_taints(spec["taints"], "metadata.taints") if spec.get("taints") else []


def _amounts(node: Json) -> list[Cause]:
    found: list[Cause] = []
    for kind in ("capacity", "allocatable"):
        for name, amount in sorted((node.get("status", {}).get(kind) or {}).items()):
            found += validate_amount(name, amount, f"status.{kind}.{name}")
    return found


def validate_namespace(new: Json, old: Json | None) -> list[Cause]:
    """A Namespace's finalizers are qualified names, or Kubernetes' own."""
    names = new.get("spec", {}).get("finalizers") or ()
    found: list[Cause] = []
    for i, name in enumerate(names):
        # An update is one of the subresource `finalize`, which tells which one is wrong.
        path = "spec.finalizers" if old is None else f"spec.finalizers[{i}]"
        found += each(path, name, is_qualified_name(name))
        if "/" not in name and name not in ("kubernetes", "orphan", "foregroundDeletion"):
            text = "name is neither a standard finalizer name nor is it fully qualified"
            found.append(invalid(path, name, text))
    return found


def validate_namespace_status(new: Json, _old: Json | None) -> list[Cause]:
    """A Namespace is Active until it is deleted, and Terminating from then on."""
    phase, deleted = new.get("status", {}).get("phase", ""), "deletionTimestamp" in new["metadata"]
    wanted, negation = ("Terminating", "not ") if deleted else ("Active", "")
    if phase == wanted:
        return []
    text = f"may only be '{wanted}' if `deletionTimestamp` is {negation}empty"
    return [invalid("status.Phase", phase, text)]
