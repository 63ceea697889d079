"""K17, kubernetes/kubernetes#51313: a scheduler keeps the room of a pod whose end it missed.

A pod is assumed on its node when it is bound, and its room given back when it is seen to go from
there. Who never saw it bound, since the watch had a gap, never gives it back. Violated: a pod that
fits is bound.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import PODS
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]
ROOM = 2  # pods that the only node takes


class BuggyScheduler(Controller):
    """Binds pods to node n1 while there is room."""

    name = "scheduler"
    resource = PODS

    def setup(self) -> None:
        self.taken: dict[str, None] = {}  # uids
        self.watch(PODS, self.changed)

    def changed(self, old: Json | None, new: Json | None) -> Iterable[Name]:
        pod = new or old
        assert pod is not None
        if new is not None and new["spec"].get("nodeName"):
            self.taken[new["metadata"]["uid"]] = None
        if new is None and self.gives_back(pod):
            self.taken.pop(pod["metadata"]["uid"], None)
            for waiting in self.cached(PODS).list():
                yield Name(waiting["metadata"]["namespace"], waiting["metadata"]["name"])

    def gives_back(self, last_seen: Json) -> bool:
        return bool(last_seen["spec"].get("nodeName"))  # the bug

    async def reconcile(self, name: Name) -> None:
        pod = self.get(name)
        if pod is None or pod["spec"].get("nodeName") or len(self.taken) >= ROOM:
            return
        uid = pod["metadata"]["uid"]
        self.taken[uid] = None
        binding = {"metadata": {"name": name.name, "uid": uid}, "target": {"name": "n1"}}
        try:
            await self.client.create(
                PODS, binding, name.namespace, name=name.name, subresource="binding"
            )
        except BaseException:
            self.taken.pop(uid)
            raise


class FixedScheduler(BuggyScheduler):
    def gives_back(self, last_seen: Json) -> bool:
        return True


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyScheduler,)

    async def act(self, sim: Simulation) -> None:
        spec = {"schedulerName": "tiny", "containers": [{"name": "c", "image": "c"}]}
        for name in ("a", "b"):
            pod = {"metadata": {"name": name}, "spec": spec}
            await sim.client.create(PODS, pod, "default")
        await sim.until(lambda: all(bound(sim).values()), 10.0)
        await sim.client.create(PODS, {"metadata": {"name": "c"}, "spec": spec}, "default")
        await sim.client.delete(PODS, "a", "default", {"gracePeriodSeconds": 0})

    def check(self, sim: Simulation) -> Sequence[str]:
        waiting = [name for name, is_bound in bound(sim).items() if not is_bound]
        return [f"{name} fits node n1, and is not bound" for name in waiting]


def bound(sim: Simulation) -> dict[str, bool]:
    """Which pods have a node."""
    return {
        pod["metadata"]["name"]: bool(pod["spec"].get("nodeName"))
        for pod in sim.objects(PODS, "default")
    }


class Fixed(Buggy):
    controllers = (FixedScheduler,)
