"""How ingresses, network policies and the addresses of services are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import (
    AGE,
    MOST_LISTED,
    NAME,
    age,
    described,
    items,
    name,
    part,
    selector,
    table,
)
from k8slite.kinds.core.columns_network import load_balancer_addresses
from k8slite.kinds.kind import Column, Json, Table


def _ingress(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    ingress_class = spec.get("ingressClassName")
    return [
        name(obj),
        "<none>" if ingress_class is None else ingress_class,
        _hosts(items(spec, "rules")),
        load_balancer_addresses(part(obj, "status")),
        "80, 443" if items(spec, "tls") else "80",
        age(obj, now),
    ]


def _hosts(rules: Sequence[Any]) -> str:
    """The first hosts; what is more counts rules, whether they name a host or not."""
    hosts: list[str] = []
    for rule in rules:
        if len(hosts) == MOST_LISTED:
            return f"{','.join(hosts)} + {len(rules) - MOST_LISTED} more..."
        if rule.get("host"):
            hosts.append(rule["host"])
    return ",".join(hosts) or "*"


def _ingress_class(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    return [name(obj), spec.get("controller") or "", _parameters(spec), age(obj, now)]


def _parameters(spec: Mapping[str, Any]) -> str:
    found = spec.get("parameters")
    if found is None:
        return "<none>"
    group = found.get("apiGroup")
    kind = found.get("kind", "")
    return f"{kind if group is None else f'{kind}.{group}'}/{found.get('name', '')}"


def _ip_address(obj: Json, now: datetime) -> list[Any]:
    # Upstream gives the age too, though no column announces it.
    return [name(obj), _parent(part(obj, "spec").get("parentRef")), age(obj, now)]


def _parent(reference: Mapping[str, Any] | None) -> str:
    if reference is None:
        return "<none>"
    resource, group = reference.get("resource", ""), reference.get("group")
    where = [f"{resource}.{group}".lower() if group else resource.lower()]
    if reference.get("namespace"):
        where.append(reference["namespace"])
    return "/".join([*where, reference.get("name", "")])


def _network_policy(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), selector(part(obj, "spec").get("podSelector")), age(obj, now)]


def _service_cidr(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), ",".join(items(part(obj, "spec"), "cidrs")), age(obj, now)]


TABLES: Final[Mapping[str, Table]] = {
    "ingressclasses": table(
        _ingress_class,
        NAME,
        Column("Controller", description="Controller that is responsible for handling this class"),
        Column("Parameters", description="A reference to a resource with additional parameters"),
        AGE,
    ),
    "ingresses": table(
        _ingress,
        NAME,
        Column(
            "Class",
            description="The name of the IngressClass resource that should be used for additional "
            "configuration",
        ),
        Column(
            "Hosts",
            description="Hosts that incoming requests are matched against before the ingress rule",
        ),
        Column(
            "Address",
            description="Address is a list containing ingress points for the load-balancer",
        ),
        Column("Ports", description="Ports of TLS configurations that open"),
        AGE,
    ),
    "ipaddresses": table(
        _ip_address, NAME, described("ParentRef", "networking.v1.IPAddressSpec", "parentRef")
    ),
    "networkpolicies": table(
        _network_policy,
        NAME,
        described("Pod-Selector", "networking.v1.NetworkPolicySpec", "podSelector"),
        AGE,
    ),
    "servicecidrs": table(
        _service_cidr, NAME, described("CIDRs", "networking.v1.ServiceCIDRSpec", "cidrs"), AGE
    ),
}
