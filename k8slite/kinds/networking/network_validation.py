"""Network policies and ingress classes (upstream: `pkg/apis/networking/validation`)."""

from __future__ import annotations

import ipaddress
from typing import Any

from k8slite.kinds.core.container_validation import PROTOCOLS
from k8slite.kinds.core.probe_validation import validate_port
from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_cidr, is_qualified_name

Json = dict[str, Any]


def validate_network_policy(new: Json, _old: Json | None) -> list[Cause]:
    """A NetworkPolicy."""
    spec = new.get("spec", {})
    found = validate_label_selector(spec.get("podSelector"), "spec.podSelector")
    for direction, end in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(spec.get(direction, ())):
            at = f"spec.{direction}[{i}]"
            for j, port in enumerate(rule.get("ports", ())):
                found += _port(port, f"{at}.ports[{j}]")
            for j, peer in enumerate(rule.get(end, ())):
                found += _peer(peer, f"{at}.{end}[{j}]")
    kinds = spec.get("policyTypes", [])
    if len(kinds) > 2:
        text = "may not specify more than two policyTypes"
        return [*found, invalid("spec.policyTypes", kinds, text)]
    for i, kind in enumerate(kinds):
        if kind not in ("Egress", "Ingress"):
            at = f"spec.policyTypes[{i}]"
            found.append(not_supported(at, kind, ("Egress", "Ingress")))
    return found


def validate_ingress_class(new: Json, old: Json | None) -> list[Cause]:
    """An IngressClass, whose controller never changes."""
    controller = new.get("spec", {}).get("controller", "")
    if old is not None:
        before = old.get("spec", {}).get("controller", "")
        return immutable("spec.controller", controller, before)
    if not controller:
        return [required("spec.controller")]
    wrong = is_qualified_name(controller.rpartition("/")[2]) if "/" in controller else ["x"]
    if wrong:
        text = 'must be a domain-prefixed path (such as "acme.io/foo")'
        return [invalid("spec.controller", controller, text)]
    return []


def _port(port: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    protocol = port.get("protocol")
    if protocol is not None and protocol not in PROTOCOLS:
        found.append(not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    number, end = port.get("port"), port.get("endPort")
    if number is not None:
        found += validate_port(number, f"{path}.port")
    if end is not None:
        if number is None:
            text = "must be specified when `endPort` is specified"
            found.append(required(f"{path}.port", text))
        elif isinstance(number, str):
            text = "may not be specified when `port` is non-numeric"
            found.append(invalid(f"{path}.endPort", end, text))
        elif end < number:
            text = "must be greater than or equal to `port`"
            found.append(invalid(f"{path}.endPort", end, text))
    return found


def _peer(peer: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    given = 0
    for key in ("podSelector", "namespaceSelector"):
        if peer.get(key) is not None:
            given += 1
            found += validate_label_selector(peer[key], f"{path}.{key}")
    block = peer.get("ipBlock")
    if block is not None:
        given += 1
        found += _block(block, f"{path}.ipBlock")
    if not given:
        found.append(required(path, "must specify a peer"))
    elif given > 1 and block is not None:
        text = "may not specify both ipBlock and another peer"
        found.append(forbidden(path, text))
    return found


def _block(block: Json, path: str) -> list[Cause]:
    cidr = block.get("cidr", "")
    if not cidr:
        return [required(f"{path}.cidr")]
    wrong = is_cidr(cidr)
    if wrong:
        return each(f"{path}.cidr", cidr, wrong)
    found: list[Cause] = []
    outer = ipaddress.ip_network(cidr, strict=False)
    for i, one in enumerate(block.get("except", ())):
        at = f"{path}.except[{i}]"
        wrong = is_cidr(one)
        if wrong:
            found += each(at, one, wrong)
            continue
        inner = ipaddress.ip_network(one, strict=False)
        if (
            inner.version != outer.version
            or inner.prefixlen <= outer.prefixlen
            or inner.network_address not in outer
        ):
            found.append(invalid(at, one, "must be a strict subset of `cidr`"))
    return found
