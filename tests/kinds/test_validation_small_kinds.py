"""Rules for the smaller kinds: storage, flow control, devices, addresses, certificates, events."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from k8slite.kinds.core.event_validation import validate_event, validate_new_event
from tests.kinds.test_validation_rules import new, shown, updated

Json = dict[str, Any]

STORAGE, FLOWS, DEVICES = "storage", "flowcontrol", "resource"
NETWORKS, CERTIFICATES, NODES = "networking", "certificates", "node"
ATTACHMENT: Json = {"attacher": "d", "nodeName": "n", "source": {"persistentVolumeName": "v"}}
DRIVER: Json = {"name": "d.e.com", "nodeID": "n"}
RULE: Json = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["*"]}
SUBJECT: Json = {"kind": "User", "user": {"name": "joe"}}
SCHEMA: Json = {
    "priorityLevelConfiguration": {"name": "p"},
    "rules": [{"subjects": [SUBJECT], "resourceRules": [RULE]}],
}
QUEUES: Json = {"type": "Queue", "queuing": {}}
LEVEL: Json = {"type": "Limited", "limited": {"limitResponse": QUEUES}}
EXACTLY: Json = {"deviceClassName": "gpu"}
CLAIM: Json = {"devices": {"requests": [{"name": "r", "exactly": EXACTLY}]}}
SLICE: Json = {
    "driver": "d.e.com",
    "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
    "nodeName": "n",
}


def queued(**queuing: int) -> Json:
    return {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": queuing}}}


def ruled(**changes: Any) -> Json:
    rule = {key: value for key, value in {**RULE, **changes}.items() if value is not None}
    return {**SCHEMA, "rules": [{"subjects": [SUBJECT], "resourceRules": [rule]}]}


def subject(**parts: Any) -> Json:
    return {**SCHEMA, "rules": [{"subjects": [parts], "resourceRules": [RULE]}]}


def requests(*found: Json) -> Json:
    return {"devices": {"requests": list(found)}}


CREATED: list[tuple[str, str, Json, list[str]]] = [
    (STORAGE, "volumeattachments", {"spec": ATTACHMENT}, []),
    (
        STORAGE,
        "volumeattachments",
        {"spec": {"attacher": "", "nodeName": "A", "source": {}}},
        [
            "spec.attacher: Required value",
            "spec.source: Required value: must specify exactly one of inlineVolumeSpec and "
            "persistentVolumeName",
            'spec.nodeName: Invalid value: "A": a lowercase RFC 1123 subdomain',
        ],
    ),
    (
        STORAGE,
        "volumeattachments",
        {"spec": {**ATTACHMENT, "source": {"persistentVolumeName": ""}}},
        [
            "spec.source.persistentVolumeName: Required value: must specify non empty "
            "persistentVolumeName"
        ],
    ),
    (STORAGE, "csinodes", {"spec": {"drivers": [DRIVER]}}, []),
    (
        STORAGE,
        "csinodes",
        {"spec": {"drivers": [DRIVER, {**DRIVER, "nodeID": "", "allocatable": {"count": -1}}]}},
        [
            "spec.drivers[1].nodeID: Required value",
            "spec.drivers[1].allocatable.count: Invalid value: -1: must be greater than or equal "
            "to 0",
            'spec.drivers[1].name: Duplicate value: "d.e.com"',
        ],
    ),
    (
        STORAGE,
        "csinodes",
        {"spec": {"drivers": [{**DRIVER, "topologyKeys": ["a", "a", "/"]}]}},
        [
            'spec.drivers[0]: Duplicate value: "a"',
            'spec.drivers[0].topologyKeys: Invalid value: "/": prefix part',
            'spec.drivers[0].topologyKeys: Invalid value: "/": name part',
            'spec.drivers[0].topologyKeys: Invalid value: "/": name part',
        ],
    ),
    (STORAGE, "csidrivers", {"spec": {}}, []),
    (
        STORAGE,
        "csidrivers",
        {
            "spec": {
                "fsGroupPolicy": "x",
                "volumeLifecycleModes": ["Eternal"],
                "tokenRequests": [{"audience": "a", "expirationSeconds": 1}, {"audience": "a"}],
            }
        },
        [
            'spec.fsGroupPolicy: Unsupported value: "x": supported values: "File", "None", '
            '"ReadWriteOnceWithFSType"',
            "spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a "
            "duration less than 10 minutes",
            'spec.tokenRequests[1].audience: Duplicate value: "a"',
            'spec.volumeLifecycleModes: Unsupported value: "Eternal": supported values: '
            '"Ephemeral", "Persistent"',
        ],
    ),
    (STORAGE, "csistoragecapacities", {"storageClassName": "c", "capacity": "1Gi"}, []),
    (
        STORAGE,
        "csistoragecapacities",
        {"storageClassName": "C", "maximumVolumeSize": "-1"},
        [
            'storageClassName: Invalid value: "C": a lowercase RFC 1123 subdomain',
            'maximumVolumeSize: Invalid value: "-1": must be greater than or equal to 0',
        ],
    ),
    (STORAGE, "volumeattributesclasses", {"driverName": "d", "parameters": {"a": "b"}}, []),
    (
        STORAGE,
        "volumeattributesclasses",
        {"driverName": ""},
        [
            "driverName: Required value",
            "parameters: Required value: must contain at least one key/value pair",
        ],
    ),
    (FLOWS, "flowschemas", {"spec": SCHEMA}, []),
    (
        FLOWS,
        "flowschemas",
        {"spec": {"matchingPrecedence": 10001, "priorityLevelConfiguration": {"name": ""}}},
        [
            "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000",
            "spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
        ],
    ),
    (
        FLOWS,
        "flowschemas",
        {"spec": {**SCHEMA, "matchingPrecedence": 1}},
        [
            "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have "
            "matchingPrecedence 1"
        ],
    ),
    (
        FLOWS,
        "flowschemas",
        {"spec": {**SCHEMA, "rules": [{}]}},
        [
            "spec.rules[0].subjects: Required value: subjects must contain at least one value",
            "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules "
            "has to be non-empty",
        ],
    ),
    (
        FLOWS,
        "flowschemas",
        {"spec": ruled(verbs=["*", "get"], apiGroups=None, resources=[], namespaces=None)},
        [
            'spec.rules[0].resourceRules[0].verbs: Invalid value: ["*","get"]: if \'*\' is '
            "present, must not specify other verbs",
            "spec.rules[0].resourceRules[0].apiGroups: Required value: resource rules must supply "
            "at least one api group",
            "spec.rules[0].resourceRules[0].resources: Required value: resource rules must supply "
            "at least one resource",
            "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are "
            "not cluster scoped must supply at least one namespace",
        ],
    ),
    (
        FLOWS,
        "flowschemas",
        {"spec": subject(kind="ServiceAccount", user={"name": "x"})},
        [
            "spec.rules[0].subjects[0].serviceAccount: Required value: serviceAccount is required "
            "when subject kind is 'ServiceAccount'",
            "spec.rules[0].subjects[0].user: Forbidden: user is forbidden when subject kind is "
            "not 'User'",
        ],
    ),
    (
        FLOWS,
        "flowschemas",
        {"spec": subject(kind="Robot")},
        [
            'spec.rules[0].subjects[0].kind: Unsupported value: "Robot": supported values: '
            '"Group", "ServiceAccount", "User"'
        ],
    ),
    (FLOWS, "prioritylevelconfigurations", {"spec": LEVEL}, []),
    (
        FLOWS,
        "prioritylevelconfigurations",
        {"spec": {"type": "Exempt", "limited": {}}},
        [
            "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is "
            "'exempt'",
            "spec.limited: Forbidden: must be nil if the type is not Limited",
        ],
    ),
    (
        FLOWS,
        "prioritylevelconfigurations",
        {"spec": queued(queues=4, handSize=5)},
        [
            "spec.limited.limitResponse.queuing.handSize: Invalid value: 5: should not be greater "
            "than queues (4)"
        ],
    ),
    (
        FLOWS,
        "prioritylevelconfigurations",
        {"spec": queued(queues=1024, handSize=8)},
        [
            "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: required entropy bits "
            "of deckSize 1024 and handSize 8 should not be greater than 60"
        ],
    ),
    (
        FLOWS,
        "prioritylevelconfigurations",
        {
            "spec": {
                "type": "Limited",
                "limited": {"limitResponse": {"type": "Reject"}, "lendablePercent": 101},
            }
        },
        ["spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive"],
    ),
    (DEVICES, "resourceclaims", {"spec": CLAIM}, []),
    (
        DEVICES,
        "resourceclaims",
        {"spec": requests({"name": "r"}, {"name": "r", "exactly": {}})},
        [
            "spec.devices.requests[0]: Required value: exactly one of `exactly` or "
            "`firstAvailable` is required",
            "spec.devices.requests[1].exactly.deviceClassName: Required value",
            'spec.devices.requests[1]: Duplicate value: "r"',
        ],
    ),
    (
        DEVICES,
        "resourceclaims",
        {"spec": requests({"name": "r", "exactly": {**EXACTLY, "allocationMode": "Some"}})},
        [
            'spec.devices.requests[0].exactly.allocationMode: Unsupported value: "Some": supported '
            'values: "All", "ExactCount"'
        ],
    ),
    (
        DEVICES,
        "resourceclaims",
        {"spec": {"devices": {**CLAIM["devices"], "config": [{"requests": ["x"]}]}}},
        [
            'spec.devices.config[0].requests[0]: Invalid value: "x": must be the name of a request '
            "in the claim",
            "spec.devices.config[0].opaque: Required value",
        ],
    ),
    (
        DEVICES,
        "deviceclasses",
        {"spec": {"selectors": [{}], "extendedResourceName": "cpu"}},
        [
            "spec.selectors[0].cel: Required value",
            'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource '
            "name",
        ],
    ),
    (DEVICES, "resourceslices", {"spec": SLICE}, []),
    (
        DEVICES,
        "resourceslices",
        {"spec": {**SLICE, "driver": "", "pool": {}, "allNodes": True}},
        [
            "spec.driver: Required value",
            "spec.pool.name: Required value",
            "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
            'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `allNodes`',
        ],
    ),
    (NETWORKS, "servicecidrs", {"spec": {"cidrs": ["10.0.0.0/16", "fd00::/64"]}}, []),
    (
        NETWORKS,
        "servicecidrs",
        {"spec": {"cidrs": ["10.0.0.0/16", "10.1.0.0/16"]}},
        ['spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/16","10.1.0.0/16"]}: may specify no more'],
    ),
    (NETWORKS, "servicecidrs", {"spec": {}}, ["spec.cidrs: Required value: at least one CIDR"]),
    (
        NETWORKS,
        "ipaddresses",
        {"spec": {"parentRef": {"resource": "", "name": "a/b"}}},
        [
            'metadata.name: Invalid value: "x": must be a valid IP address',
            "spec.parentRef.resource: Required value",
            "spec.parentRef.name: Invalid value: \"a/b\": may not contain '/'",
        ],
    ),
    (
        NODES,
        "runtimeclasses",
        {
            "handler": "h",
            "overhead": {"podFixed": {"cpu": "-1"}},
            "scheduling": {"nodeSelector": {"a b": ""}},
        },
        [
            'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
            'scheduling.nodeSelector: Invalid value: "a b": name part',
        ],
    ),
]


@pytest.mark.parametrize(("group", "plural", "fields", "expected"), CREATED)
def test_new_objects(group: str, plural: str, fields: Json, expected: list[str]) -> None:
    found = new(group, plural, **json.loads(json.dumps(fields)))
    assert len(found) == len(expected), found
    for one, begin in zip(found, expected, strict=True):
        assert one.startswith(begin), one


def put(*path: str) -> Callable[[Json], None]:
    """Write the last of the names under the others."""

    def change(obj: Json) -> None:
        for name in path[:-2]:
            obj = obj[name]
        obj[path[-2]] = path[-1]

    return change


CHANGED: list[tuple[str, str, Json, Callable[[Json], Any], list[str]]] = [
    (
        STORAGE,
        "volumeattachments",
        {"spec": ATTACHMENT},
        put("spec", "nodeName", "m"),
        ["spec: Invalid value: "],
    ),
    (
        STORAGE,
        "csinodes",
        {"spec": {"drivers": [DRIVER]}},
        lambda obj: obj["spec"]["drivers"][0].update(nodeID="m"),
        ["CSINodeDriver: Invalid value: "],
    ),
    (
        STORAGE,
        "csinodes",
        {"spec": {"drivers": [DRIVER]}},
        lambda obj: obj["spec"]["drivers"][0].update(allocatable={"count": 3}),
        [],
    ),
    (
        STORAGE,
        "csidrivers",
        {"spec": {}},
        lambda obj: obj["spec"].update(attachRequired=False),
        ["spec.attachedRequired: Invalid value: false: field is immutable"],
    ),
    (
        STORAGE,
        "csistoragecapacities",
        {"storageClassName": "c"},
        put("storageClassName", "d"),
        ['storageClassName: Invalid value: "d": field is immutable'],
    ),
    (
        STORAGE,
        "volumeattributesclasses",
        {"driverName": "d", "parameters": {"a": "b"}},
        put("parameters", "a", "c"),
        ["parameters: Forbidden: updates to parameters are forbidden."],
    ),
    (
        DEVICES,
        "resourceclaims",
        {"spec": CLAIM},
        lambda obj: obj["spec"]["devices"]["requests"].clear(),
        ["spec: Invalid value: "],
    ),
    (
        DEVICES,
        "resourceclaimtemplates",
        {"spec": {"spec": CLAIM}},
        lambda obj: obj["spec"].update(metadata={"labels": {"a": "b"}}),
        ["spec: Invalid value: "],
    ),
    (
        DEVICES,
        "resourceslices",
        {"spec": SLICE},
        put("spec", "nodeName", "m"),
        ['spec.nodeName: Invalid value: "m": field is immutable'],
    ),
    (
        NETWORKS,
        "servicecidrs",
        {"spec": {"cidrs": ["10.0.0.0/16"]}},
        lambda obj: obj["spec"]["cidrs"].append("fd00::/64"),
        [],
    ),
    (
        NETWORKS,
        "servicecidrs",
        {"spec": {"cidrs": ["10.0.0.0/16"]}},
        lambda obj: obj["spec"].update(cidrs=["10.1.0.0/16"]),
        ['spec.cidrs: Invalid value: ["10.1.0.0/16"]: field is immutable'],
    ),
]


@pytest.mark.parametrize(("group", "plural", "fields", "change", "expected"), CHANGED)
def test_changes(
    group: str, plural: str, fields: Json, change: Callable[[Json], Any], expected: list[str]
) -> None:
    found = updated(group, plural, change, **json.loads(json.dumps(fields)))
    assert len(found) == len(expected), found
    for one, begin in zip(found, expected, strict=True):
        assert one.startswith(begin), one


def test_requests_for_certificates() -> None:
    rubbish = base64.b64encode(b"rubbish").decode()
    found = new(
        CERTIFICATES,
        "certificatesigningrequests",
        spec={
            "request": rubbish,
            "signerName": "kubernetes.io/legacy-unknown",
            "usages": ["any", "any", "fun"],
            "expirationSeconds": 599,
        },
    )
    assert found[0].endswith("PEM block type must be CERTIFICATE REQUEST")
    assert found[1] == 'spec.usages[1]: Duplicate value: "any"'
    assert found[2].startswith('spec.usages[2]: Unsupported value: "fun"')
    assert found[3].endswith("the legacy signerName is not allowed via this API version")
    assert found[4].endswith("may not specify a duration less than 600 seconds (10 minutes)")
    for signer, told in (
        ("", "Required value"),
        ("x", "must be a fully qualified domain and path of the form 'example.com/signer-name'"),
        ("x/y", "should be a domain with at least two segments separated by dots"),
        ("e_.com/y", 'validating label "e_": '),
        ("e.com/Y", 'validating label "Y": '),
    ):
        spec = {"request": rubbish, "signerName": signer, "usages": ["any"]}
        found = new(CERTIFICATES, "certificatesigningrequests", spec=spec)
        assert told in found[1], found


EVENT: Json = {
    "metadata": {"namespace": "default"},
    "eventTime": "2026-01-01T00:00:00.000000Z",
    "type": "Normal",
    "reason": "R",
    "action": "A",
    "reportingComponent": "e.com/c",
    "reportingInstance": "i",
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"type": "Odd"}, ['type: Invalid value: "": has invalid value: Odd']),
        ({"count": 1}, ['count: Invalid value: "": needs to be unset']),
        ({"action": ""}, ["action: Required value"]),
        ({"reason": "x" * 129}, ['reason: Invalid value: "": can have at most 128 characters']),
        ({"reportingComponent": ""}, ["reportingController: Required value"]),
        ({"series": {"count": 1}}, ["series.count: Invalid", "series.lastObservedTime: Required"]),
    ],
)
def test_new_events(fields: Json, expected: list[str]) -> None:
    event = {**EVENT, **fields}
    found = shown([*validate_event(event, None), *validate_new_event(event, None)])
    found = [one for one in found if "name part" not in one]
    assert [one[: len(begin)] for one, begin in zip(found, expected, strict=True)] == expected


def test_events_hardly_change() -> None:
    after = {**EVENT, "reason": "S", "series": {"count": 2, "lastObservedTime": "T"}}
    found = shown(validate_new_event(after, EVENT))
    assert set(found) == {'reason: Invalid value: "S": field is immutable'}
