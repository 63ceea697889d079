"""Pods and their claims on devices, in a whole cluster: made, given, shared, taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from k8slite import sim
from k8slite.client.resource import (
    DEVICE_CLASSES,
    EVENTS,
    PODS,
    RESOURCE_CLAIM_TEMPLATES,
    RESOURCE_CLAIMS,
    RESOURCE_SLICES,
)
from k8slite.objects.errors import NotFound
from k8slite.sim.simulation import Simulation
from tests.scheduler.devices import (
    claim,
    device,
    device_class,
    request,
    resource_slice,
    template,
    wants,
)

Json = dict[str, Any]

FINALIZER = "resource.kubernetes.io/delete-protection"


@asynccontextmanager
async def two_nodes() -> AsyncIterator[Simulation]:
    async with sim.cluster(nodes=2) as cluster:
        await cluster.apply(device_class())
        yield cluster


def pod(name: str, *claims: Json, **spec: Any) -> Json:
    containers = [{"name": "main", "image": "example.com/app"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", **spec.pop("metadata", {})},
        "spec": {
            "containers": containers,
            "terminationGracePeriodSeconds": 1,
            "resourceClaims": list(claims),
            **spec,
        },
    }


def by_template(name: str = "t", entry: str = "gpu") -> Json:
    return {"name": entry, "resourceClaimTemplateName": name}


def by_name(name: str, entry: str = "gpu") -> Json:
    return {"name": entry, "resourceClaimName": name}


async def apply(cluster: Simulation, *objects: Json) -> None:
    for one in objects:
        await cluster.apply(one)
    await cluster.rest()


def found(cluster: Simulation, name: str) -> Json:
    return next(one for one in cluster.objects(PODS) if one["metadata"]["name"] == name)


def claims(cluster: Simulation) -> dict[str, Json]:
    """The claims by name, or by the pod that they were made for."""
    return {
        one["metadata"].get("ownerReferences", [one["metadata"]])[0]["name"]: one
        for one in cluster.objects(RESOURCE_CLAIMS)
    }


def devices(one: Json) -> list[str]:
    allocated = one["status"].get("allocation", {"devices": {"results": []}})
    return [result["device"] for result in allocated["devices"]["results"]]


def users(one: Json) -> list[str]:
    return [user["name"] for user in one["status"].get("reservedFor", ())]


def why(cluster: Simulation, name: str) -> str:
    """Why a pod has no node."""
    for condition in found(cluster, name)["status"].get("conditions", ()):
        if condition["type"] == "PodScheduled":
            return str(condition.get("message", ""))
    return ""


async def test_a_claim_is_made_for_a_pod_and_given_a_device(autojump_clock):
    async with two_nodes() as cluster:
        made = template("t")
        made["spec"]["metadata"] = {"labels": {"app": "x"}, "annotations": {"a": "b"}}
        slices = resource_slice("node-0", device("d0"))
        await apply(cluster, slices, made, pod("web", by_template()))
        web = found(cluster, "web")
        assert (web["spec"]["nodeName"], web["status"]["phase"]) == ("node-0", "Running")
        [one] = cluster.objects(RESOURCE_CLAIMS)
        metadata = one["metadata"]
        assert metadata["name"].startswith("web-gpu-")
        assert metadata["labels"] == {"app": "x"}
        assert metadata["annotations"] == {
            "a": "b",
            "resource.kubernetes.io/pod-claim-name": "gpu",
        }
        assert metadata["finalizers"] == [FINALIZER]
        assert metadata["ownerReferences"][0]["uid"] == web["metadata"]["uid"]
        assert web["status"]["resourceClaimStatuses"] == [
            {"name": "gpu", "resourceClaimName": metadata["name"]}
        ]
        assert (devices(one), users(one)) == (["d0"], ["web"])


async def test_who_comes_too_late_waits_until_a_device_is_free(autojump_clock):
    async with two_nodes() as cluster:
        await apply(cluster, resource_slice("node-0", device("d0")), template("t"))
        await apply(cluster, pod("first", by_template()), pod("second", by_template()))
        assert why(cluster, "second") == (
            "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, "
            "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
        )
        await cluster.client.delete(PODS, "first", "default")
        await cluster.rest()
        assert list(claims(cluster)) == ["second"]
        assert found(cluster, "second")["status"]["phase"] == "Running"


async def test_a_pod_that_has_ended_gives_its_devices_back(autojump_clock):
    async with two_nodes() as cluster:
        await apply(cluster, resource_slice("node-0", device("d0")), template("t"))
        ends = {"k8slite.dev/exit-after": "5s", "k8slite.dev/exit-code": "0"}
        job = pod("job", by_template(), restartPolicy="Never", metadata={"annotations": ends})
        await apply(cluster, job)
        assert found(cluster, "job")["status"]["phase"] == "Succeeded"
        assert claims(cluster) == {}
        await apply(cluster, pod("next", by_template()))
        assert found(cluster, "next")["status"]["phase"] == "Running"


async def test_a_pod_waits_for_its_claim_and_says_nothing_of_it(autojump_clock):
    async with two_nodes() as cluster:
        await apply(cluster, resource_slice("node-0", device("d0")), pod("web", by_name("shared")))
        assert "conditions" not in found(cluster, "web")["status"]
        await apply(cluster, claim("shared"))
        assert found(cluster, "web")["status"]["phase"] == "Running"


async def test_a_template_that_is_not_there_is_told(autojump_clock):
    async with two_nodes() as cluster:
        await cluster.apply(pod("web", by_template()))
        with trio.move_on_after(30):
            await trio.sleep_forever()
        [told] = [
            one["message"]
            for one in cluster.objects(EVENTS)
            if one["reason"] == "FailedResourceClaimCreation"
        ]
        assert told == (
            'PodResourceClaim gpu: resource claim template "t": '
            'resourceclaimtemplates.resource.k8s.io "t" not found'
        )
        await apply(cluster, resource_slice("node-0", device("d0")), template("t"))
        await trio.sleep(60)
        assert found(cluster, "web")["status"]["phase"] == "Running"


async def test_pods_share_a_claim_where_its_device_is(autojump_clock):
    async with two_nodes() as cluster:
        there = resource_slice("node-1", device("d0"))
        names = ("a", "b", "c")
        pods = [pod(one, by_name("shared")) for one in names]
        await apply(cluster, there, claim("shared"), *pods)
        assert [found(cluster, one)["spec"]["nodeName"] for one in names] == ["node-1"] * 3
        assert sorted(users(claims(cluster)["shared"])) == ["a", "b", "c"]
        for one in names:
            await cluster.client.delete(PODS, one, "default")
            await cluster.rest()
        shared = claims(cluster)["shared"]
        assert shared["status"] == {}
        assert "finalizers" not in shared["metadata"]


async def test_a_claim_that_is_used_outlives_its_deletion(autojump_clock):
    async with two_nodes() as cluster:
        await apply(cluster, resource_slice("node-0", device("d0")), claim("shared"))
        await apply(cluster, pod("web", by_name("shared")))
        await cluster.client.delete(RESOURCE_CLAIMS, "shared", "default")
        await apply(cluster, pod("late", by_name("shared")))
        assert users(claims(cluster)["shared"]) == ["web"]
        assert "nodeName" not in found(cluster, "late")["spec"]
        await cluster.client.delete(PODS, "web", "default")
        await cluster.rest()
        assert claims(cluster) == {}


async def test_a_class_that_comes_late(autojump_clock):
    async with two_nodes() as cluster:
        await cluster.client.delete(DEVICE_CLASSES, "gpu")
        await apply(cluster, resource_slice("node-0", device("d0")), claim("c"))
        await apply(cluster, pod("web", by_name("c")))
        assert why(cluster, "web").startswith(
            "0/2 nodes are available: request one: device class gpu does not exist."
        )
        await apply(cluster, device_class())
        assert found(cluster, "web")["status"]["phase"] == "Running"


async def test_devices_that_come_late(autojump_clock):
    async with two_nodes() as cluster:
        await apply(cluster, claim("c", request("one", wants("two", count=2), wants("x"))))
        await apply(cluster, pod("web", by_name("c")))
        assert why(cluster, "web").startswith("0/2 nodes are available: 2 cannot allocate all")
        await apply(cluster, resource_slice("node-0", device("d0")))
        assert devices(claims(cluster)["c"]) == ["d0"]
        assert found(cluster, "web")["status"]["phase"] == "Running"


async def test_an_unused_claim_gets_devices_within_reach(
    autojump_clock,
):
    async with two_nodes() as cluster:
        await apply(cluster, resource_slice("node-0", device("d0")), claim("shared"))
        await apply(cluster, pod("first", by_name("shared")))
        # Somebody else's controller: the claim keeps its device though nobody uses it.
        await cluster.client.patch(
            RESOURCE_CLAIMS,
            "shared",
            {"status": {"reservedFor": None}},
            "default",
            subresource="status",
        )
        await apply(cluster, resource_slice("node-1", device("d1")))
        there = {"kubernetes.io/hostname": "node-1"}
        await apply(cluster, pod("second", by_name("shared"), nodeSelector=there))
        # It is reserved for the pod that is there again; when that has gone, it is free.
        assert why(cluster, "second").startswith("0/2 nodes are available: ")
        await cluster.client.delete(PODS, "first", "default")
        await cluster.rest()
        assert (
            devices(claims(cluster)["shared"]),
            found(cluster, "second")["status"]["phase"],
        ) == (
            ["d1"],
            "Running",
        )


async def test_an_expression_that_fails_is_an_error_of_the_scheduler(autojump_clock):
    async with two_nodes() as cluster:
        bad = claim("c", request("one", selectors=[{"cel": {"expression": _UNKNOWN}}]))
        await apply(cluster, resource_slice("node-0", device("d0")), bad)
        await cluster.apply(pod("web", by_name("c")))
        await trio.sleep(5)
        condition = found(cluster, "web")["status"]["conditions"][0]
        assert condition["reason"] == "SchedulerError"
        assert condition["message"].startswith(
            'running "DynamicResources" filter plugin: claim default/c: selector #0 on device '
            "gpu.example.com/node-0/d0: CEL runtime error: no such key: model"
        )
        await cluster.client.delete(PODS, "web", "default")


_UNKNOWN = 'device.attributes["gpu.example.com"].model == "x"'


async def test_a_claim_of_another_pod_is_not_used(autojump_clock):
    async with two_nodes() as cluster:
        await apply(cluster, resource_slice("node-0", device("d0")), template("t"))
        await apply(cluster, pod("web", by_template()))
        [one] = cluster.objects(RESOURCE_CLAIMS)
        await cluster.client.delete(PODS, "web", "default")
        await cluster.rest()
        with pytest.raises(NotFound):
            await cluster.client.get(RESOURCE_CLAIMS, one["metadata"]["name"], "default")
        await apply(cluster, pod("web", by_template()))
        [other] = cluster.objects(RESOURCE_CLAIMS)
        assert (
            other["metadata"]["ownerReferences"][0]["uid"]
            != (one["metadata"]["ownerReferences"][0]["uid"])
        )


async def test_a_pod_with_its_node_named_gets_its_reservation(autojump_clock):
    async with two_nodes() as cluster:
        await apply(cluster, resource_slice("node-0", device("d0")), claim("shared"))
        await apply(cluster, pod("first", by_name("shared")))
        await apply(cluster, pod("second", by_name("shared"), nodeName="node-0"))
        assert sorted(users(claims(cluster)["shared"])) == ["first", "second"]


async def test_claims_and_templates_are_served(autojump_clock):
    async with two_nodes() as cluster:
        await apply(cluster, template("t"), resource_slice("node-0", device("d0")))
        assert len(cluster.objects(RESOURCE_CLAIM_TEMPLATES)) == 1
        assert len(cluster.objects(RESOURCE_SLICES)) == 1
