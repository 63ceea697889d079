"""A ReplicaSet has as many pods as it asks for, whatever happens to requests and watches."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.resource import PODS, REPLICA_SETS
from k8slite.controllers.apps.replicaset import ReplicaSetController
from k8slite.messages import Response
from k8slite.objects.errors import Forbidden
from tests.controllers.toy_cluster import ToyCluster, replica_set, template

RS = "/apis/apps/v1/namespaces/ns/replicasets/web"


@pytest.fixture
async def cluster():
    cluster = ToyCluster()
    async with cluster.running([ReplicaSetController]):
        yield cluster


async def test_pods_are_made_from_the_template(autojump_clock, cluster):
    described = template()
    described["metadata"] |= {"annotations": {"note": "x"}, "finalizers": ["example.com/f"]}
    await cluster.client.create(REPLICA_SETS, replica_set("web", 3, template=described), "ns")
    await cluster.quiet()
    pods = cluster.pods()
    owner = cluster.api.get(RS)["metadata"]
    assert len(pods) == 3
    for pod in pods:
        metadata = pod["metadata"]
        assert metadata["name"].startswith("web-") and len(metadata["name"]) == 9
        assert metadata["annotations"] == {"note": "x"}
        assert metadata["finalizers"] == ["example.com/f"]
        assert metadata["ownerReferences"] == [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web",
                "uid": owner["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    assert cluster.api.get(RS)["status"] == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
        "observedGeneration": 1,
    }
    names = [pod["metadata"]["name"] for pod in pods]
    assert sorted(cluster.events()) == [
        ("Normal", "SuccessfulCreate", f"Created pod: {name}") for name in names
    ]


async def test_never_more_pods_than_asked_for_at_any_write(autojump_clock, cluster):
    most = 0

    def count(_):
        nonlocal most
        active = [p for p in cluster.pods() if "deletionTimestamp" not in p["metadata"]]
        most = max(most, len(active))

    cluster.api.on_commit.append(count)
    await cluster.client.create(REPLICA_SETS, replica_set("web", 40), "ns")
    await cluster.quiet()
    assert len(cluster.pods()) == most == 40
    cluster.api.put(f"/api/v1/namespaces/ns/pods/{cluster.pods()[7]['metadata']['name']}", None)
    await cluster.quiet()
    assert len(cluster.pods()) == most == 40


async def test_a_slow_watch_makes_no_extra_pods(autojump_clock, cluster):
    await cluster.client.create(REPLICA_SETS, replica_set("web", 5), "ns")
    await trio.sleep(0.001)
    cluster.api.held = True
    await trio.sleep(400)
    cluster.api.held = False
    cluster.api.wake()
    await cluster.quiet()
    assert len(cluster.pods()) == 5


async def test_a_lost_reply_makes_no_extra_pods(autojump_clock, cluster):
    lost = 3

    async def lose(request, response):
        nonlocal lost
        if request.method == "POST" and request.path.endswith("/pods") and lost:
            lost -= 1
            raise OSError("connection reset")

    cluster.api.after = lose
    await cluster.client.create(REPLICA_SETS, replica_set("web", 5), "ns")
    await cluster.quiet()
    assert lost == 0
    assert len(cluster.pods()) == 5


async def test_refused_pods_are_tried_in_small_numbers_and_reported(autojump_clock, cluster):
    refusing = True

    async def refuse(request):
        if refusing and request.method == "POST" and request.path.endswith("/pods"):
            raise Forbidden("exceeded quota")

    cluster.api.before = refuse
    await cluster.client.create(REPLICA_SETS, replica_set("web", 100), "ns")
    await trio.sleep(0.004)
    asked = [r for r in cluster.api.requests if r.method == "POST" and r.path.endswith("/pods")]
    assert len(asked) <= 3  # one for each reconcile, however many are missing
    await trio.sleep(5)
    (condition,) = cluster.api.get(RS)["status"]["conditions"]
    assert condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    assert (condition["reason"], condition["message"]) == ("FailedCreate", "exceeded quota")
    assert ("Warning", "FailedCreate", "Error creating: exceeded quota") in cluster.events()
    refusing = False
    await cluster.quiet()
    assert len(cluster.pods()) == 100
    assert "conditions" not in cluster.api.get(RS)["status"]


async def test_shrinking_deletes_the_least_useful_pods(autojump_clock, cluster):
    cluster.starts = lambda pod: pod["metadata"]["name"] != broken
    broken = ""
    await cluster.client.create(REPLICA_SETS, replica_set("web", 3), "ns")
    await cluster.quiet()
    kept = cluster.pods()[1]["metadata"]["name"]
    cheap = {"controller.kubernetes.io/pod-deletion-cost": "-5"}
    for pod in cluster.pods():
        name = pod["metadata"]["name"]
        if name != kept:
            await cluster.client.patch(PODS, name, {"metadata": {"annotations": cheap}}, "ns")
    await cluster.client.patch(REPLICA_SETS, "web", {"spec": {"replicas": 1}}, "ns")
    await trio.sleep(0.5)
    assert cluster.api.get(RS)["status"]["terminatingReplicas"] == 2
    await cluster.quiet()
    assert [pod["metadata"]["name"] for pod in cluster.pods()] == [kept]
    assert cluster.api.get(RS)["status"]["terminatingReplicas"] == 0
    deleted = [event for event in cluster.events() if event[1] == "SuccessfulDelete"]
    assert len(deleted) == 2


async def test_minimum_ready_seconds_delay_availability(autojump_clock, cluster):
    await cluster.client.create(REPLICA_SETS, replica_set("web", 2, minReadySeconds=30), "ns")
    await trio.sleep(20)
    status = cluster.api.get(RS)["status"]
    assert status["readyReplicas"] == 2 and "availableReplicas" not in status
    await trio.sleep(15)
    assert cluster.api.get(RS)["status"]["availableReplicas"] == 2


async def test_matching_orphans_are_adopted_and_strangers_released(autojump_clock, cluster):
    orphan = {"metadata": {"name": "orphan", "labels": {"app": "a"}}, "spec": {}}
    await cluster.client.create(PODS, orphan, "ns")
    await cluster.client.create(REPLICA_SETS, replica_set("web", 2), "ns")
    await cluster.quiet()
    assert len(cluster.pods()) == 2
    uid = cluster.api.get(RS)["metadata"]["uid"]
    adopted = cluster.api.get("/api/v1/namespaces/ns/pods/orphan")
    assert [one["uid"] for one in adopted["metadata"]["ownerReferences"]] == [uid]
    await cluster.client.patch(PODS, "orphan", {"metadata": {"labels": {"app": "b"}}}, "ns")
    await cluster.quiet()
    assert len(cluster.pods()) == 3
    released = cluster.api.get("/api/v1/namespaces/ns/pods/orphan")
    assert not released["metadata"]["ownerReferences"]


async def test_a_set_being_deleted_adopts_and_creates_nothing(autojump_clock, cluster):
    ending = replica_set("web", 2)
    ending["metadata"]["finalizers"] = ["example.com/f"]
    async with trio.open_nursery():
        await cluster.client.create(REPLICA_SETS, {**ending, "spec": {**ending["spec"]}}, "ns")
        await cluster.client.delete(REPLICA_SETS, "web", "ns")
    await cluster.client.create(
        PODS, {"metadata": {"name": "orphan", "labels": {"app": "a"}}, "spec": {}}, "ns"
    )
    await cluster.quiet()
    orphan = cluster.api.get("/api/v1/namespaces/ns/pods/orphan")
    assert not orphan["metadata"].get("ownerReferences")


async def test_ended_pods_are_replaced(autojump_clock, cluster):
    await cluster.client.create(REPLICA_SETS, replica_set("web", 2), "ns")
    await cluster.quiet()
    name = cluster.pods()[0]["metadata"]["name"]
    await cluster.client.patch(
        PODS, name, {"status": {"phase": "Failed"}}, "ns", subresource="status"
    )
    await cluster.quiet()
    assert len(cluster.pods()) == 3
    assert cluster.api.get(RS)["status"]["replicas"] == 2


async def test_a_large_set_comes_in_bursts(autojump_clock, cluster):
    await cluster.client.create(REPLICA_SETS, replica_set("web", 700), "ns")
    await cluster.quiet()
    assert len(cluster.pods()) == 700
    assert cluster.api.get(RS)["status"]["availableReplicas"] == 700
    await cluster.client.patch(REPLICA_SETS, "web", {"spec": {"replicas": 0}}, "ns")
    await cluster.quiet()
    assert cluster.pods() == []
    # Similar events are combined and a noisy source is stopped.
    assert len(cluster.events()) < 30


async def test_answers_in_the_apis_place_are_errors_too(autojump_clock, cluster):
    busy = 4

    async def fail(request):
        nonlocal busy
        if request.method == "POST" and busy:
            busy -= 1
            return Response(500, b'{"reason": "InternalError", "message": "disk"}')
        return None

    await cluster.client.create(REPLICA_SETS, replica_set("web", 0), "ns")
    cluster.api.before = fail
    await cluster.client.patch(REPLICA_SETS, "web", {"spec": {"replicas": 3}}, "ns")
    await cluster.quiet()
    assert len(cluster.pods()) == 3
