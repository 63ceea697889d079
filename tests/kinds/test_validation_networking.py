"""Rules for Ingresses, network policies, addresses and endpoints, in upstream's words and order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.kinds.oracle_cases import strategies
from tests.kinds.test_validation_rules import new, shown, updated

Json = dict[str, Any]

NETWORKS = "networking"
SERVICE: Json = {"service": {"name": "s", "port": {"number": 80}}}
NO_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


def ports(*found: Json) -> Json:
    return {"spec": {"podSelector": {}, "ingress": [{"ports": list(found)}]}}


def routed(*paths: Json) -> Json:
    return {"spec": {"rules": [{"http": {"paths": list(paths)}}]}}


def default(backend: Json) -> Json:
    return {"spec": {"defaultBackend": backend}}


def parameters(**given: Any) -> Json:
    return {"spec": {"controller": "a.io/b", "parameters": {"kind": "K", "name": "n", **given}}}


def endpoint(kind: str, *addresses: str, **more: Any) -> Json:
    return {"addressType": kind, "endpoints": [{"addresses": list(addresses), **more}]}


CASES: list[tuple[str, str, Json, list[str]]] = [
    # NetworkPolicies
    (
        NETWORKS,
        "networkpolicies",
        ports({"port": 80, "endPort": 79}, {"port": 0, "endPort": 70000}),
        [
            "spec.ingress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to "
            "`port`",
            "spec.ingress[0].ports[1].port: Invalid value: 0: must be between 1 and 65535, "
            "inclusive",
            "spec.ingress[0].ports[1].endPort: Invalid value: 70000: must be between 1 and 65535, "
            "inclusive",
        ],
    ),
    (
        NETWORKS,
        "networkpolicies",
        ports({"port": "a-", "endPort": 1}, {"endPort": 1, "protocol": "x"}),
        [
            "spec.ingress[0].ports[0].endPort: Invalid value: 1: may not be specified when `port` "
            "is non-numeric",
            'spec.ingress[0].ports[0].port: Invalid value: "a-": must not begin or end with a '
            "hyphen",
            'spec.ingress[0].ports[1].protocol: Unsupported value: "x": supported values: "SCTP", '
            '"TCP", "UDP"',
            "spec.ingress[0].ports[1].endPort: Invalid value: 1: may not be specified when `port` "
            "is not specified",
        ],
    ),
    # Ingresses
    (
        NETWORKS,
        "ingresses",
        routed({"backend": {}}, {"pathType": "Exact", "path": "", "backend": {}}),
        [
            "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
            'spec.rules[0].http.paths[1].path: Invalid value: "": must be an absolute path',
            'spec.rules[0].http.paths[1].backend: Invalid value: "": resource or service backend '
            "is required",
        ],
    ),
    (
        NETWORKS,
        "ingresses",
        routed({"pathType": "Prefix", "path": "/a//b%2f/..", "backend": SERVICE}),
        [
            'spec.rules[0].http.paths[0].path: Invalid value: "/a//b%2f/..": must not contain '
            "'//'",
            'spec.rules[0].http.paths[0].path: Invalid value: "/a//b%2f/..": must not contain '
            "'%2f'",
            'spec.rules[0].http.paths[0].path: Invalid value: "/a//b%2f/..": cannot end with '
            "'/..'",
        ],
    ),
    (
        NETWORKS,
        "ingresses",
        default({"service": {"name": "s", "port": {"name": "p", "number": 1}}}),
        ['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
    ),
    (
        NETWORKS,
        "ingresses",
        default({"service": {"name": "s"}}),
        ["spec.defaultBackend: Required value: port name or number is required"],
    ),
    (
        NETWORKS,
        "ingresses",
        default({"resource": {"apiGroup": "A", "kind": "", "name": "a/b"}}),
        [
            f'spec.defaultBackend.resource.apiGroup: Invalid value: "A": {SUBDOMAIN}',
            "spec.defaultBackend.resource.kind: Required value: kind is required",
            "spec.defaultBackend.resource.name: Invalid value: \"a/b\": may not contain '/'",
        ],
    ),
    (
        NETWORKS,
        "ingresses",
        {"spec": {"defaultBackend": SERVICE, "tls": [{"secretName": "A"}]}},
        [f'spec.tls[0].secretName: Invalid value: "A": {SUBDOMAIN}'],
    ),
    (
        NETWORKS,
        "ingresses",
        {
            "metadata": {"name": "x", "annotations": {"kubernetes.io/ingress.class": "a"}},
            "spec": {"defaultBackend": SERVICE, "ingressClassName": "b"},
        },
        [
            'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match '
            "`ingressClassName` when both are specified"
        ],
    ),
    # IngressClasses
    (NETWORKS, "ingressclasses", {"spec": {}}, ["spec.controller: Required value"]),
    (
        NETWORKS,
        "ingressclasses",
        {"spec": {"controller": "a.io/" + "b" * 246}},
        ["spec.controller: Too long: may not be more than 250 bytes"],
    ),
    (NETWORKS, "ingressclasses", parameters(scope="Namespace", namespace="n"), []),
    (
        NETWORKS,
        "ingressclasses",
        parameters(scope="Namespace"),
        [
            "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
        ],
    ),
    (
        NETWORKS,
        "ingressclasses",
        parameters(scope="Cluster", namespace="n"),
        ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
    ),
    (
        NETWORKS,
        "ingressclasses",
        parameters(scope="x", name=""),
        [
            "spec.parameters.name: Required value: name is required",
            'spec.parameters.scope: Unsupported value: "x": supported values: "Cluster", '
            '"Namespace"',
        ],
    ),
    # Addresses
    (
        NETWORKS,
        "ipaddresses",
        {"metadata": {"name": "2001:DB8::1"}, "spec": {"parentRef": {"resource": "r",
                                                                    "name": "n"}}},
        ['metadata.name: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")'],
    ),
    (
        NETWORKS,
        "servicecidrs",
        {"spec": {"cidrs": ["10.0.0.1/16"]}},
        [
            'spec.cidrs[0]: Invalid value: "10.0.0.1/16": must not have bits set beyond the prefix '
            "length"
        ],
    ),
    (
        NETWORKS,
        "servicecidrs",
        {"spec": {"cidrs": ["10.0.0.0/16", "x"]}},
        [
            'spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/16","x"]}: may specify no more than '
            "one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        ],
    ),
    # EndpointSlices
    (
        "discovery",
        "endpointslices",
        endpoint("IPv4", "2001:db8::1", "127.0.0.1", "0.0.0.0", "x"),
        [
            'endpoints[0].addresses[0]: Invalid value: "2001:db8::1": must be an IPv4 address',
            'endpoints[0].addresses[2]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
            f'endpoints[0].addresses[3]: Invalid value: "x": {NO_IP}',
        ],
    ),
    (
        "discovery",
        "endpointslices",
        endpoint("FQDN", "example.com.", "example", ""),
        [
            'endpoints[0].addresses[1]: Invalid value: "example": should be a domain with at least '
            "two segments separated by dots",
            "endpoints[0].addresses[2]: Required value",
        ],
    ),
    (
        "discovery",
        "endpointslices",
        endpoint(
            "IPv4",
            "10.0.0.1",
            nodeName="A",
            hostname="a.b",
            hints={"forZones": [{"name": "z"}, {"name": "z"}], "forNodes": [{"name": "n"}] * 9},
        ),
        [
            f'endpoints[0].nodeName: Invalid value: "A": {SUBDOMAIN}',
            'endpoints[0].hostname: Invalid value: "a.b": must not contain dots',
            'endpoints[0].hints.forZones[1].name: Duplicate value: "z"',
            "endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items",
        ],
    ),
    (
        "discovery",
        "endpointslices",
        {"addressType": "IPv4", "endpoints": [], "ports": [{"name": "A"}, {"name": "A",
                                                                         "appProtocol": "a b"}]},
        [
            f'ports[0].name: Invalid value: "A": {LABEL}',
            f'ports[1].name: Invalid value: "A": {LABEL}',
            'ports[1].name: Duplicate value: "A"',
            'ports[1].appProtocol: Invalid value: "a b": name part must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character "
            "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ],
    ),
    (
        "core",
        "endpoints",
        {"subsets": [{"addresses": [{"ip": "169.254.1.1", "nodeName": "A"}]}]},
        [
            f'subsets[0].addresses[0].nodeName: Invalid value: "A": {SUBDOMAIN}',
            'subsets[0].addresses[0].ip: Invalid value: "169.254.1.1": may not be in the '
            "link-local range (169.254.0.0/16, fe80::/10)",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("group", "plural", "fields", "expected"), CASES)
def test_new_objects(group: str, plural: str, fields: Json, expected: list[str]) -> None:
    assert new(group, plural, **fields) == expected


UPDATES: list[tuple[str, Json, Callable[[Json], Any], list[str]]] = [
    (
        "ingressclasses",
        {"spec": {"controller": "a.io/b"}},
        lambda o: o["spec"].update(controller="c"),
        [
            'spec.controller: Invalid value: "c": field is immutable',
            'spec.controller: Invalid value: "c": must be a domain-prefixed path (such as '
            '"acme.io/foo")',
        ],
    ),
    (
        "servicecidrs",
        {"spec": {"cidrs": ["10.0.0.0/16"]}},
        lambda o: o["spec"].update(cidrs=["10.0.0.0/16", "fd00::/64"]),
        [],
    ),
    (
        "servicecidrs",
        {"spec": {"cidrs": ["10.0.0.0/16"]}},
        lambda o: o["spec"].update(cidrs=["10.1.0.0/16"]),
        ['spec.cidrs: Invalid value: ["10.1.0.0/16"]: field is immutable'],
    ),
]


@pytest.mark.parametrize(("plural", "body", "change", "expected"), UPDATES)
def test_updates(
    plural: str, body: Json, change: Callable[[Json], Any], expected: list[str]
) -> None:
    assert updated(NETWORKS, plural, change, **body) == expected


def test_an_ingress_is_reached_by_addresses_and_names() -> None:
    validate = strategies(NETWORKS)["ingresses"].validate_status
    ingress = [{"ip": "x"}, {"hostname": "10.0.0.1"}, {"ip": "10.0.0.1", "hostname": "a.b"}]
    found = validate({"status": {"loadBalancer": {"ingress": ingress}}}, {})
    assert shown(found) == [
        f'status.loadBalancer.ingress[0].ip: Invalid value: "x": {NO_IP}',
        'status.loadBalancer.ingress[1].hostname: Invalid value: "10.0.0.1": must be a DNS name, '
        "not an IP address",
    ]
