"""A fleet on the fake API, and words to talk about its pods."""

from __future__ import annotations

import trio
import trio.testing

from k8slite.client.resource import NODES, PODS
from k8slite.kubelet.kubelet import NodeFleet
from k8slite.objects.errors import Conflict
from tests.client.fake_api import FakeApi

NAMESPACE = "default"


class GracefulApi(FakeApi):
    """A fake API in which a pod that ends gracefully outlives writes of its status."""

    def _replace(self, key, subresource, old, new):
        if subresource == "status" and old["metadata"].get("deletionGracePeriodSeconds"):
            if new["metadata"]["uid"] != old["metadata"]["uid"]:
                raise Conflict("Precondition failed: UID in precondition")
            return self._commit(key, {**old, "status": new["status"]})
        return super()._replace(key, subresource, old, new)


class FleetScene:
    """What the tests of this folder need."""

    def __init__(self, api: FakeApi, fleet: NodeFleet) -> None:
        self.api = api
        self.fleet = fleet
        self.client = api.client()

    async def start(self, nursery: trio.Nursery, *, cidrs: bool = True) -> None:
        await nursery.start(self.fleet.run)
        if cidrs:
            self.give_cidrs()
            await settle()

    def give_cidrs(self) -> None:
        for number, name in enumerate(self.fleet.node_names):
            cidr = f"10.{number // 256}.{number % 256}.0/24"
            change = {"podCIDR": cidr, "podCIDRs": [cidr]}
            self.api.change(f"/api/v1/nodes/{name}", lambda n, c=change: n["spec"].update(c))

    async def create(self, name: str, annotations=None, node="node-0", metadata=None, **spec):
        spec.setdefault("containers", [container("c")])
        labels = {"annotations": annotations or {}, **(metadata or {})}
        pod = {"metadata": {"name": name, **labels}, "spec": {"nodeName": node, **spec}}
        found = await self.client.create(PODS, pod, NAMESPACE)
        await settle()
        return found

    def pod(self, name: str):
        return self.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")

    def status(self, name: str):
        return self.pod(name)["status"]

    def phase(self, name: str) -> str:
        return self.status(name)["phase"]

    def container(self, name: str, which: str = "c"):
        status = self.status(name)
        every = status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
        return next(one for one in every if one["name"] == which)

    def condition(self, name: str, type_: str):
        return next(one for one in self.status(name)["conditions"] if one["type"] == type_)

    def ready(self, name: str) -> bool:
        return self.condition(name, "Ready")["status"] == "True"

    async def delete(self, name: str, **options) -> None:
        await self.client.delete(PODS, name, NAMESPACE, options)
        await settle()

    def events(self, name: str) -> list[str]:
        found = self.api.list("/api/v1/events")
        mine = [one for one in found if one["involvedObject"]["name"] == name]
        mine.sort(key=lambda one: int(one["metadata"]["name"].rpartition(".")[2], 16))
        return [f"{one['reason']}: {one['message']}" for one in mine]

    def writes(self, name: str) -> list[str]:
        """What was asked about the pod, but for its creation."""
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
        return [r.method for r in self.api.requests if r.path.startswith(path)]

    def node(self, name: str = "node-0"):
        return self.api.get(NODES.path("", name))


def container(name: str, **more):
    return {"name": name, "image": "nginx:1.29", "imagePullPolicy": "IfNotPresent", **more}


async def settle() -> None:
    """Let everything that is due now happen."""
    await trio.testing.wait_all_tasks_blocked()


def refuse(times: int):
    """A fault: so many requests of the fleet's writers fail."""
    left = [times]

    async def before(request):
        if request.method == "PATCH" and left[0]:
            left[0] -= 1
            raise Conflict("try again")

    return before
