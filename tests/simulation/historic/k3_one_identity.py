"""K3, kubernetes/kubernetes#59848: two kubelets run one identity of a StatefulSet.

A kubelet that starts again lists from a replica of the time before a pod was deleted, and starts
that pod's containers, while its successor of the same name runs elsewhere. Violated: one identity
runs once.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, PODS
from k8slite.objects.errors import Conflict, NotFound
from k8slite.sim.checks import Change, Check, Setting
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]


class BuggyKubelet(Controller):
    """Runs the pods of its node; what runs there is told in a ConfigMap."""

    name = "kubelet-a"
    node = "a"
    resource = PODS
    consistent_start = False

    async def reconcile(self, name: Name) -> None:
        pod = self.get(name)
        mine = pod is not None and pod["spec"].get("nodeName") == self.node
        wanted = mine and pod is not None and "deletionTimestamp" not in pod["metadata"]
        machine = await self.client.get(CONFIG_MAPS, f"machine-{self.node}", "default")
        runs = name.name in (machine.get("data") or {})
        if runs != wanted:
            uid = pod["metadata"]["uid"] if wanted and pod is not None else None
            machine["data"] = {**(machine.get("data") or {}), name.name: uid}
            machine["data"] = {key: value for key, value in machine["data"].items() if value}
            await self.client.update(CONFIG_MAPS, machine)
        if mine and not wanted and pod is not None:
            uid = pod["metadata"]["uid"]
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
            try:
                await self.client.delete(PODS, name.name, name.namespace, options)
            except (NotFound, Conflict):
                return


class FixedKubelet(BuggyKubelet):
    consistent_start = True


class BuggyOther(BuggyKubelet):
    name = "kubelet-b"
    node = "b"


class FixedOther(BuggyOther):
    consistent_start = True


class OneIdentity(Check):
    """No pod's name runs on two machines."""

    name: ClassVar[str] = "identity"
    prefixes: ClassVar[tuple[str, ...]] = ("configmaps/",)

    def __init__(self, setting: Setting) -> None:
        self.state = setting.state

    def commit(self, change: Change) -> Iterable[str]:
        first = self.state.get("configmaps/default/machine-a") or {}
        second = self.state.get("configmaps/default/machine-b") or {}
        for name in first.get("data") or {}:
            if name in (second.get("data") or {}):
                yield f"{name} runs on a and on b"

    def rest(self) -> Iterable[str]:
        return ()


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers: ClassVar[Any] = (BuggyKubelet, BuggyOther)
    checks = (OneIdentity,)

    async def act(self, sim: Simulation) -> None:
        for node in ("a", "b"):
            machine = {"metadata": {"name": f"machine-{node}"}}
            await sim.client.create(CONFIG_MAPS, machine, "default")
        spec = {"containers": [{"name": "c", "image": "c"}]}
        for node in ("a", "b"):
            pod = {"metadata": {"name": "web-0"}, "spec": {**spec, "nodeName": node}}
            await sim.client.create(PODS, pod, "default")
            await sim.until(lambda: False, 1.0)
            if node == "a":
                await sim.client.delete(PODS, "web-0", "default")
                if not await sim.until(lambda: not sim.objects(PODS, "default"), 1000.0):
                    return


class Fixed(Buggy):
    controllers = (FixedKubelet, FixedOther)
