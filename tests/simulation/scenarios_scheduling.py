"""Pods and where they go under faults; swept by `make sim` like the other scenarios."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import trio

from k8slite.client.client import MERGE_PATCH
from k8slite.client.resource import (
    DEPLOYMENTS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
)
from k8slite.objects.errors import NotFound, TooManyRequests
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation
from tests.simulation.scenarios import deployment
from tests.simulation.scenarios_volumes import claim

Json = dict[str, Any]

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def priority_class(name: str, value: int) -> Json:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
    }


def pod(name: str, *, cpu: str = "100m", **spec: Any) -> Json:
    resources = {"requests": {"cpu": cpu}}
    container = {"name": "c", "image": "example.com/app:1", "resources": resources}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name.partition("-")[0]}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 5, **spec},
    }


def names(sim: Simulation) -> list[str]:
    return [one["metadata"]["name"] for one in sim.objects(PODS, "default")]


def places(sim: Simulation) -> dict[str, str]:
    """The node of each pod that lives, "" for none."""
    return {
        one["metadata"]["name"]: one["spec"].get("nodeName", "")
        for one in sim.objects(PODS, "default")
        if "deletionTimestamp" not in one["metadata"]
    }


class Preempted(Scenario):
    """Two nodes are full of unimportant pods; then important ones come, one after the other."""

    nodes = 2
    objects = (
        priority_class("high", 1000),
        priority_class("higher", 2000),
        *(pod(f"low-{number}", cpu="4") for number in range(4)),
    )

    async def act(self, sim: Simulation) -> None:
        await sim.rest()
        for name, cpu, importance in (("h-1", "5", "high"), ("h-2", "3", "high")):
            made = pod(name, cpu=cpu, priorityClassName=importance)
            await sim.client.create(PODS, made, "default")
        await sim.client.create(PODS, pod("top", cpu="8", priorityClassName="higher"), "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found = places(sim)
        return [f"{name} has no node" for name in ("top", "h-1") if not found.get(name)]


class Spread(Scenario):
    """A Deployment spread over two zones, one pod a host; then one is deleted."""

    nodes = 4

    async def act(self, sim: Simulation) -> None:
        for number in range(4):
            labels = {"metadata": {"labels": {ZONE: f"z{number % 2}"}}}
            await sim.client.patch(NODES, f"node-{number}", labels, patch_type=MERGE_PATCH)
        web = deployment("web", 4)
        selector = {"labelSelector": {"matchLabels": {"app": "web"}}}
        spread = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
        terms = [{**selector, "topologyKey": HOST}]
        web["spec"]["template"]["spec"] |= {
            "topologySpreadConstraints": [{**selector, **spread}],
            "affinity": {
                "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}
            },
        }
        await sim.client.create(DEPLOYMENTS, web, "default")
        await sim.rest()
        if there := sorted(places(sim)):
            with suppress(NotFound):
                await sim.client.delete(PODS, there[0], "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        nodes = sorted(places(sim).values())
        wanted = [f"node-{number}" for number in range(4)]
        return [] if nodes == wanted else [f"the pods are on {nodes}"]


class Near(Scenario):
    """A pod wants to be near another, which comes later, and goes and comes again elsewhere."""

    nodes = 3

    async def act(self, sim: Simulation) -> None:
        terms = [{"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": HOST}]
        near = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
        await sim.client.create(PODS, pod("web-1", affinity=near), "default")
        await sim.client.create(PODS, pod("db"), "default")
        if await sim.until(lambda: bool(places(sim).get("web-1")), 1000.0):
            with suppress(NotFound):
                await sim.client.delete(PODS, "db", "default")
        if await sim.until(lambda: "db" not in names(sim), 1000.0):
            await sim.client.create(PODS, pod("db"), "default")
        await sim.client.create(PODS, pod("web-2", affinity=near), "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found = places(sim)
        if "db" not in found:
            return []  # its end took so long that it was not made again
        if not found.get("web-1") or found.get("web-2") != found["db"]:
            return [f"the pods are on {found}"]
        return []


class Delayed(Scenario):
    """Claims get their volumes where their pods go.

    There is room for both on either node: a pod whose binding failed is tied to its volume's node,
    and would wait there for ever if another took its place, as upstream's would.
    """

    nodes = 2
    objects = (claim("one", "standard"), claim("two", "standard"))

    async def act(self, sim: Simulation) -> None:
        for name in ("one", "two"):
            volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]
            await sim.client.create(PODS, pod(name, volumes=volumes, cpu="3"), "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found = [f"{name} has no node" for name, node in places(sim).items() if not node]
        for one in sim.objects(PERSISTENT_VOLUME_CLAIMS, "default"):
            if one["status"].get("phase") != "Bound":
                found.append(f"{one['metadata']['name']} is not bound")
        return found


class Drained(Scenario):
    """Two of three nodes are drained in turn, of pods that a budget guards."""

    nodes = 3
    objects = (
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web"},
            "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}},
        },
        deployment("web", 4),
    )

    async def act(self, sim: Simulation) -> None:
        await sim.rest()
        for node in ("node-0", "node-1"):
            await sim.client.patch(NODES, node, {"spec": {"unschedulable": True}})
            for _ in range(20):
                there = [name for name, where in sorted(places(sim).items()) if where == node]
                if not there:
                    break
                for name in there:
                    await self._evict(sim, name)
                await trio.sleep(5)

    async def _evict(self, sim: Simulation, name: str) -> None:
        eviction = {"metadata": {"name": name}}
        with suppress(NotFound, TooManyRequests):
            await sim.client.create(PODS, eviction, "default", name=name, subresource="eviction")

    def check(self, sim: Simulation) -> Sequence[str]:
        """Pods may be left where the budget was not looked at for so long that the user gave up."""
        found = sorted(places(sim).values())
        return [] if len(found) == 4 and all(found) else [f"the pods are on {found}"]


SCHEDULING = (Preempted, Spread, Near, Delayed, Drained)
