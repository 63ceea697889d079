"""metrics.k8s.io as clients ask it, answered from pretended containers."""

from typing import Any

import pytest

from k8slite import sim
from k8slite.client.resource import API_SERVICES, CUSTOM_RESOURCE_DEFINITIONS, PODS, Resource
from k8slite.cluster import Cluster, Settings
from k8slite.objects.errors import NotFound
from k8slite.sim.run import run
from k8slite.sim.simulation import Simulation
from k8slite.sim.world import SimulatedWorld
from k8slite.store.memory import MemoryStore
from tests.simulation.scenarios import definition

Json = dict[str, Any]

POD_METRICS = Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics")
NODE_METRICS = Resource("metrics.k8s.io", "v1beta1", "nodes", "NodeMetrics", namespaced=False)


def pod(name: str, cpu: str, memory: str, **labels: str) -> Json:
    annotations = {"k8slite.dev/cpu-usage": cpu, "k8slite.dev/memory-usage": memory}
    containers = [{"name": "c", "image": "x"}, {"name": "d", "image": "x"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations, "labels": labels},
        "spec": {"containers": containers, "nodeName": "node-0"},
    }


async def with_pods(cluster: Simulation) -> None:
    await cluster.apply(pod("a", "250m", "64Mi", app="x"))
    await cluster.apply(pod("b", "1", "1Gi"))
    assert await cluster.until(
        lambda: all(one["status"].get("phase") == "Running" for one in cluster.objects(PODS))
    )


async def test_pods_say_what_their_containers_use(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        await with_pods(cluster)
        found = await cluster.client.list(POD_METRICS, "default")
        assert found["kind"] == "PodMetricsList"
        assert [one["metadata"]["name"] for one in found["items"]] == ["a", "b"]
        first = found["items"][0]
        usage = {"cpu": "250m", "memory": "64Mi"}
        assert first["containers"] == [{"name": "c", "usage": usage}, {"name": "d", "usage": usage}]
        assert first["window"] and first["timestamp"]
        one = await cluster.client.get(POD_METRICS, "b", "default")
        assert one["kind"] == "PodMetrics"
        assert one["containers"][0]["usage"] == {"cpu": "1", "memory": "1Gi"}
        selected = await cluster.client.list(POD_METRICS, labelSelector="app=x")
        assert [one["metadata"]["name"] for one in selected["items"]] == ["a"]
        with pytest.raises(NotFound):
            await cluster.client.get(POD_METRICS, "c", "default")


async def test_nodes_say_what_their_pods_use(autojump_clock: object) -> None:
    async with sim.cluster(nodes=2) as cluster:
        await with_pods(cluster)
        found = await cluster.client.list(NODE_METRICS)
        usages = {one["metadata"]["name"]: one["usage"] for one in found["items"]}
        assert usages["node-0"] == {"cpu": "2500m", "memory": "2176Mi"}
        assert usages["node-1"] == {"cpu": "0", "memory": "0"}


async def test_the_group_is_served_here_and_says_so(autojump_clock: object) -> None:
    async with sim.cluster() as cluster:
        service = await cluster.client.get(API_SERVICES, "v1beta1.metrics.k8s.io")
        assert "service" not in service["spec"]
        assert service["status"]["conditions"][0]["status"] == "True"
        # Definitions that come and go leave it where it is.
        custom = definition("Widget", "widgets", "w")
        await cluster.client.create(CUSTOM_RESOURCE_DEFINITIONS, custom)
        await cluster.rest()
        assert (await cluster.client.list(NODE_METRICS))["items"]


def test_it_can_be_switched_off() -> None:
    async def ask(world: SimulatedWorld) -> None:
        # Without nodes there is nothing to measure.
        for settings in (Settings(metrics=False), Settings(nodes=0)):
            cluster = Cluster(MemoryStore(), world, settings)
            with pytest.raises(NotFound, match="could not find the requested resource"):
                await cluster.client("admin").list(NODE_METRICS)

    run(ask, seed=0)
