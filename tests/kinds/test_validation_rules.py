"""Rules for metadata, workloads, Services and the smaller kinds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from k8slite.kinds.batch.cron_validation import schedule_complaint
from k8slite.kinds.kind import Strategy
from k8slite.objects.metadata_validation import validate_metadata
from tests.kinds.oracle_cases import created, strategies

Json = dict[str, Any]

TEMPLATE: Json = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"containers": [{"name": "c", "image": "x"}]},
}
SUSPENDED: Json = {"type": "Suspended", "status": "True"}
JOB: Json = {
    "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
}


def shown(causes: Any) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in causes]


def new(group: str, plural: str, **fields: Any) -> list[str]:
    body = {"metadata": {"name": "x"}, **fields}
    return shown(created(strategies(group)[plural], body, True)[1])


def updated(group: str, plural: str, change: Callable[[Json], Any], **fields: Any) -> list[str]:
    strategy: Strategy = strategies(group)[plural]
    old, causes = created(strategy, {"metadata": {"name": "x"}, **fields}, True)
    assert shown(causes) == []
    after = json.loads(json.dumps(old))
    change(after)
    strategy.default(after)
    strategy.prepare(after, old)
    found = validate_metadata(after, old, strategy.name_rule, True)
    return shown(found + strategy.validate(after, old))


def workload(**spec: Any) -> Json:
    return {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE, **spec}


METADATA: list[tuple[Json, list[str]]] = [
    ({"name": "a.b"}, []),
    ({"generateName": "a-", "name": "a-xyz"}, []),
    ({}, ["metadata.name: Required value: name or generateName is required"]),
    ({"name": "x", "labels": {"a": "b c"}}, ['metadata.labels: Invalid value: "b c": a valid']),
    ({"name": "x", "annotations": {"A/B": "any thing"}}, []),
    (
        {"name": "x", "annotations": {"a": "x" * 262144}},
        ["metadata.annotations: Too long: may not be more than 262144 bytes"],
    ),
    (
        {"name": "x", "finalizers": ["a"]},
        ['metadata.finalizers[0]: Invalid value: "a": name is neither a standard finalizer'],
    ),
    ({"name": "x", "finalizers": ["a.b/c", "orphan"]}, []),
    (
        {"name": "x", "finalizers": ["orphan", "foregroundDeletion"]},
        ['metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orp'],
    ),
    (
        {
            "name": "x",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "A", "name": n, "uid": n, "controller": True}
                for n in ("m", "n")
            ],
        },
        ["metadata.ownerReferences: Invalid value"],
    ),
    (
        {"name": "x", "ownerReferences": [{}]},
        [
            'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
            'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
            'metadata.ownerReferences.name: Invalid value: "": must not be empty',
            'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
        ],
    ),
]


@pytest.mark.parametrize(("metadata", "expected"), METADATA)
def test_metadata(metadata: Json, expected: list[str]) -> None:
    body = {"metadata": {"namespace": "n", **metadata}}
    found = shown(validate_metadata(body, None, "subdomain", True))
    assert len(found) == len(expected), found
    assert all(a.startswith(b) for a, b in zip(found, expected, strict=True)), found


def test_namespaces_are_for_namespaced_kinds() -> None:
    found = shown(validate_metadata({"metadata": {"name": "x"}}, None, "path", True))
    assert found == ["metadata.namespace: Required value"]
    body = {"metadata": {"name": "x", "namespace": "n"}}
    found = shown(validate_metadata(body, None, "path", False))
    assert found == ["metadata.namespace: Forbidden: not allowed on this type"]
    body = {"metadata": {"name": "a/b"}}
    found = shown(validate_metadata(body, None, "path", False))
    assert found == ["metadata.name: Invalid value: \"a/b\": may not contain '/'"]


def test_metadata_that_never_changes() -> None:
    old: Json = {"metadata": {"name": "x", "uid": "1", "generation": 2}}
    after: Json = {"metadata": {"name": "y", "uid": "2", "generation": 1}}
    assert shown(validate_metadata(after, old, "subdomain", False)) == [
        "metadata.generation: Invalid value: 1: must not be decremented",
        'metadata.name: Invalid value: "y": field is immutable',
        'metadata.uid: Invalid value: "2": field is immutable',
    ]


def test_no_finalizers_join_an_object_that_is_going() -> None:
    old: Json = {"metadata": {"name": "x", "deletionTimestamp": "T", "finalizers": ["a/b"]}}
    after: Json = json.loads(json.dumps(old))
    after["metadata"]["finalizers"].append("c/d")
    found = shown(validate_metadata(after, old, "subdomain", False))
    assert found == [
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
        'deleted, found new finalizers []string{"c/d"}'
    ]


@pytest.mark.parametrize("plural", ["deployments", "replicasets", "daemonsets", "statefulsets"])
def test_workloads(plural: str) -> None:
    assert new("apps", plural, spec=workload()) == []
    found = new("apps", plural, spec={**workload(), "selector": {}})
    assert found[0].startswith("spec.selector: Invalid value: {}: empty selector is ")
    bad = {**workload(), "selector": {"matchExpressions": [{"key": "a", "operator": "x"}]}}
    found = new("apps", plural, spec=bad)
    assert "not a valid selector operator" in found[0]


@pytest.mark.parametrize("plural", ["deployments", "replicasets", "statefulsets"])
def test_replicas_are_not_negative(plural: str) -> None:
    found = new("apps", plural, spec=workload(replicas=-1))
    assert found == ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]


@pytest.mark.parametrize("plural", ["deployments", "replicasets", "daemonsets"])
def test_selectors_never_change(plural: str) -> None:
    def change(obj: Json) -> None:
        obj["spec"]["selector"]["matchLabels"] = {"a": "c"}
        obj["spec"]["template"]["metadata"]["labels"] = {"a": "c"}

    found = updated("apps", plural, change, spec=workload())
    assert found == ['spec.selector: Invalid value: {"matchLabels":{"a":"c"}}: field is immutable']


def test_stateful_sets_change_little() -> None:
    assert (
        updated("apps", "statefulsets", lambda o: o["spec"].update(replicas=3), spec=workload())
        == []
    )
    found = updated(
        "apps", "statefulsets", lambda o: o["spec"].update(serviceName="t"), spec=workload()
    )
    assert found[0].startswith("spec: Forbidden: updates to statefulset spec for fields other than")


STRATEGIES_OF_DEPLOYMENTS: list[tuple[Json, list[str]]] = [
    ({"type": "Recreate"}, []),
    ({"rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}}, []),
    (
        {"type": "Recreate", "rollingUpdate": {}},
        ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is"],
    ),
    (
        {"rollingUpdate": {"maxUnavailable": "101%"}},
        ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater'],
    ),
    (
        {"rollingUpdate": {"maxSurge": "x"}},
        ['spec.strategy.rollingUpdate.maxSurge: Invalid value: "x": a valid percent string must'],
    ),
    ({"type": "x"}, ["spec.strategy: Unsupported value"]),
]


@pytest.mark.parametrize(("strategy", "expected"), STRATEGIES_OF_DEPLOYMENTS)
def test_deployment_strategies(strategy: Json, expected: list[str]) -> None:
    found = new("apps", "deployments", spec=workload(strategy=strategy))
    assert len(found) == len(expected), found
    assert all(a.startswith(b) for a, b in zip(found, expected, strict=True)), found


def test_jobs() -> None:
    assert new("batch", "jobs", spec=JOB) == []
    found = new("batch", "jobs", spec={**JOB, "completionMode": "Indexed", "parallelism": 1})
    assert found == ["spec.completions: Required value: when completion mode is Indexed"]
    found = updated("batch", "jobs", lambda o: o["spec"].update(completions=2), spec=JOB)
    assert found == ["spec.completions: Invalid value: 2: field is immutable"]

    def image(job: Json) -> None:
        job["spec"]["template"]["spec"]["containers"][0]["image"] = "y"

    assert updated("batch", "jobs", image, spec=JOB)[0].startswith("spec.template: Invalid value")


@pytest.mark.parametrize(
    ("suspend", "status", "group", "allowed"),
    [
        (True, {}, "nodeAffinity", True),
        (True, {"startTime": "t", "conditions": [SUSPENDED]}, "nodeAffinity", True),
        (True, {"startTime": "t", "active": 1}, "nodeAffinity", False),
        (True, {"startTime": "t", "active": 1, "conditions": [SUSPENDED]}, "nodeAffinity", False),
        (False, {}, "nodeAffinity", False),
        (True, {}, "podAffinity", False),
    ],
)
def test_a_jobs_pods_may_be_sent_elsewhere_only_while_it_sleeps(
    suspend: bool, status: Json, group: str, allowed: bool
) -> None:
    strategy: Strategy = strategies("batch")["jobs"]
    body = {"metadata": {"name": "x"}, "spec": {**JOB, "suspend": suspend}}
    old, _ = created(strategy, body, True)
    old["status"] = status
    new = json.loads(json.dumps(old))
    new["spec"]["template"]["spec"]["affinity"] = {group: {}}
    fields = [cause.field for cause in strategy.validate(new, old)]
    assert fields == ([] if allowed else ["spec.template"])


SCHEDULES = [
    ("* * * * *", ""),
    ("*/5 0-6 1,15 JAN mon-fri", ""),
    ("@hourly", ""),
    ("@never", "unrecognized descriptor: @never"),
    ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
    ("60 * * * *", "end of range (60) above maximum (59): 60"),
    ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
    ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
    ("*/0 * * * *", "step of range should be a positive number: */0"),
    ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
]


@pytest.mark.parametrize(("schedule", "complaint"), SCHEDULES)
def test_schedules(schedule: str, complaint: str) -> None:
    assert schedule_complaint(schedule) == complaint


SERVICES: list[tuple[Json, list[str]]] = [
    ({"ports": [{"port": 80}]}, []),
    ({"clusterIP": "None"}, []),
    ({"type": "ExternalName"}, ["spec.externalName: Required value"]),
    (
        {"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]},
        ['spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null'],
    ),
    (
        {"ports": [{"port": 80, "nodePort": 30000}]},
        ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ),
    (
        {"ports": [{"port": 0, "targetPort": "a--b"}]},
        [
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            'spec.ports[0].targetPort: Invalid value: "a--b": must not contain consec',
        ],
    ),
    (
        {"ports": [{"port": 80}], "sessionAffinity": "x"},
        ['spec.sessionAffinity: Unsupported value: "x": supported values: "ClientIP", "None"'],
    ),
    (
        {"ports": [{"port": 80}], "externalIPs": ["127.0.0.1"]},
        ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range'],
    ),
    (
        {"ports": [{"port": 80}], "clusterIP": "x"},
        ['spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address'],
    ),
    (
        {"ports": [{"port": 80}], "type": "LoadBalancer", "clusterIP": "None"},
        ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer"],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), SERVICES)
def test_services(spec: Json, expected: list[str]) -> None:
    found = new("core", "services", spec=spec)
    assert len(found) == len(expected), found
    assert all(a.startswith(b) for a, b in zip(found, expected, strict=True)), found


def test_a_cluster_ip_never_changes() -> None:
    spec = {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80}]}
    found = updated("core", "services", lambda o: o["spec"].update(clusterIP="10.0.0.2"), spec=spec)
    assert found == ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set']


def test_immutable_data() -> None:
    text = "Forbidden: field is immutable when `immutable` is set"
    found = updated(
        "core", "configmaps", lambda o: o.update(data={}, immutable=False),
        data={"a": "b"}, immutable=True,
    )  # fmt: skip
    assert found == [f"immutable: {text}", f"data: {text}"]
    found = updated("core", "secrets", lambda o: o.update(type="a/b"))
    assert found == ['type: Invalid value: "a/b": field is immutable']


def test_data_is_limited() -> None:
    found = new("core", "configmaps", data={"a": "x" * (1024 * 1024 + 1)})
    assert found == ["[]: Too long: may not be more than 1048576 bytes"]
    assert new("core", "configmaps", data={"a": "x" * (1024 * 1024)}) == []


SMALLER: list[tuple[str, str, Json, list[str]]] = [
    ("core", "secrets", {"type": "kubernetes.io/basic-auth", "data": {"username": ""}}, []),
    ("core", "secrets", {"type": "kubernetes.io/ssh-auth"}, ["data[ssh-privatekey]: Required"]),
    ("core", "limitranges", {"spec": {"limits": [{"type": "Pod", "default": {"cpu": "1"}}]}},
     ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"]),
    ("core", "resourcequotas", {"spec": {"hard": {"foo": "1"}}},
     ['spec.hard[foo]: Invalid value: "foo": must be a standard resource type or fully',
      'spec.hard[foo]: Invalid value: "foo": must be a standard resource for quota']),
    ("core", "persistentvolumeclaims", {"spec": {}},
     ["spec.accessModes: Required value", "spec.resources[storage]: Required value"]),
    ("coordination", "leases", {"spec": {"leaseDurationSeconds": 0}},
     ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"]),
    ("discovery", "endpointslices", {"addressType": "IPv4", "endpoints": [{"addresses": ["x"]}]},
     ['endpoints[0].addresses[0]: Invalid value: "x": must be a valid IP address']),
    ("networking", "networkpolicies", {"spec": {"ingress": [{"from": [{}]}]}},
     ["spec.ingress[0].from[0]: Required value: must specify a peer"]),
    ("policy", "poddisruptionbudgets", {"spec": {"minAvailable": "101%"}},
     ['spec.minAvailable: Invalid value: "101%": must not be greater than 100%']),
    ("rbac", "roles", {"rules": [{"verbs": []}]},
     ["rules[0].verbs: Required", "rules[0].apiGroups: Required", "rules[0].resources: Required"]),
    ("scheduling", "priorityclasses", {"value": 2_000_000_000}, ["value: Forbidden: maximum"]),
    ("storage", "storageclasses", {"provisioner": ""}, ["provisioner: Required value"]),
    ("node", "runtimeclasses", {"handler": "A"}, ['handler: Invalid value: "A"']),
    ("batch", "cronjobs", {"spec": {"schedule": "", "jobTemplate": {"spec": JOB}}},
     ["spec.schedule: Required value"]),
]  # fmt: skip


@pytest.mark.parametrize(("group", "plural", "fields", "expected"), SMALLER)
def test_smaller_kinds(group: str, plural: str, fields: Json, expected: list[str]) -> None:
    found = new(group, plural, **fields)
    assert len(found) == len(expected), found
    assert all(a.startswith(b) for a, b in zip(found, expected, strict=True)), found
