"""Claims that are made for a pod's volumes, and are the pod's."""

from __future__ import annotations

import pytest

from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS, PODS
from k8slite.controllers.storage.ephemeral_volume import EphemeralVolumeController
from tests.controllers.toy_cluster import ToyCluster

SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
TEMPLATE = {"metadata": {"labels": {"tier": "cache"}}, "spec": SPEC}
POD = {
    "metadata": {"name": "web"},
    "spec": {
        "containers": [],
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "cache", "ephemeral": {"volumeClaimTemplate": TEMPLATE}},
        ],
    },
}


@pytest.fixture
async def cluster():
    cluster = ToyCluster()
    async with cluster.running([EphemeralVolumeController], kubelet=False):
        yield cluster


def claims(cluster):
    return cluster.api.list("/api/v1/persistentvolumeclaims")


async def test_a_claim_is_made_and_owned(autojump_clock, cluster):
    pod = await cluster.client.create(PODS, POD, "ns")
    await cluster.quiet()
    (made,) = claims(cluster)
    metadata = made["metadata"]
    assert (metadata["name"], metadata["labels"]) == ("web-cache", {"tier": "cache"})
    assert made["spec"] == SPEC
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": "web",
            "uid": pod["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


async def test_a_claim_that_goes_is_made_again(autojump_clock, cluster):
    await cluster.client.create(PODS, POD, "ns")
    await cluster.quiet()
    await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "web-cache", "ns")
    await cluster.quiet()
    assert len(claims(cluster)) == 1


async def test_somebody_elses_claim_is_not_taken(autojump_clock, cluster):
    foreign = {"metadata": {"name": "web-cache"}, "spec": SPEC}
    await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, foreign, "ns")
    await cluster.client.create(PODS, POD, "ns")
    await cluster.quiet()
    assert "ownerReferences" not in claims(cluster)[0]
    kind, reason, message = cluster.events()[0]
    assert (kind, reason) == ("Warning", "FailedBinding")
    assert message == (
        "ephemeral volume cache: PVC ns/web-cache was not created for pod ns/web (pod is not owner)"
    )
