"""Network policies and ingress classes (upstream: `pkg/apis/networking/validation`)."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from k8slite.kinds.core.container_validation import PROTOCOLS
from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.kinds.networking.ingress_validation import validate_typed_reference
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required, too_long
from k8slite.objects.metadata_validation import domain_prefixed, each, immutable
from k8slite.objects.names import is_cidr, is_dns1123_label, is_port_name, is_port_number

Json = dict[str, Any]

_CONTROLLER_MOST: Final = 250


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
    spec = new.get("spec") or {}
    controller, at = spec.get("controller", ""), "spec.controller"
    found: list[Cause] = []
    if old is not None:
        found += immutable(at, controller, (old.get("spec") or {}).get("controller", ""))
    if len(controller.encode()) > _CONTROLLER_MOST:
        found.append(too_long(at, _CONTROLLER_MOST))
    found += domain_prefixed(at, controller)
    if spec.get("parameters") is not None:
        found += _parameters(spec["parameters"], "spec.parameters")
    return found


def _parameters(parameters: Json, path: str) -> list[Cause]:
    found = validate_typed_reference(parameters, path)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    at = f"{path}.namespace"
    if scope is None:
        found.append(required(f"{path}.scope"))
    elif scope not in ("Cluster", "Namespace"):
        found.append(not_supported(f"{path}.scope", scope, ("Cluster", "Namespace")))
    elif scope == "Cluster":
        if namespace is not None:
            found.append(forbidden(at, "`parameters.scope` is set to 'Cluster'"))
    elif namespace is None:
        found.append(required(at, "`parameters.scope` is set to 'Namespace'"))
    else:
        found += each(at, namespace, is_dns1123_label(namespace))
    return found


def _port(port: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    protocol = port.get("protocol")
    if protocol is not None and protocol not in PROTOCOLS:
        found.append(not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    number, end = port.get("port"), port.get("endPort")
    at = f"{path}.endPort"
    if number is None:
        if end is not None:
            found.append(invalid(at, end, "may not be specified when `port` is not specified"))
    elif isinstance(number, str):
        if end is not None:
            found.append(invalid(at, end, "may not be specified when `port` is non-numeric"))
        found += each(f"{path}.port", number, is_port_name(number))
    else:
        found += each(f"{path}.port", number, is_port_number(number))
        if end is not None:
            if end < number:
                # Upstream shows the port.
                text = "must be greater than or equal to `port`"
                found.append(invalid(at, number, text))
            found += each(at, end, is_port_number(end))
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
