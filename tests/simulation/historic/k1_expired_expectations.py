"""K1, kubernetes/kubernetes#129795: a ReplicaSet gets more pods than it asks for.

The controller remembers which pods it has made until the watch shows them; but after five minutes
it takes them for lost. Where the watch lags longer than that, it makes them again. Violated: live
pods <= replicas.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from k8slite import Controller, Name
from k8slite.client.resource import PODS, REPLICA_SETS
from k8slite.sim.checks import Change, Check, Setting
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]
EXPECT_SECONDS = 300.0


class BuggyReplicaSets(Controller):
    """Keeps as many pods as a ReplicaSet asks for; what it expects to see expires."""

    name = "replicasets"
    resource = REPLICA_SETS
    owns = (PODS,)
    reads_own_writes = False
    consistent_start = True

    def setup(self) -> None:
        self.expected: dict[Name, tuple[float, list[str]]] = {}

    def lagging(self, name: Name, pods: list[str]) -> bool:
        since, made = self.expected.get(name, (0.0, []))
        if all(pod in pods for pod in made):
            return False
        return self.world.now().timestamp() < since + EXPECT_SECONDS  # the bug

    async def reconcile(self, name: Name) -> float | None:
        replica_set = self.get(name)
        if replica_set is None:
            return None
        pods = [pod["metadata"]["name"] for pod in self.cached(PODS).owned_by(replica_set)]
        if self.lagging(name, pods):
            return 30.0
        made = []
        for _ in range(replica_set["spec"]["replicas"] - len(pods)):
            pod = await self.client.create(PODS, self.pod(replica_set), name.namespace)
            made.append(pod["metadata"]["name"])
        if made:
            self.expected[name] = (self.world.now().timestamp(), made)
        return 30.0 if made else None

    def pod(self, replica_set: Json) -> Json:
        template = replica_set["spec"]["template"]
        metadata = {
            "generateName": f"{replica_set['metadata']['name']}-",
            "labels": template["metadata"]["labels"],
            "ownerReferences": [self.owner_reference(replica_set)],
        }
        return {"metadata": metadata, "spec": template["spec"]}


class FixedReplicaSets(BuggyReplicaSets):
    """Goes on only when the watch has shown what it wrote, however long that takes."""

    reads_own_writes = True

    def lagging(self, name: Name, pods: list[str]) -> bool:
        return False


class LivePods(Check):
    """A ReplicaSet never has more pods than it asks for."""

    name: ClassVar[str] = "live-pods"
    prefixes: ClassVar[tuple[str, ...]] = ("pods/",)

    def __init__(self, setting: Setting) -> None:
        self.state = setting.state

    def commit(self, change: Change) -> Iterable[str]:
        count = len(list(self.state.keys("pods/")))
        if change.old is None and count > 2:
            yield f"2 pods are asked for, {count} live"

    def rest(self) -> Iterable[str]:
        return ()


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyReplicaSets,)
    checks = (LivePods,)

    async def act(self, sim: Simulation) -> None:
        labels = {"app": "web"}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "c", "image": "x"}]},
        }
        spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
        replica_set = {"metadata": {"name": "web"}, "spec": spec}
        await sim.client.create(REPLICA_SETS, replica_set, "default")

    def check(self, sim: Simulation) -> list[str]:
        count = len(sim.objects(PODS, "default"))
        return [] if count == 2 else [f"2 pods are asked for, {count} live"]


class Fixed(Buggy):
    controllers = (FixedReplicaSets,)
