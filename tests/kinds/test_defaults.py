"""Defaults by rule, where the recorded objects say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.kinds.core.images import pull_policy
from k8slite.kinds.core.pod_defaults import quality_of_service
from tests.kinds.oracle_cases import strategies

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("x", "Always"),
        ("x:latest", "Always"),
        ("x:1", "IfNotPresent"),
        ("registry:5000/x", "Always"),
        ("registry:5000/x:1", "IfNotPresent"),
        ("x@sha256:abc", "IfNotPresent"),
        ("x:latest@sha256:abc", "Always"),
        ("", "IfNotPresent"),
    ],
)
def test_pull_policy(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "0"}}], "BestEffort"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        ([{"requests": {"example.com/gpu": "1"}}], "BestEffort"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}}], "Burstable"),
        (
            [
                {
                    "limits": {"cpu": "1", "memory": "1Gi"},
                    "requests": {"cpu": "1000m", "memory": "1Gi"},
                }
            ],
            "Guaranteed",
        ),
        (
            [
                {
                    "limits": {"cpu": "1", "memory": "1Gi"},
                    "requests": {"cpu": "1", "memory": "1Gi"},
                },
                {},
            ],
            "Burstable",
        ),
    ],
)
def test_quality_of_service(resources: list[Json], quality: str) -> None:
    spec = {"containers": [{"resources": one} for one in resources]}
    assert quality_of_service(spec) == quality


def test_host_ports_follow_container_ports_in_pods_only() -> None:
    spec: Json = {
        "hostNetwork": True,
        "containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80}]}],
    }
    pod: Json = {"metadata": {}, "spec": spec}
    strategies("core")["pods"].default(pod)
    assert pod["spec"]["containers"][0]["ports"][0]["hostPort"] == 80
    template: Json = {
        "metadata": {},
        "template": {
            "spec": {
                "hostNetwork": True,
                "containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80}]}],
            }
        },
    }
    strategies("core")["podtemplates"].default(template)
    assert "hostPort" not in template["template"]["spec"]["containers"][0]["ports"][0]


def test_both_names_of_the_service_account_are_shown() -> None:
    for key in ("serviceAccount", "serviceAccountName"):
        pod: Json = {"metadata": {}, "spec": {key: "a", "containers": []}}
        strategies("core")["pods"].default(pod)
        assert pod["spec"]["serviceAccount"] == pod["spec"]["serviceAccountName"] == "a"


def test_a_container_limit_range_is_filled_in_from_its_bounds() -> None:
    item: Json = {"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Gi"}}
    strategies("core")["limitranges"].default({"metadata": {}, "spec": {"limits": [item]}})
    assert item["default"] == {"cpu": "2"}
    assert item["defaultRequest"] == {"cpu": "2", "memory": "1Gi"}


def test_string_data_wins_over_data() -> None:
    secret: Json = {"metadata": {}, "data": {"a": "eA==", "b": "eQ=="}, "stringData": {"a": "z"}}
    strategies("core")["secrets"].default(secret)
    assert secret["data"] == {"a": "eg==", "b": "eQ=="}
    assert "stringData" not in secret


def test_a_replication_controller_selects_its_template() -> None:
    controller: Json = {
        "metadata": {},
        "spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {}}},
    }
    strategies("core")["replicationcontrollers"].default(controller)
    assert controller["spec"]["selector"] == {"a": "b"}
    assert controller["metadata"]["labels"] == {"a": "b"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {"completions": 1, "parallelism": 1, "backoffLimit": 6}),
        ({"parallelism": 2}, {"completions": None, "parallelism": 2}),
        ({"completions": 3}, {"completions": 3, "parallelism": 1}),
        ({"backoffLimitPerIndex": 1}, {"backoffLimit": 2147483647}),
        ({"podFailurePolicy": {"rules": []}}, {"podReplacementPolicy": "Failed"}),
    ],
)
def test_job(spec: Json, expected: Json) -> None:
    job: Json = {"metadata": {}, "spec": spec}
    strategies("batch")["jobs"].default(job)
    assert {key: job["spec"].get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("spec", "types"),
    [({}, ["Ingress"]), ({"egress": [{}]}, ["Ingress", "Egress"]), ({"egress": []}, ["Ingress"])],
)
def test_policy_types(spec: Json, types: list[str]) -> None:
    policy: Json = {"metadata": {}, "spec": spec}
    strategies("networking")["networkpolicies"].default(policy)
    assert policy["spec"]["policyTypes"] == types


def test_scaling_behavior_is_filled_in() -> None:
    scaler: Json = {"metadata": {}, "spec": {"behavior": {"scaleUp": {"selectPolicy": "Min"}}}}
    strategies("autoscaling")["horizontalpodautoscalers"].default(scaler)
    behavior = scaler["spec"]["behavior"]
    assert behavior["scaleUp"]["selectPolicy"] == "Min"
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behavior["scaleDown"]["policies"] == [
        {"type": "Percent", "value": 100, "periodSeconds": 15}
    ]
