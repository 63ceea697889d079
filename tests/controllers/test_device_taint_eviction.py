"""Pods leave devices that got NoExecute taints."""

from __future__ import annotations

import trio

from k8slite import sim
from k8slite.client.client import MERGE_PATCH
from k8slite.client.resource import (
    DEVICE_TAINT_RULES,
    EVENTS,
    PODS,
    RESOURCE_CLAIMS,
    RESOURCE_SLICES,
)
from tests.scheduler.devices import DRIVER, claim, device, device_class, request, resource_slice
from tests.simulation.scenarios_devices import pod, tolerating

TAINT = {"key": "example.com/broken", "effect": "NoExecute"}


async def start(cluster, *tolerations):
    await cluster.apply(device_class())
    await cluster.apply(resource_slice("node-0", device("d0")))
    await cluster.apply(claim("c", request("one", tolerations=list(tolerations))))
    await cluster.client.create(PODS, pod("web", resourceClaimName="c"), "default")
    await cluster.rest()
    assert pods(cluster) == ["web"]


async def taint(cluster, *taints):
    patch = {"spec": {"devices": [device("d0", taints=list(taints))]}}
    await cluster.client.patch(RESOURCE_SLICES, "node-0", patch, patch_type=MERGE_PATCH)


def pods(cluster):
    return [one["metadata"]["name"] for one in cluster.objects(PODS, "default")]


def told(cluster):
    return [
        one["message"]
        for one in cluster.objects(EVENTS, "default")
        if one["reason"] == "DeviceTaintManagerEviction"
    ]


async def test_it_goes_at_once(autojump_clock):
    async with sim.cluster(nodes=1) as cluster:
        await start(cluster)
        await taint(cluster, {**TAINT, "effect": "NoSchedule"})
        await cluster.rest()
        assert pods(cluster) == ["web"]
        held = {"metadata": {"finalizers": ["example.com/held"]}}
        await cluster.client.patch(PODS, "web", held, "default", patch_type=MERGE_PATCH)
        await taint(cluster, TAINT)
        await cluster.rest()
        [web] = cluster.objects(PODS, "default")
        [condition] = [
            one for one in web["status"]["conditions"] if one["type"] == "DisruptionTarget"
        ]
        assert condition["reason"] == "DeletionByDeviceTaintManager"
        assert condition["message"] == "Device Taint manager: deleting due to NoExecute taint"
        assert "deletionTimestamp" in web["metadata"]
        assert told(cluster) == ["Marking for deletion"]


async def test_what_its_claim_tolerates(autojump_clock):
    async with sim.cluster(nodes=1) as cluster:
        await start(cluster, tolerating(60), {**tolerating(200), "key": "", "operator": "Exists"})
        await taint(cluster, TAINT)
        await trio.sleep(40)
        assert pods(cluster) == ["web"]
        await taint(cluster)
        await trio.sleep(60)
        assert (pods(cluster), told(cluster)) == (["web"], ["Cancelling deletion"])
        moment = cluster.world.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        await taint(cluster, {**TAINT, "timeAdded": moment})
        await trio.sleep(55)
        assert pods(cluster) == ["web"]
        await trio.sleep(15)
        assert pods(cluster) == []


async def test_a_rule_taints_devices(autojump_clock):
    async with sim.cluster(nodes=1) as cluster:
        await start(cluster)
        rule = {
            "metadata": {"name": "r"},
            "spec": {"deviceSelector": {"driver": DRIVER, "pool": "other"}, "taint": TAINT},
        }
        await cluster.client.create(DEVICE_TAINT_RULES, rule)
        await cluster.rest()
        assert pods(cluster) == ["web"]
        rule["metadata"]["name"] = "s"
        rule["spec"]["deviceSelector"]["pool"] = "node-0"
        await cluster.client.create(DEVICE_TAINT_RULES, rule)
        await cluster.rest()
        assert pods(cluster) == []


async def test_who_uses_another_claim_stays(autojump_clock):
    async with sim.cluster(nodes=1) as cluster:
        await start(cluster)
        freed = {"status": {"reservedFor": None}}
        await cluster.client.patch(
            RESOURCE_CLAIMS, "c", freed, "default", subresource="status", patch_type=MERGE_PATCH
        )
        await taint(cluster, TAINT)
        assert "web" in pods(cluster)
