"""Versions that share storage: nothing is lost on the way there and back."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.kinds.autoscaling.conversion import v1_from_stored, v1_to_stored
from k8slite.kinds.events.conversion import from_core, to_core
from k8slite.kinds.flowcontrol.conversion import (
    PRESERVE_ZERO,
    v1beta3_from_stored,
    v1beta3_to_stored,
)

CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
PODS = {
    "type": "Pods",
    "pods": {
        "metric": {"name": "m", "selector": {"matchLabels": {"a": "b"}}},
        "target": {"type": "AverageValue", "averageValue": "5"},
    },
}
OBJECT = {
    "type": "Object",
    "object": {
        "describedObject": {"kind": "Service", "name": "s"},
        "metric": {"name": "m"},
        "target": {"type": "Value", "value": "5"},
    },
}
EXTERNAL = {
    "type": "External",
    "external": {
        "metric": {"name": "m", "selector": {"matchLabels": {"a": "b"}}},
        "target": {"type": "AverageValue", "averageValue": "5"},
    },
}
CONTAINER = {
    "type": "ContainerResource",
    "containerResource": {
        "name": "memory",
        "container": "c",
        "target": {"type": "AverageValue", "averageValue": "1Gi"},
    },
}


def autoscaler(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, **spec}}


def test_a_cpu_target_is_a_field_in_v1() -> None:
    found = v1_from_stored(autoscaler(metrics=[CPU]))
    assert found == {
        "metadata": {"name": "h"},
        "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 80},
    }


@pytest.mark.parametrize("metric", [CPU, PODS, OBJECT, EXTERNAL, CONTAINER])
def test_every_metric_survives_v1(metric: dict[str, Any]) -> None:
    stored = autoscaler(metrics=[metric], behavior={"scaleUp": {"stabilizationWindowSeconds": 5}})
    stored["status"] = {
        "currentReplicas": 1,
        "conditions": [{"type": "AbleToScale", "status": "True"}],
        "currentMetrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "current": {"averageUtilization": 20}},
            }
        ],
    }
    old = v1_from_stored(stored)
    assert "metrics" not in old["spec"]
    assert "behavior" not in old["spec"]
    assert old["status"] == {"currentReplicas": 1, "currentCPUUtilizationPercentage": 20}
    assert v1_to_stored(old) == stored


def test_annotations_that_cannot_be_read_are_dropped() -> None:
    old = autoscaler()
    old["metadata"]["annotations"] = {"autoscaling.alpha.kubernetes.io/metrics": "{", "a": "b"}
    found = v1_to_stored(old)
    assert found["metadata"]["annotations"] == {"a": "b"}
    assert "metrics" not in found["spec"]


def test_an_events_fields_have_other_names() -> None:
    core = {
        "metadata": {"name": "e"},
        "involvedObject": {"name": "p"},
        "message": "m",
        "reportingComponent": "c",
        "count": 2,
        "type": "Normal",
    }
    found = from_core(core)
    assert found["regarding"] == {"name": "p"}
    assert found["deprecatedCount"] == 2
    assert to_core(found) == core


def level(shares: int | None, **annotations: str) -> dict[str, Any]:
    limited = {} if shares is None else {"nominalConcurrencyShares": shares}
    metadata: dict[str, Any] = {"name": "p"}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": {"type": "Limited", "limited": limited}}


def test_zero_shares_travel_in_an_annotation() -> None:
    zero = level(0, **{PRESERVE_ZERO: ""})
    assert v1beta3_from_stored(level(0)) == zero
    assert v1beta3_to_stored(zero) == level(0)
    assert v1beta3_to_stored(level(0)) == level(None)
    assert v1beta3_from_stored(level(5)) == level(5)
    assert v1beta3_to_stored(level(5)) == level(5)
