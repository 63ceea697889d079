"""Rules for Pods, one family after the other: what is refused, where, and what is let pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from k8slite.kinds.core.pod_validation import validate_pod_part
from tests.kinds.oracle_cases import created, strategies

Json = dict[str, Any]


def pod(container: Json | None = None, **spec: Any) -> Json:
    first = {"name": "c", "image": "x", **(container or {})}
    return {
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [first], **spec},
    }


def complaints(body: Json) -> list[str]:
    _, causes = created(strategies("core")["pods"], body, True)
    return [f"{cause.field}: {cause.message}" for cause in causes]


GOOD = [
    pod(),
    pod({"env": [{"name": "a-b.c", "value": "1"}]}),
    pod({"resources": {"limits": {"example.com/gpu": "1"}}}),
    pod({"ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81}]}),
    pod(
        {"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a/b"}]},
        volumes=[{"name": "v", "emptyDir": {}}],
    ),
    pod({"livenessProbe": {"exec": {"command": ["true"]}}}),
    pod(initContainers=[{"name": "i", "image": "x", "restartPolicy": "Always"}]),
    pod(tolerations=[{"operator": "Exists"}]),
    pod(dnsPolicy="None", dnsConfig={"nameservers": ["1.1.1.1"], "searches": ["a_b.c", "."]}),
    pod(hostAliases=[{"ip": "127.0.0.1", "hostnames": ["a.b"]}]),
    pod(os={"name": "linux"}, overhead={"cpu": "1"}),
    pod(activeDeadlineSeconds=5, priorityClassName="a.b", runtimeClassName="r"),
]

BAD: list[tuple[Json, list[str]]] = [
    (pod({"name": "C"}), ["spec.containers[0].name: Invalid value"]),
    (pod({"name": ""}), ["spec.containers[0].name: Required value"]),
    (pod({"image": " x"}), ["spec.containers[0].image: Invalid value"]),
    (pod(containers=[]), ["spec.containers: Required value"]),
    (pod({"terminationMessagePolicy": "x"}), ["spec.containers[0].terminationMessagePolicy: Uns"]),
    # Ports.
    (pod({"ports": [{}]}), ["spec.containers[0].ports[0].containerPort: Required value"]),
    (
        pod({"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]}),
        ['spec.containers[0].ports[1].name: Duplicate value: "a"'],
    ),
    (
        pod({"ports": [{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 9}]}),
        ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//9"'],
    ),
    (
        pod({"ports": [{"containerPort": 1, "protocol": "X"}]}),
        ['spec.containers[0].ports[0].protocol: Unsupported value: "X"'],
    ),
    (
        pod({"ports": [{"containerPort": 1, "hostPort": 2}]}, hostNetwork=True),
        ["spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort`"],
    ),
    # Environment.
    (pod({"env": [{"value": "1"}]}), ["spec.containers[0].env[0].name: Required value"]),
    (pod({"env": [{"name": "a=b"}]}), ["spec.containers[0].env[0].name: Invalid value"]),
    (
        pod({"env": [{"name": "A", "valueFrom": {}}]}),
        ['spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of'],
    ),
    (
        pod({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]}),
        ['spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.x": error'],
    ),
    (
        pod({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}}]}),
        ["spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value"],
    ),
    (
        pod({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]}),
        ["spec.containers[0].env[0].valueFrom.secretKeyRef.key: Required value"],
    ),
    (pod({"envFrom": [{}]}), ['spec.containers[0].envFrom[0]: Invalid value: "": must specify']),
    # Resources.
    (
        pod({"resources": {"requests": {"foo": "1"}}}),
        [
            'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard '
            "resource type or fully qualified",
            'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard '
            "resource for containers",
        ],
    ),
    (
        pod({"resources": {"requests": {"cpu": "-1"}}}),
        ['spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater'],
    ),
    (
        pod({"resources": {"requests": {"example.com/gpu": "1"}}}),
        ["spec.containers[0].resources.limits: Required value: Limit must be set for non over"],
    ),
    (
        pod({"resources": {"limits": {"hugepages-2Mi": "2Mi"}}}),
        ["spec.containers[0].resources: Forbidden: HugePages require cpu or memory"],
    ),
    # Volumes and mounts.
    (
        pod(volumes=[{"name": "v"}, {"name": "v"}]),
        ['spec.volumes[1].name: Duplicate value: "v"'],
    ),
    (pod(volumes=[{"name": "V", "emptyDir": {}}]), ["spec.volumes[0].name: Invalid value"]),
    (
        pod(volumes=[{"name": "v", "secret": {}}]),
        ["spec.volumes[0].secret.secretName: Required value"],
    ),
    (
        pod(volumes=[{"name": "v", "hostPath": {"path": "/a/../b"}}]),
        ["spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"],
    ),
    (
        pod(volumes=[{"name": "v", "configMap": {"name": "m", "defaultMode": 512}}]),
        ["spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between"],
    ),
    (
        pod(
            {"volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/v"}]},
            volumes=[{"name": "v"}],
        ),
        ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique'],
    ),
    # Probes and hooks.
    (
        pod({"readinessProbe": {"httpGet": {"port": "a--b"}}}),
        ['spec.containers[0].readinessProbe.httpGet.port: Invalid value: "a--b": must not con'],
    ),
    (
        pod({"livenessProbe": {"exec": {"command": ["x"]}, "successThreshold": 2}}),
        ["spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"],
    ),
    (
        pod({"livenessProbe": {"exec": {"command": ["x"]}, "tcpSocket": {"port": 1}}}),
        ["spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 han"],
    ),
    (
        pod({"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}}),
        ["spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative"],
    ),
    # Init and ephemeral containers.
    (
        pod(initContainers=[{"name": "c", "image": "x"}]),
        ['spec.initContainers[0].name: Duplicate value: "c"'],
    ),
    (
        pod(initContainers=[{"name": "i", "image": "x", "livenessProbe": {"grpc": {"port": 1}}}]),
        ["spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers wi"],
    ),
    (
        pod(ephemeralContainers=[{"name": "e", "image": "x"}]),
        ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
    ),
    # Policies, names and gates.
    (pod(restartPolicy="x"), ['spec.restartPolicy: Unsupported value: "x": supported values']),
    (pod(dnsPolicy="None"), ["spec.dnsConfig: Required value: must provide `dnsConfig`"]),
    (pod(hostname="a.b"), ['spec.hostname: Invalid value: "a.b": must not contain dots']),
    (pod(activeDeadlineSeconds=0), ["spec.activeDeadlineSeconds: Invalid value: 0: must be bet"]),
    (
        pod(nodeName="n", schedulingGates=[{"name": "g"}]),
        ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ),
    (
        pod(schedulingGates=[{"name": "g"}, {"name": "g"}]),
        ['spec.schedulingGates[1]: Duplicate value: "g"'],
    ),
    # Where it may go.
    (
        pod(tolerations=[{"operator": "Equal"}]),
        ['spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when'],
    ),
    (
        pod(tolerations=[{"key": "a", "effect": "x"}]),
        ['spec.tolerations[0].effect: Unsupported value: "x": supported values'],
    ),
    (
        pod(
            topologySpreadConstraints=[
                {"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "DoNotSchedule"}
            ]
        ),
        [
            "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than",
            "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
        ],
    ),
    (
        pod(
            affinity={
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}
                }
            }
        ),
        [
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
            ".nodeSelectorTerms: Required value: must have at least one node selector term"
        ],
    ),
    # Security.
    (
        pod({"securityContext": {"runAsUser": -1}}),
        ["spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and"],
    ),
    (
        pod({"securityContext": {"privileged": True, "allowPrivilegeEscalation": False}}),
        ["spec.containers[0].securityContext: Invalid value"],
    ),
    (
        pod(securityContext={"seccompProfile": {"type": "Localhost"}}),
        ["spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when"],
    ),
    (
        pod(hostUsers=False, hostPID=True),
        ["spec.HostPID: Forbidden: when `pod.Spec.HostUsers` is false"],
    ),
]


@pytest.mark.parametrize("body", GOOD)
def test_good(body: Json) -> None:
    assert complaints(body) == []


@pytest.mark.parametrize(("body", "expected"), BAD)
def test_bad(body: Json, expected: list[str]) -> None:
    found = complaints(body)
    assert len(found) == len(expected), found
    for text, start in zip(found, expected, strict=True):
        assert text.startswith(start)


def changed(change: Callable[[Json], None], **spec: Any) -> list[str]:
    strategy = strategies("core")["pods"]
    old, _ = created(strategy, pod(**spec), True)
    new = json.loads(json.dumps(old))
    change(new["spec"])
    strategy.default(new)
    strategy.prepare(new, old)
    return [f"{cause.field}: {cause.message}" for cause in strategy.validate(new, old)]


def test_images_deadlines_and_tolerations_may_change() -> None:
    def change(spec: Json) -> None:
        spec["containers"][0]["image"] = "y"
        spec["activeDeadlineSeconds"] = 5
        spec["tolerations"] = [{"key": "a", "operator": "Exists"}]

    assert changed(change) == []


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("restartPolicy", "Never", "spec: Forbidden: pod updates may not change fields other than"),
        ("nodeSelector", {"a": "b"}, "spec: Forbidden: pod updates may not change fields other"),
        ("containers", [], "spec.containers: Required value"),
        ("tolerations", [], "spec.tolerations: Forbidden: existing toleration can not be modified"),
        ("schedulingGates", [{"name": "g"}], "spec.schedulingGates[0].name: Forbidden: only del"),
    ],
)
def test_nothing_else_may_change(key: str, value: Any, expected: str) -> None:
    found = changed(lambda spec: spec.update({key: value}), tolerations=[{"operator": "Exists"}])
    assert found[0].startswith(expected)


def test_a_gated_pod_may_be_told_more_exactly_where_to_go() -> None:
    gates = [{"name": "g"}]
    assert changed(lambda s: s.update(nodeSelector={"a": "b"}), schedulingGates=gates) == []
    assert changed(lambda s: s.pop("schedulingGates"), schedulingGates=gates) == []
    found = changed(
        lambda s: s.update(nodeSelector={"a": "c"}), schedulingGates=gates, nodeSelector={"a": "b"}
    )
    assert found[0].startswith("spec.nodeSelector: Invalid value")


def test_an_update_leaves_the_old_object_alone() -> None:
    strategy = strategies("core")["pods"]
    old, _ = created(strategy, pod(), True)
    before = json.loads(json.dumps(old))
    new = json.loads(json.dumps(old))
    new["spec"]["containers"][0]["image"] = "y"
    strategy.prepare(new, old)
    strategy.validate(new, old)
    assert old == before


def test_status_keeps_quality_and_ended_containers() -> None:
    strategy = strategies("core")["pods"]
    ended = {"name": "c", "state": {"terminated": {"exitCode": 0}}}
    old: Json = {
        "metadata": {},
        "spec": {"restartPolicy": "Never"},
        "status": {"qosClass": "BestEffort", "containerStatuses": [ended]},
    }
    new = json.loads(json.dumps(old))
    assert strategy.validate_status(new, old) == []
    new["status"]["qosClass"] = "Guaranteed"
    new["status"]["containerStatuses"][0]["state"] = {"running": {}}
    fields = [cause.field for cause in strategy.validate_status(new, old)]
    assert fields == ["status.qosClass", "status.containerStatuses[0].state"]


def test_parts_of_a_pod_have_rules_of_their_own() -> None:
    old, _ = created(strategies("core")["pods"], pod(), True)
    new = json.loads(json.dumps(old))
    new["spec"]["nodeName"] = "n"
    assert validate_pod_part(new, old, "binding") == []
    assert strategies("core")["pods"].validate(new, old) != []
    new = json.loads(json.dumps(old))
    new["spec"]["ephemeralContainers"] = [{"name": "e", "image": "x"}]
    strategies("core")["pods"].default(new)
    assert validate_pod_part(new, old, "ephemeralcontainers") == []
    found = validate_pod_part(old, new, "ephemeralcontainers")
    assert "may not be removed" in found[0].message


def test_warnings() -> None:
    strategy = strategies("core")["pods"]
    body = pod({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]})
    assert strategy.warn(body, None) == [
        'spec.containers[0].env[1]: hides previous definition of "A", '
        "which may be dropped when using apply"
    ]
    assert strategy.warn(body, body) == []
