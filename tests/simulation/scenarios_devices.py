"""Claims to devices under faults; swept by `make sim` like the other scenarios."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from k8slite.client.client import MERGE_PATCH
from k8slite.client.resource import PODS, RESOURCE_CLAIMS, RESOURCE_SLICES
from k8slite.objects.errors import NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation
from tests.scheduler.devices import (
    DRIVER,
    claim,
    device,
    device_class,
    request,
    resource_slice,
    template,
)

Json = dict[str, Any]


def pod(name: str, **asked: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "containers": [{"name": "main", "image": "example.com/app"}],
            "terminationGracePeriodSeconds": 1,
            "resourceClaims": [{"name": "gpu", **asked}],
        },
    }


def own(name: str) -> Json:
    return pod(name, resourceClaimTemplateName="each")


def sharing(name: str) -> Json:
    return pod(name, resourceClaimName="shared")


def places(sim: Simulation) -> dict[str, str]:
    return {
        one["metadata"]["name"]: one["spec"].get("nodeName", "")
        for one in sim.objects(PODS, "default")
    }


def tolerating(seconds: int | None = None) -> Json:
    limit = {} if seconds is None else {"tolerationSeconds": seconds}
    return {"key": "example.com/broken", "operator": "Exists", "effect": "NoExecute", **limit}


def _device(name: str, **more: Any) -> Json:
    return device(name, attributes={"name": name}, **more)


def _named(name: str) -> Json:
    return {"cel": {"expression": f'device.attributes["{DRIVER}"].name == "{name}"'}}


class Devices(Scenario):
    """Three devices on two nodes: pods with claims of their own and of a shared one come and go."""

    nodes = 2
    objects = (
        device_class(),
        resource_slice("node-0", device("d0"), device("d1")),
        resource_slice("node-1", device("d2")),
        template("each"),
        claim("shared"),
        own("a"),
        own("b"),
        sharing("s-1"),
        sharing("s-2"),
    )

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        await client.create(PODS, own("c"), "default")
        await sim.rest()
        for name in ("a", "s-1", "s-2"):
            with suppress(NotFound):
                await client.delete(PODS, name, "default")
        if await sim.until(lambda: "a" not in places(sim), 1000.0):
            await client.create(PODS, own("a"), "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found = places(sim)
        complaints = [f"{name} has no node" for name, node in found.items() if not node]
        claims = sim.objects(RESOURCE_CLAIMS, "default")
        made = [one for one in claims if "ownerReferences" in one["metadata"]]
        if not set("bc") <= set(found) or len(made) != len(found):
            complaints.append(f"there are {len(made)} claims for the pods {sorted(found)}")
        for one in claims:
            if one not in made and one["status"]:
                complaints.append("nobody uses the shared claim, and it has a device")
        return complaints


class Reclaimed(Scenario):
    """A claim keeps its device when its pod has gone, until one comes that cannot go there."""

    nodes = 2
    objects = (
        device_class(),
        resource_slice("node-0", device("d0")),
        resource_slice("node-1", device("d1")),
        claim("shared"),
    )

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        for name, node in (("one", "node-0"), ("two", "node-1"), ("three", "node-0")):
            made = sharing(name)
            made["spec"]["nodeSelector"] = {"kubernetes.io/hostname": node}
            await client.create(PODS, made, "default")
        for name in ("one", "two"):
            await sim.until(lambda name=name: bool(places(sim).get(name)), 1000.0)
            with suppress(NotFound):
                await client.delete(PODS, name, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        return [f"{name} has no node" for name, node in places(sim).items() if not node]


class Tainted(Scenario):
    """Devices get taints that make pods leave: one at once, one after a while; one bears it."""

    nodes = 2
    objects = (
        device_class(),
        resource_slice("node-0", *(_device(name) for name in ("d0", "d1", "d2"))),
        resource_slice("node-1", _device("d3")),
        claim("at-once", request("one", selectors=[_named("d0")])),
        claim("later", request("one", selectors=[_named("d1")], tolerations=[tolerating(30)])),
        claim("never", request("one", selectors=[_named("d2")], tolerations=[tolerating()])),
        claim("other", request("one", selectors=[_named("d3")])),
    )

    async def act(self, sim: Simulation) -> None:
        for name in ("at-once", "later", "never", "other"):
            await sim.client.create(PODS, pod(name, resourceClaimName=name), "default")
        if not await sim.until(lambda: all(places(sim).values()), 1000.0):
            return
        taint = {"key": "example.com/broken", "effect": "NoExecute"}
        devices = [_device(name, taints=[taint]) for name in ("d0", "d1", "d2")]
        patch = {"spec": {"devices": devices}}
        await sim.client.patch(RESOURCE_SLICES, "node-0", patch, patch_type=MERGE_PATCH)

    def check(self, sim: Simulation) -> Sequence[str]:
        slices = sim.objects(RESOURCE_SLICES)
        tainted = any(one.get("taints") for each in slices for one in each["spec"]["devices"])
        wanted = {"never", "other"} | (set() if tainted else {"at-once", "later"})
        found = set(places(sim))
        return [] if found == wanted else [f"there are the pods {sorted(found)}"]


DEVICES = (Devices, Reclaimed, Tainted)
