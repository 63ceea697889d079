"""Rules for changes and statuses of Nodes, Namespaces and Services."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.kinds.oracle_cases import strategies
from tests.kinds.test_validation_rules import shown

Json = dict[str, Any]


def status(plural: str, new: Json, old: Json | None = None) -> list[str]:
    return shown(strategies("core")[plural].validate_status({"metadata": {}, **new}, old))


NODES: list[tuple[Json, Json, list[str]]] = [
    ({"spec": {"podCIDRs": ["10.0.0.0/24"]}}, {}, []),
    (
        {"spec": {"podCIDRs": ["10.0.0.0/24"]}},
        {"spec": {"podCIDRs": ["10.0.1.0/24"]}},
        ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
    ),
    (
        {"spec": {"providerID": "b", "externalID": "x"}},
        {"spec": {"providerID": "a"}},
        [
            'spec.providerID: Forbidden: node updates may not change providerID except from ""',
            "spec.externalID: Forbidden: may not be updated",
        ],
    ),
    (
        {
            "status": {
                "capacity": {"cpu": "-1", "pods": "1500m"},
                "addresses": [{"type": "Hostname", "address": "a"}] * 2,
            }
        },
        {},
        [
            'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
            'status.capacity.pods: Invalid value: "1500m": must be an integer',
            'status.addresses[1]: Duplicate value: {"Type":"Hostname","Address":"a"}',
        ],
    ),
]


@pytest.mark.parametrize(("new", "old", "expected"), NODES)
def test_a_node_and_its_status(new: Json, old: Json, expected: list[str]) -> None:
    _match(status("nodes", new, {"metadata": {}, **old}), expected)


def test_networks_of_a_node() -> None:
    spec = {"podCIDRs": ["10.0.0.0/24", "10.0.0.0/24"]}
    _match(
        shown(strategies("core")["nodes"].validate({"metadata": {}, "spec": spec}, None)),
        [
            'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.0.0/24"]: may specify no more than',
            'spec.podCIDRs[1]: Duplicate value: "10.0.0.0/24"',
        ],
    )


def test_phases_of_a_namespace() -> None:
    gone = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert status("namespaces", {"status": {"phase": "Active"}}) == []
    assert status("namespaces", {"status": {"phase": "Terminating"}, **gone}) == []
    assert status("namespaces", {"status": {"phase": "Terminating"}}) == [
        "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if "
        "`deletionTimestamp` is empty"
    ]
    assert status("namespaces", {"status": {"phase": "Active"}, **gone}) == [
        "status.Phase: Invalid value: \"Active\": may only be 'Terminating' if "
        "`deletionTimestamp` is not empty"
    ]


BALANCERS: list[tuple[str, Json, list[str]]] = [
    ("LoadBalancer", {"ip": "10.0.0.1", "ipMode": "VIP"}, []),
    ("LoadBalancer", {"hostname": "a.b"}, []),
    (
        "ClusterIP",
        {"hostname": "a.b"},
        ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadB"],
    ),
    (
        "LoadBalancer",
        {"ip": "x", "hostname": "10.0.0.1"},
        [
            'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address',
            "status.loadBalancer.ingress[0].ipMode: Required value: must be specified when `ip`",
            'status.loadBalancer.ingress[0].hostname: Invalid value: "10.0.0.1": must be a DNS',
        ],
    ),
    (
        "LoadBalancer",
        {"ip": "10.0.0.1", "ipMode": "x"},
        ['status.loadBalancer.ingress[0].ipMode: Unsupported value: "x": supported values: "P'],
    ),
    (
        "LoadBalancer",
        {"ipMode": "VIP"},
        ["status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is"],
    ),
]


@pytest.mark.parametrize(("kind", "ingress", "expected"), BALANCERS)
def test_where_a_load_balancer_is(kind: str, ingress: Json, expected: list[str]) -> None:
    new = {"spec": {"type": kind}, "status": {"loadBalancer": {"ingress": [ingress]}}}
    _match(status("services", new), expected)


BOTH: Json = {
    "type": "ClusterIP",
    "clusterIP": "10.96.0.5",
    "clusterIPs": ["10.96.0.5", "fd00::5"],
    "ipFamilies": ["IPv4", "IPv6"],
    "ipFamilyPolicy": "RequireDualStack",
    "internalTrafficPolicy": "Cluster",
    "sessionAffinity": "None",
    "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
}
CHANGES: list[tuple[Callable[[Json], Any], list[str]]] = [
    (
        lambda s: s.update(clusterIPs=["10.96.0.5", "fd00::6"]),
        ['spec.clusterIPs[1]: Invalid value: ["10.96.0.5","fd00::6"]: may not change once set'],
    ),
    (
        lambda s: s.update(clusterIPs=["10.96.0.5"], ipFamilies=["IPv4"]),
        [
            'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to',
            'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to',
        ],
    ),
    (
        lambda s: s.update(
            clusterIPs=["10.96.0.5"], ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack"
        ),
        [],
    ),
    (
        lambda s: s.update(clusterIP="10.96.0.6", clusterIPs=["10.96.0.6", "fd00::5"]),
        ['spec.clusterIPs[0]: Invalid value: ["10.96.0.6","fd00::5"]: may not change once set'],
    ),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_a_changed_service(change: Callable[[Json], None], expected: list[str]) -> None:
    old: Json = {"metadata": {"name": "s"}, "spec": BOTH}
    new = json.loads(json.dumps(old))
    change(new["spec"])
    _match(shown(strategies("core")["services"].validate(new, old)), expected)


def test_two_annotations_for_one_thing() -> None:
    names = ("topology-mode", "topology-aware-hints")
    annotations = {f"service.kubernetes.io/{name}": name for name in names}
    new = {"metadata": {"annotations": annotations}, "spec": BOTH}
    (found,) = shown(strategies("core")["services"].validate(new, None))
    assert found.startswith("metadata.annotations[service.kubernetes.io/topology-mode]: Invalid")


def _match(found: list[str], expected: list[str]) -> None:
    assert len(found) == len(expected), found
    for told, wanted in zip(found, expected, strict=True):
        assert told.startswith(wanted), (told, wanted)
