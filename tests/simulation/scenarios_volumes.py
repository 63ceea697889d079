"""Claims and volumes under faults; swept by `make sim` like the other scenarios."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from k8slite.objects.errors import NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]


def volume(name: str, size: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Delete",
            "hostPath": {"path": f"/tmp/{name}"},
        },
    }


def claim(name: str, storage_class: str = "") -> Json:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": storage_class,
        },
    }


def phases(sim: Simulation) -> dict[str, str]:
    return {
        one["metadata"]["name"]: one["status"].get("phase", "")
        for one in sim.objects(PERSISTENT_VOLUME_CLAIMS, "default")
    }


class Claims(Scenario):
    """Claims of one name come and go; there are enough volumes for all that stay."""

    nodes = 0
    scheduler = False
    objects = (volume("a", "1Gi"), volume("b", "2Gi"), volume("c", "3Gi"), claim("one"))

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        await client.create(PERSISTENT_VOLUME_CLAIMS, claim("two"), "default")
        with suppress(NotFound):
            await client.delete(PERSISTENT_VOLUME_CLAIMS, "one", "default")
        if await sim.until(lambda: "one" not in phases(sim), 1000.0):
            await client.create(PERSISTENT_VOLUME_CLAIMS, claim("one"), "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        # Who waits too long for the first claim to be gone does not make it again.
        found = phases(sim)
        right = "two" in found and all(phase == "Bound" for phase in found.values())
        return [] if right else [f"the claims are {found}"]


class Provisioned(Scenario):
    """A volume is made for a claim, and goes with it; the user chooses nodes like a scheduler."""

    nodes = 1
    scheduler = False
    objects = (claim("one", "standard"),)

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        chosen = {"volume.kubernetes.io/selected-node": "node-0"}
        patch: Json = {"metadata": {"annotations": chosen}}
        await client.patch(PERSISTENT_VOLUME_CLAIMS, "one", patch, "default")
        await client.create(PERSISTENT_VOLUME_CLAIMS, claim("two", "standard"), "default")
        await client.patch(PERSISTENT_VOLUME_CLAIMS, "two", patch, "default")
        if await sim.until(lambda: phases(sim).get("one") == "Bound", 1000.0):
            with suppress(NotFound):
                await client.delete(PERSISTENT_VOLUME_CLAIMS, "one", "default")
        if await sim.until(lambda: phases(sim).get("two") == "Bound", 1000.0):
            patch = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
            await client.patch(PERSISTENT_VOLUME_CLAIMS, "two", patch, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found, volumes = phases(sim), sim.objects(PERSISTENT_VOLUMES)
        for one in sim.objects(PERSISTENT_VOLUME_CLAIMS, "default"):
            wanted = one["spec"]["resources"]["requests"]
            if one["status"].get("capacity") != wanted or one["status"].get("conditions"):
                return [f"{one['metadata']['name']} has not got what it asks for"]
        right = "two" in found and all(phase == "Bound" for phase in found.values())
        if not right or len(volumes) != len(found):
            return [f"the claims are {found}, and there are {len(volumes)} volumes"]
        return []


VOLUMES = (Claims, Provisioned)
