"""K16, kubernetes/kubernetes#106545: a scheduler puts more on a node than it has.

A deletion and an addition under one name reach it as one change, which it takes for an update of
the pod that it knows, and goes on counting what that one took. Violated: requests <= allocatable.
"""

from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import NODES, PODS
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]
CPUS = 4


def cpus(pod: Json) -> int:
    return int(pod["spec"]["containers"][0]["resources"]["requests"]["cpu"])


class BuggyScheduler(Controller):
    """Binds pods to node n1 while there is room."""

    name = "scheduler"
    resource = PODS
    consistent_start = True

    def setup(self) -> None:
        self.taken: dict[str, int] = {}

    async def start(self) -> None:
        for pod in self.cached(PODS).list():
            if pod["spec"].get("nodeName"):
                self.taken[self.key(pod)] = cpus(pod)

    async def reconcile(self, name: Name) -> float | None:
        pod = self.get(name)
        known = {self.key(one) for one in self.cached(PODS).list()}
        self.taken = {key: value for key, value in self.taken.items() if key in known}
        if pod is None or pod["spec"].get("nodeName"):
            return None
        if cpus(pod) + sum(self.taken.values()) > CPUS:
            return 10.0
        self.taken.setdefault(self.key(pod), cpus(pod))
        metadata = {"name": name.name, "uid": pod["metadata"]["uid"]}
        binding = {"metadata": metadata, "target": {"name": "n1"}}
        await self.client.create(
            PODS, binding, name.namespace, name=name.name, subresource="binding"
        )
        return None

    def key(self, pod: Json) -> str:
        return str(pod["metadata"]["name"])  # the bug


class FixedScheduler(BuggyScheduler):
    def key(self, pod: Json) -> str:
        return str(pod["metadata"]["uid"])


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyScheduler,)

    async def act(self, sim: Simulation) -> None:
        node = {
            "metadata": {"name": "n1"},
            "status": {"allocatable": {"cpu": str(CPUS), "pods": "10"}},
        }
        await sim.client.create(NODES, node)
        await self.make(sim, "a", 1)
        await sim.until(
            lambda: all(p["spec"].get("nodeName") for p in sim.objects(PODS, "default")), 10.0
        )
        await sim.until(lambda: False, 1.0)
        await sim.client.delete(PODS, "a", "default", {"gracePeriodSeconds": 0})
        await self.make(sim, "a", 2)
        await sim.until(lambda: False, 1.0)
        await self.make(sim, "b", 3)

    async def make(self, sim: Simulation, name: str, cpu: int) -> None:
        requests = {"requests": {"cpu": str(cpu)}}
        container = {"name": "c", "image": "c", "resources": requests}
        spec = {
            "schedulerName": "tiny",
            "containers": [container],
            "tolerations": [{"operator": "Exists"}],  # nobody says that the node is ready
        }
        await sim.client.create(PODS, {"metadata": {"name": name}, "spec": spec}, "default")


class Fixed(Buggy):
    controllers = (FixedScheduler,)
