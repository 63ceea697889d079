"""Nodes and namespaces."""

from __future__ import annotations

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
    found: list[Cause] = []
    if spec.get("taints"):
        # Upstream forgets that taints are in the spec.
        found += validate_taints(spec["taints"], "metadata.taints")
    blocks = spec.get("podCIDRs", [])
    for i, block in enumerate(blocks):
        found += each(f"spec.podCIDRs[{i}]", block, is_cidr(block))
    if len(blocks) > 2:
        text = "may specify no more than one CIDR for each IP family"
        found.append(invalid("spec.podCIDRs", blocks, text))
    elif len(blocks) == 2 and blocks[0] == blocks[1]:
        found.append(duplicate("spec.podCIDRs[1]", blocks[1]))
    if old is None:
        return found
    before = old.get("spec", {})
    status = new.get("status", {})
    for kind in ("capacity", "allocatable"):
        for name, amount in status.get(kind, {}).items():
            found += validate_amount(name, amount, f"status.{kind}[{name}]")
    seen = before.get("podCIDRs")
    if seen and seen != blocks:
        text = 'node updates may not change podCIDR except from "" to valid'
        found.append(forbidden("spec.podCIDRs", text))
    if before.get("providerID") and before["providerID"] != spec.get("providerID", ""):
        text = 'node updates may not change providerID except from "" to valid'
        found.append(forbidden("spec.providerID", text))
    return found


def validate_namespace(new: Json, old: Json | None) -> list[Cause]:
    """A Namespace's finalizers are qualified names, or Kubernetes' own."""
    found: list[Cause] = []
    for name in new.get("spec", {}).get("finalizers", ()):
        found += each("spec.finalizers", name, is_qualified_name(name))
        if "/" not in name and name not in ("kubernetes", "orphan", "foregroundDeletion"):
            text = "name is neither a standard finalizer name nor is it fully qualified"
            found.append(invalid("spec.finalizers", name, text))
    return found
