"""Claims and volumes find each other, and part."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.resource import (
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
)
from k8slite.controllers.storage.local_path_provisioner import LocalPathProvisioner
from k8slite.controllers.storage.volume_binder import VolumeBinderController
from k8slite.controllers.storage.volume_expand import VolumeExpandController
from tests.controllers.toy_cluster import ToyCluster

CLAIM = "/api/v1/namespaces/ns/persistentvolumeclaims/"
VOLUME = "/api/v1/persistentvolumes/"
COMPLETED = "pv.kubernetes.io/bind-completed"
BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
SELECTED = "volume.kubernetes.io/selected-node"


@pytest.fixture
async def cluster():
    cluster = ToyCluster()
    async with cluster.running([VolumeBinderController], kubelet=False):
        yield cluster


@pytest.fixture
async def provisioning():
    cluster = ToyCluster()
    both = [VolumeBinderController, LocalPathProvisioner]
    async with cluster.running(both, kubelet=False):
        yield cluster


def volume(name, size="1Gi", **spec):
    return {
        "metadata": {"name": name, "labels": spec.pop("labels", {})},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": spec.pop("modes", ["ReadWriteOnce"]),
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": "/tmp/x"},
            **spec,
        },
    }


def claim(name, size="1Gi", **spec):
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            **({} if "storageClassName" in spec else {"storageClassName": ""}),
            **spec,
        },
        "status": {"phase": "Pending"},
    }


async def make(cluster, *objects):
    for one in objects:
        if "hostPath" in one["spec"] or "csi" in one["spec"] or "nfs" in one["spec"]:
            await cluster.client.create(PERSISTENT_VOLUMES, one)
        else:
            await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, one, "ns")
    await trio.sleep(1)


async def storage_class(cluster, name, provisioner="e.com/p", mode="Immediate", **metadata):
    found = {
        "metadata": {"name": name, **metadata},
        "provisioner": provisioner,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": mode,
    }
    await cluster.client.create(STORAGE_CLASSES, found)
    await trio.sleep(1)


def bound(cluster, name):
    """The name of a claim's volume, once both say so."""
    found = cluster.api.get(CLAIM + name)
    if found["status"].get("phase") != "Bound":
        return None
    of = found["spec"]["volumeName"]
    other = cluster.api.get(VOLUME + of)
    assert other["spec"]["claimRef"]["uid"] == found["metadata"]["uid"]
    assert other["status"]["phase"] == "Bound"
    assert found["metadata"]["annotations"][COMPLETED] == "yes"
    return of


def phase(cluster, path):
    return cluster.api.get(path)["status"].get("phase")


def told(cluster, reason):
    return [message for _, given, message in cluster.events() if given == reason]


async def test_the_smallest_volume_that_fits(autojump_clock, cluster):
    await make(cluster, volume("a", "5Gi"), volume("b", "2Gi"), volume("c", "500Mi"))
    assert phase(cluster, VOLUME + "a") == "Available"
    await make(cluster, claim("one", "1Gi"))
    assert bound(cluster, "one") == "b"
    found = cluster.api.get(CLAIM + "one")
    assert found["metadata"]["annotations"] == {COMPLETED: "yes", BY_CONTROLLER: "yes"}
    assert found["status"] == {
        "phase": "Bound",
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "2Gi"},
    }
    annotations = cluster.api.get(VOLUME + "b")["metadata"]["annotations"]
    assert annotations == {BY_CONTROLLER: "yes"}


@pytest.mark.parametrize(
    "spec",
    [
        {"modes": ["ReadOnlyMany"]},
        {"storageClassName": "slow"},
        {"volumeMode": "Block"},
        {"size": "100Mi"},
    ],
    ids=str,
)
async def test_a_volume_that_does_not_fit_is_not_taken(autojump_clock, cluster, spec):
    await make(cluster, volume("a", **spec), claim("one"))
    assert bound(cluster, "one") is None
    assert told(cluster, "FailedBinding")[0] == (
        "no persistent volumes available for this claim and no storage class is set"
    )
    await make(cluster, volume("b"))
    assert bound(cluster, "one") == "b"


async def test_a_volume_with_fewer_modes_goes_first(autojump_clock, cluster):
    many = ["ReadWriteOnce", "ReadWriteMany"]
    await make(cluster, volume("a", "1Gi", modes=many), volume("b", "2Gi"))
    await make(cluster, claim("one"))
    assert bound(cluster, "one") == "b"


async def test_a_selector_chooses(autojump_clock, cluster):
    await make(cluster, volume("a", labels={"k": "1"}), volume("b", labels={"k": "2"}))
    await make(cluster, claim("one", selector={"matchLabels": {"k": "2"}}))
    assert bound(cluster, "one") == "b"


async def test_two_claims_get_two_volumes(autojump_clock, cluster):
    await make(cluster, claim("one"), claim("two"), claim("three"))
    await make(cluster, volume("a"), volume("b"))
    found = [bound(cluster, name) for name in ("one", "two", "three")]
    assert sorted(one for one in found if one) == ["a", "b"]


async def test_a_volume_that_is_reserved_waits_for_its_claim(autojump_clock, cluster):
    reserved = volume("a", claimRef={"namespace": "ns", "name": "two"})
    await make(cluster, reserved, claim("one"))
    assert phase(cluster, VOLUME + "a") == "Available"
    assert bound(cluster, "one") is None
    await make(cluster, volume("b"), claim("two"))
    assert (bound(cluster, "one"), bound(cluster, "two")) == ("b", "a")
    assert "annotations" not in cluster.api.get(VOLUME + "a")["metadata"]


async def test_a_claim_may_name_its_volume(autojump_clock, cluster):
    await make(cluster, claim("one", volumeName="a"))
    assert phase(cluster, CLAIM + "one") == "Pending"
    await make(cluster, volume("a"))
    assert bound(cluster, "one") == "a"
    assert cluster.api.get(CLAIM + "one")["metadata"]["annotations"] == {COMPLETED: "yes"}
    await make(cluster, claim("two", volumeName="a"))
    assert bound(cluster, "two") is None
    assert told(cluster, "FailedBinding") == ['volume "a" already bound to a different claim.']


async def test_a_named_volume_must_fit(autojump_clock, cluster):
    await make(cluster, volume("a"), claim("one", "5Gi", volumeName="a"))
    assert bound(cluster, "one") is None
    message = 'Cannot bind to requested volume "a": requested PV is too small'
    assert told(cluster, "VolumeMismatch") == [message]


async def test_a_released_volume_is_kept_and_given_to_nobody(autojump_clock, cluster):
    await make(cluster, volume("a"), claim("one"))
    await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "one", "ns")
    await make(cluster, claim("one"))
    assert phase(cluster, VOLUME + "a") == "Released"
    assert bound(cluster, "one") is None
    # Its administrator makes it available again.
    await cluster.client.patch(PERSISTENT_VOLUMES, "a", {"spec": {"claimRef": None}})
    await trio.sleep(1)
    assert bound(cluster, "one") == "a"


async def released(cluster, **spec):
    await make(cluster, volume("a", persistentVolumeReclaimPolicy="Delete", **spec), claim("one"))
    assert bound(cluster, "one") == "a"
    await cluster.client.delete(PERSISTENT_VOLUME_CLAIMS, "one", "ns")
    await trio.sleep(1)
    return cluster.api.get(VOLUME + "a")


async def test_delete_takes_a_volume_of_tmp_away(autojump_clock, cluster):
    assert await released(cluster) is None


async def test_delete_fails_elsewhere(autojump_clock, cluster):
    left = await released(cluster, hostPath={"path": "/data"})
    assert left["status"]["phase"] == "Failed"
    message = "host_path deleter only supports /tmp/.+ but received provided /data"
    assert left["status"]["message"] == message
    assert told(cluster, "VolumeFailedDelete") == [message]


async def test_delete_leaves_a_drivers_volume_to_the_driver(autojump_clock, cluster):
    left = await released(cluster, csi={"driver": "d", "volumeHandle": "h"}, hostPath=None)
    assert left["status"]["phase"] == "Released"


async def test_a_claim_that_loses_its_volume_is_lost(autojump_clock, cluster):
    await make(cluster, volume("a"), claim("one"))
    await cluster.client.delete(PERSISTENT_VOLUMES, "a")
    await trio.sleep(1)
    assert phase(cluster, CLAIM + "one") == "Lost"
    message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
    assert told(cluster, "ClaimLost") == [message]


@pytest.mark.parametrize("step", range(1, 5))
async def test_a_binding_that_broke_off_is_finished(autojump_clock, step):
    """The controller dies after each of its writes; another one goes on."""
    cluster = ToyCluster()
    await cluster.client.create(PERSISTENT_VOLUMES, volume("a"))
    await cluster.client.create(PERSISTENT_VOLUMES, volume("b"))
    for name in ("a", "b"):
        cluster.api.change(VOLUME + name, lambda one: one.update(status={"phase": "Available"}))
    await cluster.client.create(PERSISTENT_VOLUME_CLAIMS, claim("one"), "ns")
    writes = 0

    async def dies(request, response):
        nonlocal writes
        if request.method == "PATCH":
            writes += 1
            if writes == step:
                await trio.sleep_forever()

    cluster.api.after = dies
    async with cluster.running([VolumeBinderController], kubelet=False):
        await trio.sleep(5)
    cluster.api.after = None
    async with cluster.running([VolumeBinderController], kubelet=False):
        await trio.sleep(5)
        assert bound(cluster, "one") == "a"
        assert phase(cluster, VOLUME + "b") == "Available"


async def test_a_default_class_comes_late(autojump_clock, cluster):
    waiting = claim("one")
    del waiting["spec"]["storageClassName"]
    await make(cluster, waiting, claim("none"))
    annotation = {"storageclass.kubernetes.io/is-default-class": "true"}
    await storage_class(cluster, "gold", annotations=annotation)
    assert cluster.api.get(CLAIM + "one")["spec"]["storageClassName"] == "gold"
    assert cluster.api.get(CLAIM + "none")["spec"]["storageClassName"] == ""


async def test_a_provisioner_from_outside_is_asked(autojump_clock, cluster):
    await storage_class(cluster, "gold")
    await make(cluster, claim("one", storageClassName="gold"))
    annotations = cluster.api.get(CLAIM + "one")["metadata"]["annotations"]
    assert annotations == {
        "volume.beta.kubernetes.io/storage-provisioner": "e.com/p",
        "volume.kubernetes.io/storage-provisioner": "e.com/p",
    }
    assert told(cluster, "ExternalProvisioning")[0].startswith(
        "Waiting for a volume to be created either by the external provisioner 'e.com/p' or "
    )


async def test_without_a_class_or_a_plugin_there_is_no_volume(autojump_clock, cluster):
    await make(cluster, claim("one", storageClassName="gold"))
    assert told(cluster, "ProvisioningFailed") == ['storageclass.storage.k8s.io "gold" not found']
    await storage_class(cluster, "by-hand", "kubernetes.io/no-provisioner")
    await make(cluster, claim("two", storageClassName="by-hand"))
    message = "no volume plugin matched name: kubernetes.io/no-provisioner"
    assert message in told(cluster, "ProvisioningFailed")


async def test_a_delayed_claim_waits_for_the_scheduler(autojump_clock, cluster):
    await storage_class(cluster, "late", "kubernetes.io/no-provisioner", "WaitForFirstConsumer")
    await make(cluster, volume("a", storageClassName="late"))
    await make(cluster, claim("one", storageClassName="late"))
    assert bound(cluster, "one") is None
    message = "waiting for first consumer to be created before binding"
    assert told(cluster, "WaitForFirstConsumer") == [message]
    mounted = {"name": "v", "persistentVolumeClaim": {"claimName": "one"}}
    pod = {"metadata": {"name": "p"}, "spec": {"volumes": [mounted]}}
    await cluster.client.create(PODS, pod, "ns")
    await trio.sleep(1)
    assert told(cluster, "WaitForPodScheduled") == ["waiting for pod p to be scheduled"]
    # The scheduler reserves a volume.
    uid = cluster.api.get(CLAIM + "one")["metadata"]["uid"]
    reference = {"namespace": "ns", "name": "one", "uid": uid}
    await cluster.client.patch(PERSISTENT_VOLUMES, "a", {"spec": {"claimRef": reference}})
    await trio.sleep(1)
    assert bound(cluster, "one") == "a"


# The provisioner of the default class


async def node(cluster, name):
    labels = {"kubernetes.io/hostname": f"host-{name}"}
    await cluster.client.create(NODES, {"metadata": {"name": name, "labels": labels}, "spec": {}})


async def provisioned(cluster, name="one"):
    await node(cluster, "n")
    await make(cluster, claim(name, storageClassName="standard"))
    patch = {"metadata": {"annotations": {SELECTED: "n"}}}
    await cluster.client.patch(PERSISTENT_VOLUME_CLAIMS, name, patch, "ns")
    await trio.sleep(1)
    return bound(cluster, name)


async def test_there_is_a_default_class(autojump_clock, provisioning):
    await trio.sleep(1)
    found = provisioning.api.get("/apis/storage.k8s.io/v1/storageclasses/standard")
    annotations = found["metadata"]["annotations"]
    assert annotations == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert found["volumeBindingMode"] == "WaitForFirstConsumer"


async def test_a_volume_is_made_where_the_scheduler_says(autojump_clock, provisioning):
    cluster = provisioning
    name = await provisioned(cluster)
    uid = cluster.api.get(CLAIM + "one")["metadata"]["uid"]
    assert name == f"pvc-{uid}"
    found = cluster.api.get(VOLUME + name)
    assert found["metadata"]["annotations"] == {
        "pv.kubernetes.io/provisioned-by": "k8slite.dev/local-path"
    }
    spec = found["spec"]
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["host-n"]}
    assert spec["nodeAffinity"] == {
        "required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    }
    assert spec["capacity"] == {"storage": "1Gi"}
    assert spec["storageClassName"] == "standard"
    assert told(cluster, "ProvisioningSucceeded") == [f"Successfully provisioned volume {name}"]


async def test_it_goes_with_its_claim(autojump_clock, provisioning):
    name = await provisioned(provisioning)
    await provisioning.client.delete(PERSISTENT_VOLUME_CLAIMS, "one", "ns")
    await trio.sleep(1)
    assert provisioning.api.get(VOLUME + name) is None


async def grow(cluster, name, size):
    patch = {"spec": {"resources": {"requests": {"storage": size}}}}
    await cluster.client.patch(PERSISTENT_VOLUME_CLAIMS, name, patch, "ns")
    await trio.sleep(1)


async def test_it_grows_with_its_claim(autojump_clock, provisioning):
    cluster = provisioning
    name = await provisioned(cluster)
    seen = []

    def look(commit):
        if commit.key[2] == "one" and commit.new is not None:
            status = commit.new["status"]
            types = [one["type"] for one in status.get("conditions", ())]
            seen.append((status["capacity"]["storage"], types))

    cluster.api.on_commit.append(look)
    await grow(cluster, "one", "3Gi")
    assert cluster.api.get(VOLUME + name)["spec"]["capacity"] == {"storage": "3Gi"}
    assert seen == [("1Gi", []), ("1Gi", ["Resizing"]), ("3Gi", [])]
    assert told(cluster, "Resizing") == [f"External resizer is resizing volume {name}"]
    assert told(cluster, "VolumeResizeSuccessful") == ["Resize volume succeeded"]


async def test_others_are_expected_to_make_their_volumes_grow(autojump_clock):
    cluster = ToyCluster()
    both = [VolumeBinderController, VolumeExpandController]
    async with cluster.running(both, kubelet=False):
        driver = {"driver": "d", "volumeHandle": "h"}
        await make(cluster, volume("a", csi=driver, hostPath=None), claim("one"))
        assert bound(cluster, "one") == "a"
        await grow(cluster, "one", "2Gi")
        message = "waiting for an external controller to expand this PVC"
        assert ("Normal", "ExternalExpanding", message) in cluster.events()


async def test_a_node_that_is_gone_lets_the_scheduler_choose_again(autojump_clock, provisioning):
    cluster = provisioning
    await make(cluster, claim("one", storageClassName="standard"))
    patch = {"metadata": {"annotations": {SELECTED: "gone"}}}
    await cluster.client.patch(PERSISTENT_VOLUME_CLAIMS, "one", patch, "ns")
    await trio.sleep(1)
    assert SELECTED not in cluster.api.get(CLAIM + "one")["metadata"]["annotations"]
    message = 'failed to provision volume with StorageClass "standard": node "gone" not found'
    assert told(cluster, "ProvisioningFailed") == [message]


async def test_an_immediate_class_of_ones_own_works_too(autojump_clock, provisioning):
    await storage_class(provisioning, "now", "k8slite.dev/local-path")
    await make(provisioning, claim("one", storageClassName="now"))
    assert bound(provisioning, "one")
