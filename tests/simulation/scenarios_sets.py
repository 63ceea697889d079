"""StatefulSets and DaemonSets under faults; swept by `make sim` like the other scenarios."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from k8slite.client.client import STRATEGIC_MERGE_PATCH
from k8slite.client.resource import (
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    STATEFUL_SETS,
    Resource,
)
from k8slite.objects.errors import NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]

NEWER = [{"name": "c", "image": "example.com/app:2"}]


def _set(kind: str, name: str, **spec: Any) -> Json:
    labels = {"app": name}
    container = {
        "name": "c",
        "image": "example.com/app:1",
        "resources": {"requests": {"cpu": "100m"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def stateful_set(name: str, replicas: int, **spec: Any) -> Json:
    return _set("StatefulSet", name, replicas=replicas, serviceName=name, **spec)


def daemon_set(name: str, **spec: Any) -> Json:
    return _set("DaemonSet", name, **spec)


async def renew(sim: Simulation, resource: Resource, name: str) -> None:
    """Give a set another image."""
    patch = {"spec": {"template": {"spec": {"containers": NEWER}}}}
    await sim.client.patch(resource, name, patch, "default", patch_type=STRATEGIC_MERGE_PATCH)


def old_images(sim: Simulation) -> list[str]:
    return [
        f"{pod['metadata']['name']} has the old image"
        for pod in sim.objects(PODS, "default")
        if pod["spec"]["containers"][0]["image"] != NEWER[0]["image"]
    ]


def names(sim: Simulation, resource: Resource) -> list[str]:
    return sorted(one["metadata"]["name"] for one in sim.objects(resource, "default"))


class Ordered(Scenario):
    """An ordered StatefulSet grows, and shrinks before it has grown."""

    nodes = 1
    objects = (stateful_set("db", 2),)

    async def act(self, sim: Simulation) -> None:
        for replicas in (4, 1, 3):
            patch = {"spec": {"replicas": replicas}}
            await sim.client.patch(STATEFUL_SETS, "db", patch, "default")
            await sim.until(lambda: "db-2" in names(sim, PODS), 20.0)

    def check(self, sim: Simulation) -> Sequence[str]:
        found = names(sim, PODS)
        return [] if found == ["db-0", "db-1", "db-2"] else [f"the pods are {found}"]


class Members(Scenario):
    """A StatefulSet with claims is rolled over while somebody deletes a member."""

    nodes = 1
    objects = (
        stateful_set(
            "db",
            2,
            volumeClaimTemplates=[
                {
                    "metadata": {"name": "data"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "1Gi"}},
                    },
                }
            ],
            persistentVolumeClaimRetentionPolicy={"whenScaled": "Delete", "whenDeleted": "Retain"},
        ),
    )

    async def act(self, sim: Simulation) -> None:
        await renew(sim, STATEFUL_SETS, "db")
        with suppress(NotFound):
            await sim.client.delete(PODS, "db-0", "default")
        await sim.rest()
        await sim.client.patch(STATEFUL_SETS, "db", {"spec": {"replicas": 1}}, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        # The claim of a pod that was gone when the set shrank has lost who would take it along.
        found = [*names(sim, PODS), *names(sim, PERSISTENT_VOLUME_CLAIMS)]
        wrong = [] if found[:2] == ["db-0", "data-db-0"] else [f"pods and claims are {found}"]
        return [*old_images(sim), *wrong]


class Burst(Scenario):
    """A parallel StatefulSet is rolled over, and back before it is through."""

    nodes = 1
    objects = (
        stateful_set(
            "db",
            3,
            podManagementPolicy="Parallel",
            updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}},
        ),
    )

    async def act(self, sim: Simulation) -> None:
        await renew(sim, STATEFUL_SETS, "db")
        await sim.until(lambda: len(old_images(sim)) < 3, 10.0)
        template = {"spec": {"containers": [{"name": "c", "image": "example.com/app:1"}]}}
        patch = {"spec": {"template": template}}
        await sim.client.patch(
            STATEFUL_SETS, "db", patch, "default", patch_type=STRATEGIC_MERGE_PATCH
        )

    def check(self, sim: Simulation) -> Sequence[str]:
        if len(old_images(sim)) != 3:
            return ["not all pods are rolled back"]
        found = names(sim, CONTROLLER_REVISIONS)
        return [f"the revisions are {found}"] if len(found) > 2 else []


class Again(Scenario):
    """A StatefulSet is deleted and made again under its name."""

    nodes = 1
    objects = (stateful_set("db", 2),)

    async def act(self, sim: Simulation) -> None:
        await sim.client.delete(STATEFUL_SETS, "db", "default")
        await sim.client.create(STATEFUL_SETS, stateful_set("db", 2), "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found = names(sim, PODS)
        return [] if found == ["db-0", "db-1"] else [f"the pods are {found}"]


class Daemons(Scenario):
    """A DaemonSet is rolled over while a node is closed to it, and opened again."""

    nodes = 2
    objects = (daemon_set("agent"),)

    async def act(self, sim: Simulation) -> None:
        taints = [{"key": "k", "value": "v", "effect": "NoExecute"}]
        await sim.client.patch(NODES, "node-1", {"spec": {"taints": taints}})
        await renew(sim, DAEMON_SETS, "agent")
        await sim.until(lambda: len(old_images(sim)) < 2, 60.0)
        node = await sim.client.get(NODES, "node-1")
        kept = [one for one in node["spec"].get("taints") or () if one["key"] != "k"]
        await sim.client.patch(NODES, "node-1", {"spec": {"taints": kept or None}})

    def check(self, sim: Simulation) -> Sequence[str]:
        return old_images(sim)


class Surge(Scenario):
    """A DaemonSet whose new pods come before the old ones go."""

    nodes = 2
    objects = (
        daemon_set(
            "agent",
            updateStrategy={
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
        ),
    )

    async def act(self, sim: Simulation) -> None:
        await renew(sim, DAEMON_SETS, "agent")
        with suppress(NotFound):
            await sim.client.delete(PODS, names(sim, PODS)[0], "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        return old_images(sim)


SETS = (Ordered, Members, Burst, Again, Daemons, Surge)
