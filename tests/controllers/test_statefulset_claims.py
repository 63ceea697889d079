"""The claims of a StatefulSet's pods: made with them, owned as the retention policy says."""

from __future__ import annotations

import pytest

from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS
from k8slite.controllers.apps.statefulset import StatefulSetController
from k8slite.objects.errors import Forbidden
from tests.controllers.test_statefulset import change, create, names, revisions
from tests.controllers.toy_cluster import ToyCluster, template

DATA = {
    "metadata": {"name": "data", "labels": {"tier": "db"}},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


@pytest.fixture
async def cluster():
    cluster = ToyCluster()
    async with cluster.running([StatefulSetController]):
        yield cluster


def claims(cluster):
    return cluster.api.list("/api/v1/persistentvolumeclaims")


def owners(cluster):
    return {
        claim["metadata"]["name"]: [
            f"{one['kind']}/{one['name']}" for one in claim["metadata"].get("ownerReferences", ())
        ]
        for claim in claims(cluster)
    }


def policy(deleted, scaled):
    return {"whenDeleted": deleted, "whenScaled": scaled}


async def create_with_data(cluster, replicas, **spec):
    await create(cluster, replicas, volumeClaimTemplates=[DATA], **spec)
    await cluster.quiet()


async def test_each_pod_gets_its_claim_before_it_is_made(autojump_clock, cluster):
    order = []
    cluster.api.on_commit.append(
        lambda commit: order.append(commit.key[2]) if commit.old is None else None
    )
    await create_with_data(cluster, 2)
    assert [name for name in order if name in ("data-web-0", "web-0")] == ["data-web-0", "web-0"]
    claim = claims(cluster)[1]
    assert claim["metadata"]["name"] == "data-web-1"
    assert claim["metadata"]["labels"] == {"tier": "db", "app": "a"}
    assert claim["spec"] == DATA["spec"]
    assert cluster.pods()[1]["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"}}
    ]
    told = "create Claim data-web-1 Pod web-1 in StatefulSet web success"
    assert ("Normal", "SuccessfulCreate", told) in cluster.events()


async def test_volumes_of_the_template_give_way(autojump_clock, cluster):
    pods = template()
    pods["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    await create_with_data(cluster, 1, template=pods)
    assert cluster.pods()[0]["spec"]["volumes"] == [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    template_kept = revisions(cluster)[0]["data"]["spec"]["template"]
    assert [one["name"] for one in template_kept["spec"]["volumes"]] == ["data", "tmp"]


async def test_claims_stay_by_default_and_are_used_again(autojump_clock, cluster):
    await create_with_data(cluster, 2)
    before = [claim["metadata"]["uid"] for claim in claims(cluster)]
    for replicas in (0, 2):
        await change(cluster, replicas=replicas)
        await cluster.quiet()
    assert [claim["metadata"]["uid"] for claim in claims(cluster)] == before
    assert owners(cluster) == {"data-web-0": [], "data-web-1": []}


async def test_claims_that_go_with_the_set_are_owned_by_it(autojump_clock, cluster):
    await create_with_data(
        cluster, 1, persistentVolumeClaimRetentionPolicy=policy("Delete", "Retain")
    )
    assert owners(cluster) == {"data-web-0": ["StatefulSet/web"]}
    await change(cluster, persistentVolumeClaimRetentionPolicy=policy("Retain", "Retain"))
    await cluster.quiet()
    assert owners(cluster) == {"data-web-0": []}


@pytest.mark.parametrize("deleted", ["Delete", "Retain"])
async def test_claims_that_go_with_their_pod_are_owned_by_it(autojump_clock, cluster, deleted):
    cluster.stop_seconds = 300.0
    retention = policy(deleted, "Delete")
    await create_with_data(cluster, 2, persistentVolumeClaimRetentionPolicy=retention)
    kept = ["StatefulSet/web"] if deleted == "Delete" else []
    assert owners(cluster) == {"data-web-0": kept, "data-web-1": kept}
    await change(cluster, replicas=1)
    await cluster.quiet()
    assert owners(cluster) == {"data-web-0": kept, "data-web-1": ["Pod/web-1"]}


async def test_a_pod_waits_until_the_claim_of_the_last_one_is_gone(autojump_clock, cluster):
    retention = policy("Retain", "Delete")
    await create_with_data(cluster, 2, persistentVolumeClaimRetentionPolicy=retention)
    await change(cluster, replicas=1)
    await cluster.quiet()
    await change(cluster, replicas=2)
    await cluster.quiet()
    assert names(cluster) == ["web-0"]  # nobody has collected the claim yet
    await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "data-web-1", "ns")
    await cluster.quiet()
    assert names(cluster) == ["web-0", "web-1"]


async def test_another_controllers_claim_is_left_to_it(autojump_clock, cluster):
    owner = {"apiVersion": "e.com/v1", "kind": "Disk", "name": "d", "uid": "1", "controller": True}
    claim = {"metadata": {"name": "data-web-0", "ownerReferences": [owner]}, "spec": DATA["spec"]}
    await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim, "ns")
    await create_with_data(
        cluster, 1, persistentVolumeClaimRetentionPolicy=policy("Delete", "Delete")
    )
    assert owners(cluster) == {"data-web-0": ["Disk/d"]}
    assert names(cluster) == ["web-0"]
    assert "ConflictingController" in [reason for _, reason, _ in cluster.events()]


async def test_a_claim_that_is_refused_holds_its_pod_up(autojump_clock, cluster):
    allowed = False

    async def refuse(request):
        if request.method == "POST" and "persistentvolumeclaims" in request.path and not allowed:
            raise Forbidden("exceeded quota")

    cluster.api.before = refuse
    await create_with_data(cluster, 1)
    assert names(cluster) == []
    told = [message for kind, _, message in cluster.events() if kind == "Warning"]
    assert told[0] == (
        "create Claim data-web-0 for Pod web-0 in StatefulSet web failed error: exceeded quota"
    )
    assert told[1] == (
        "create Pod web-0 in StatefulSet web failed error: failed to create PVC data-web-0: "
        "exceeded quota"
    )
    allowed = True
    await cluster.client.patch(STATEFUL_SETS, "web", {"spec": {"minReadySeconds": 1}}, "ns")
    await cluster.quiet()
    assert names(cluster) == ["web-0"]


async def test_a_lost_claim_of_a_waiting_pod_is_made_again(autojump_clock):
    cluster = ToyCluster(start_seconds=500.0)
    async with cluster.running([StatefulSetController]):
        await create_with_data(cluster, 1)
        await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "data-web-0", "ns")
        patch = {"metadata": {"labels": {"touched": "yes"}}}
        await cluster.client.patch(PODS, "web-0", patch, "ns")
        await cluster.quiet()
        assert [claim["metadata"]["name"] for claim in claims(cluster)] == ["data-web-0"]
