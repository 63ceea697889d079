"""What objects use up of quotas."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from k8slite.kinds.usage import (
    concerned,
    in_scopes,
    missing_in_containers,
    resources_of,
    text,
    used_by,
)

Json = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def container(name: str = "c", **parts: Json) -> Json:
    return {"name": name, "image": "x", "resources": parts}


def pod(*containers: Json, init: list[Json] | None = None, **spec: Any) -> Json:
    spec |= {"containers": list(containers), "initContainers": init or []}
    return {"metadata": {"name": "p"}, "spec": spec}


def uses(resource: str, obj: Json) -> dict[str, str]:
    return {name: text(name, value) for name, value in used_by(resource, obj, NOW).items()}


def test_a_pod() -> None:
    asked = container(
        requests={"cpu": "500m", "memory": "1Gi", "example.com/gpu": "2"}, limits={"cpu": "1"}
    )
    assert uses("pods", pod(asked, asked)) == {
        "count/pods": "1",
        "pods": "1",
        "cpu": "1",
        "requests.cpu": "1",
        "memory": "2Gi",
        "requests.memory": "2Gi",
        "requests.example.com/gpu": "4",
        "limits.cpu": "2",
    }


@pytest.mark.parametrize(
    ("init", "cpu"),
    [
        ([container("i", requests={"cpu": "3"})], "3"),
        ([container("i", requests={"cpu": "1"})], "2"),
        ([container("s", requests={"cpu": "1"}) | {"restartPolicy": "Always"}], "3"),
        (
            [
                container("s", requests={"cpu": "1"}) | {"restartPolicy": "Always"},
                container("i", requests={"cpu": "4"}),
            ],
            "5",
        ),
    ],
)
def test_init_containers(init: list[Json], cpu: str) -> None:
    found = uses("pods", pod(container(requests={"cpu": "2"}), init=init))
    assert found["requests.cpu"] == cpu


@pytest.mark.parametrize(
    ("metadata", "status", "counts"),
    [
        ({}, {}, True),
        ({}, {"phase": "Running"}, True),
        ({}, {"phase": "Succeeded"}, False),
        ({}, {"phase": "Failed"}, False),
        (
            {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30},
            {},
            True,
        ),
        (
            {"deletionTimestamp": "2025-12-31T23:59:00Z", "deletionGracePeriodSeconds": 30},
            {},
            False,
        ),
    ],
)
def test_a_pod_that_has_ended_is_only_an_object(metadata: Json, status: Json, counts: bool) -> None:
    obj = pod(container(requests={"cpu": "1"})) | {"metadata": metadata, "status": status}
    assert set(uses("pods", obj)) >= {"count/pods"}
    assert ("pods" in uses("pods", obj)) is counts
    assert ("cpu" in uses("pods", obj)) is counts


@pytest.mark.parametrize(
    ("spec", "balancers", "ports"),
    [
        ({"type": "ClusterIP", "ports": [{}, {}]}, "0", "0"),
        ({"type": "NodePort", "ports": [{}, {}]}, "0", "2"),
        ({"type": "LoadBalancer", "ports": [{}, {}]}, "1", "2"),
        (
            {
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": False,
                "ports": [{}, {"nodePort": 30000}],
            },
            "1",
            "1",
        ),
    ],
)
def test_a_service(spec: Json, balancers: str, ports: str) -> None:
    found = uses("services", {"metadata": {}, "spec": spec})
    assert found["services"] == found["count/services"] == "1"
    assert (found["services.loadbalancers"], found["services.nodeports"]) == (balancers, ports)


def test_a_claim() -> None:
    spec = {"storageClassName": "gold", "resources": {"requests": {"storage": "10Gi"}}}
    assert uses("persistentvolumeclaims", {"metadata": {}, "spec": spec}) == {
        "count/persistentvolumeclaims": "1",
        "persistentvolumeclaims": "1",
        "requests.storage": "10Gi",
        "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
        "gold.storageclass.storage.k8s.io/requests.storage": "10Gi",
    }


def test_what_names_are_about() -> None:
    assert uses("configmaps", {"metadata": {}}) == {"configmaps": "1", "count/configmaps": "1"}
    assert uses("deployments.apps", {"metadata": {}}) == {"count/deployments.apps": "1"}
    names = {"pods", "cpu", "count/deployments.apps", "secrets", "requests.storage", "count/pods"}
    assert concerned("pods", names) == {"pods", "cpu", "count/pods"}
    assert concerned("deployments.apps", names) == {"count/deployments.apps"}
    assert resources_of(names) == {
        "pods",
        "deployments.apps",
        "secrets",
        "persistentvolumeclaims",
    }


def test_what_containers_must_say() -> None:
    one = pod(container("a"), container("b", requests={"cpu": "1"}, limits={"memory": "1"}))
    names = ["requests.cpu", "limits.memory", "pods", "requests.storage"]
    assert missing_in_containers(one, names) == (
        "must specify limits.memory for: a; requests.cpu for: a"
    )
    assert missing_in_containers(one, ["pods"]) == ""


def scoped(name: str, operator: str = "Exists", *values: str) -> Json:
    wanted = {"scopeName": name, "operator": operator, "values": list(values)}
    return {"scopeSelector": {"matchExpressions": [wanted]}}


@pytest.mark.parametrize(
    ("spec", "obj", "inside"),
    [
        ({}, pod(container()), True),
        ({"scopes": ["BestEffort"]}, pod(container()), True),
        ({"scopes": ["BestEffort"]}, pod(container(requests={"cpu": "1"})), False),
        ({"scopes": ["NotBestEffort"]}, pod(container(limits={"memory": "1"})), True),
        ({"scopes": ["Terminating"]}, pod(container(), activeDeadlineSeconds=5), True),
        ({"scopes": ["Terminating"]}, pod(container()), False),
        ({"scopes": ["NotTerminating", "BestEffort"]}, pod(container()), True),
        (scoped("PriorityClass", "In", "high"), pod(container(), priorityClassName="high"), True),
        (scoped("PriorityClass", "In", "high"), pod(container()), False),
        (scoped("PriorityClass", "NotIn", "high"), pod(container(), priorityClassName="x"), True),
        (scoped("PriorityClass", "DoesNotExist"), pod(container()), True),
    ],
)
def test_scopes(spec: Json, obj: Json, inside: bool) -> None:
    assert in_scopes(spec, "pods", obj) is inside


def test_only_pods_and_claims_have_scopes() -> None:
    assert not in_scopes({"scopes": ["BestEffort"]}, "services", {"metadata": {}})
    claim = {"metadata": {}, "spec": {"volumeAttributesClassName": "gold"}}
    gold = scoped("VolumeAttributesClass", "In", "gold")
    assert in_scopes(gold, "persistentvolumeclaims", claim)
    assert not in_scopes(gold, "persistentvolumeclaims", {"metadata": {}, "spec": {}})
