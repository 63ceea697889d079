"""A ReplicationController does what a ReplicaSet does, by a map of labels."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.resource import PODS, REPLICATION_CONTROLLERS
from k8slite.controllers.apps.replicationcontroller import ReplicationControllerController
from k8slite.objects.errors import Forbidden
from tests.controllers.toy_cluster import ToyCluster, template

RC = "/api/v1/namespaces/ns/replicationcontrollers/web"


@pytest.fixture
async def cluster():
    cluster = ToyCluster()
    async with cluster.running([ReplicationControllerController]):
        yield cluster


def controller(replicas: int):
    spec = {"replicas": replicas, "selector": {"app": "a"}, "template": template()}
    return {"metadata": {"name": "web"}, "spec": spec}


async def test_pods_are_made_and_counted(autojump_clock, cluster):
    await cluster.client.create(REPLICATION_CONTROLLERS, controller(3), "ns")
    await cluster.quiet()
    owner = cluster.api.get(RC)["metadata"]
    references = [pod["metadata"]["ownerReferences"] for pod in cluster.pods()]
    assert references == 3 * [
        [
            {
                "apiVersion": "v1",
                "kind": "ReplicationController",
                "name": "web",
                "uid": owner["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    ]
    assert cluster.api.get(RC)["status"] == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "observedGeneration": 1,
    }
    assert {event[1] for event in cluster.events()} == {"SuccessfulCreate"}


async def test_scaling_down(autojump_clock, cluster):
    await cluster.client.create(REPLICATION_CONTROLLERS, controller(4), "ns")
    await cluster.quiet()
    patch = {"spec": {"replicas": 1}}
    await cluster.client.patch(REPLICATION_CONTROLLERS, "web", patch, "ns")
    await trio.sleep(0.5)
    assert "terminatingReplicas" not in cluster.api.get(RC)["status"]
    await cluster.quiet()
    assert len(cluster.pods()) == 1


async def test_orphans_are_adopted_and_strangers_released(autojump_clock, cluster):
    orphan = {"metadata": {"name": "orphan", "labels": {"app": "a"}}, "spec": {}}
    await cluster.client.create(PODS, orphan, "ns")
    await cluster.client.create(REPLICATION_CONTROLLERS, controller(2), "ns")
    await cluster.quiet()
    assert len(cluster.pods()) == 2
    await cluster.client.patch(PODS, "orphan", {"metadata": {"labels": {"app": "b"}}}, "ns")
    await cluster.quiet()
    assert len(cluster.pods()) == 3
    released = cluster.api.get("/api/v1/namespaces/ns/pods/orphan")
    assert not released["metadata"]["ownerReferences"]


async def test_a_refusal_is_a_condition_until_it_is_over(autojump_clock, cluster):
    refusing = True

    async def refuse(request):
        if refusing and request.method == "POST" and request.path.endswith("/pods"):
            raise Forbidden("exceeded quota")

    cluster.api.before = refuse
    await cluster.client.create(REPLICATION_CONTROLLERS, controller(2), "ns")
    await trio.sleep(5)
    (condition,) = cluster.api.get(RC)["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
    refusing = False
    await cluster.quiet()
    assert "conditions" not in cluster.api.get(RC)["status"]
