"""What network policies and ingresses get where nothing was said.

Mirrors `pkg/apis/networking/v1/defaults.go`.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def default_network_policy(policy: Json) -> None:
    """Ports are TCP; a policy is about what comes in, and what goes out if it says so."""
    spec = policy.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction, ()):
            for port in rule.get("ports", ()):
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def default_ingress(ingress: Json) -> None:
    """Spec and status are printed though empty."""
    ingress.setdefault("spec", {})
    ingress.setdefault("status", {}).setdefault("loadBalancer", {})


def default_ingress_class(ingress_class: Json) -> None:
    """Parameters without a scope are the cluster's."""
    parameters = ingress_class.setdefault("spec", {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")


def default_service_cidr(cidr: Json) -> None:
    """Spec and status are printed though empty."""
    cidr.setdefault("spec", {})
    cidr.setdefault("status", {})
