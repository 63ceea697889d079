"""Volumes of drivers are attached to the nodes whose pods mount them."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.resource import (
    CSI_DRIVERS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
)
from k8slite.controllers.storage.attach_detach import AttachDetachController
from tests.controllers.toy_cluster import ToyCluster

UNIQUE = "kubernetes.io/csi/d.e.com^h"


@pytest.fixture
async def cluster():
    cluster = ToyCluster()
    async with cluster.running([AttachDetachController], kubelet=False):
        for name in ("n1", "n2"):
            await cluster.client.create(NODES, {"metadata": {"name": name}, "spec": {}})
        yield cluster


async def volume(cluster, *modes):
    spec = {
        "accessModes": modes or ["ReadWriteOnce"],
        "csi": {"driver": "d.e.com", "volumeHandle": "h"},
        "claimRef": {"namespace": "ns", "name": "data", "uid": "u"},
    }
    await cluster.client.create(PERSISTENT_VOLUMES, {"metadata": {"name": "v"}, "spec": spec})
    claim = {"metadata": {"name": "data"}, "spec": {"volumeName": "v"}}
    await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim, "ns")


async def pod(cluster, name, node):
    mounted = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
    spec = {"nodeName": node, "volumes": [mounted], "terminationGracePeriodSeconds": 0}
    await cluster.client.create(PODS, {"metadata": {"name": name}, "spec": spec}, "ns")
    await trio.sleep(1)


def attachments(cluster):
    return cluster.api.list("/apis/storage.k8s.io/v1/volumeattachments")


def nodes(cluster):
    return sorted(one["spec"]["nodeName"] for one in attachments(cluster))


def attach(cluster, index=0):
    """Do what a driver does."""
    name = attachments(cluster)[index]["metadata"]["name"]
    path = f"/apis/storage.k8s.io/v1/volumeattachments/{name}"
    cluster.api.change(path, lambda one: one.update(status={"attached": True}))


async def test_a_volume_is_attached_where_a_pod_mounts_it(autojump_clock, cluster):
    await volume(cluster)
    assert nodes(cluster) == []
    await pod(cluster, "a", "n1")
    (made,) = attachments(cluster)
    assert made["spec"] == {
        "attacher": "d.e.com",
        "nodeName": "n1",
        "source": {"persistentVolumeName": "v"},
    }
    assert made["metadata"]["name"] == (
        "csi-f1181f186dd4ad52d8d68949d94a69ce1a9cc4bfc7f97d534dea183cf0c40bda"
    )
    attach(cluster)
    await trio.sleep(1)
    node = cluster.api.get("/api/v1/nodes/n1")
    path = made["metadata"]["name"]
    assert node["status"]["volumesAttached"] == [{"name": UNIQUE, "devicePath": path}]
    told = 'AttachVolume.Attach succeeded for volume "v" '
    assert ("Normal", "SuccessfulAttachVolume", told) in cluster.events()


async def test_it_is_detached_when_nobody_needs_it(autojump_clock, cluster):
    await volume(cluster)
    await pod(cluster, "a", "n1")
    attach(cluster)
    await trio.sleep(1)
    await cluster.client.delete(PODS, "a", "ns")
    await trio.sleep(1)
    assert nodes(cluster) == []
    assert "volumesAttached" not in cluster.api.get("/api/v1/nodes/n1")["status"]


async def test_a_node_that_has_it_mounted_keeps_it(autojump_clock, cluster):
    await volume(cluster)
    await pod(cluster, "a", "n1")
    path = "/api/v1/nodes/n1"
    cluster.api.change(path, lambda one: one.update(status={"volumesInUse": [UNIQUE]}))
    await cluster.client.delete(PODS, "a", "ns")
    await trio.sleep(1)
    assert nodes(cluster) == ["n1"]
    cluster.api.change(path, lambda one: one.update(status={}))
    await trio.sleep(1)
    assert nodes(cluster) == []


async def test_a_volume_for_one_writer_is_attached_once(autojump_clock, cluster):
    await volume(cluster)
    await pod(cluster, "a", "n1")
    await pod(cluster, "b", "n2")
    assert nodes(cluster) == ["n1"]
    kind, reason, message = cluster.events()[0]
    assert (kind, reason) == ("Warning", "FailedAttachVolume")
    assert message.startswith('Multi-Attach error for volume "v" Volume is already exclusively')
    await cluster.client.delete(PODS, "a", "ns")
    await trio.sleep(1)
    assert nodes(cluster) == ["n2"]


async def test_a_shared_volume_is_attached_everywhere(autojump_clock, cluster):
    await volume(cluster, "ReadWriteMany")
    await pod(cluster, "a", "n1")
    await pod(cluster, "b", "n2")
    assert nodes(cluster) == ["n1", "n2"]


async def test_a_driver_that_does_not_attach_is_left_alone(autojump_clock, cluster):
    driver = {"metadata": {"name": "d.e.com"}, "spec": {"attachRequired": False}}
    await cluster.client.create(CSI_DRIVERS, driver)
    await volume(cluster)
    await pod(cluster, "a", "n1")
    assert nodes(cluster) == []
