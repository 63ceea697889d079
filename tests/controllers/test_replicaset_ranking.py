"""The order in which pods are given up, one reason at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from k8slite.controllers.apps.replicaset_ranking import DELETION_COST, worst_first
from k8slite.kinds.core.models import Pod
from k8slite.objects.meta import timestamp
from k8slite.objects.structure import structure

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def pod(
    name, *, node="n1", phase="Running", ready_for=1000, age=1000, cost=None, restarts=0, sidecar=0
):
    conditions = []
    if ready_for is not None:
        since = timestamp(NOW - timedelta(seconds=ready_for))
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": since}]
    return structure(
        {
            "metadata": {
                "name": name,
                "uid": name,
                "creationTimestamp": timestamp(NOW - timedelta(seconds=age)),
                "annotations": {DELETION_COST: cost} if cost else {},
            },
            "spec": {
                "nodeName": node,
                "initContainers": [{"name": "s", "restartPolicy": "Always"}, {"name": "i"}],
            },
            "status": {
                "phase": phase,
                "conditions": conditions,
                "containerStatuses": [{"name": "c", "restartCount": restarts}],
                "initContainerStatuses": [
                    {"name": "s", "restartCount": sidecar},
                    {"name": "i", "restartCount": 99},
                ],
            },
        },
        Pod,
    )


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"node": ""}, {"phase": "Pending", "ready_for": None}),
        ({"phase": "Pending"}, {"phase": "Unknown"}),
        ({"phase": "Unknown"}, {"phase": "Running"}),
        ({"ready_for": None, "cost": "9"}, {}),
        ({"cost": "-1"}, {}),
        ({}, {"cost": "10"}),
        ({"cost": "nonsense"}, {"cost": "1"}),
        ({"ready_for": 10}, {"ready_for": 1000, "restarts": 5}),
        ({"restarts": 2}, {"restarts": 1, "age": 1}),
        ({"sidecar": 2}, {"sidecar": 1}),
        ({"age": 10}, {"age": 1000}),
    ],
)
def test_the_worse_goes_first(worse, better):
    for names in (("a", "b"), ("b", "a")):
        first, second = pod(names[0], **worse), pod(names[1], **better)
        assert worst_first([second, first], [], NOW)[0] is first
        assert worst_first([first, second], [], NOW)[0] is first


def test_crowded_nodes_are_thinned_first():
    pods = [pod("a", node="n1"), pod("b", node="n2"), pod("c", node="n2")]
    other_set = [pod("x", node="n1"), pod("y", node="n1")]
    assert worst_first(pods, pods, NOW)[0].spec.node_name == "n2"
    assert worst_first(pods, pods + other_set, NOW)[0].spec.node_name == "n1"


def test_pods_of_about_the_same_age_go_in_order_of_uid():
    pods = [pod("b", ready_for=1000), pod("a", ready_for=1010)]
    assert [one.metadata.name for one in worst_first(pods, pods, NOW)] == ["a", "b"]
