"""K2, kubernetes/kubernetes#54096: two daemon pods on one node after a fail-over.

The new instance lists from a replica that does not show what the old one has made, and makes it
again. Violated: one pod for each DaemonSet and node.
"""

from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import DAEMON_SETS, NODES, PODS
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

TEMPLATE = {
    "metadata": {"labels": {"app": "agent"}},
    "spec": {"containers": [{"name": "agent", "image": "agent"}]},
}


class BuggyDaemons(Controller):
    """One pod on each node."""

    name = "daemons"
    resource = DAEMON_SETS
    owns = (PODS,)
    reads_own_writes = False
    consistent_start = False

    def setup(self) -> None:
        self.watch(NODES, lambda old, new: [Name("default", "agent")])

    async def reconcile(self, name: Name) -> None:
        daemon = self.get(name)
        if daemon is None:
            return
        served = {pod["spec"]["nodeName"] for pod in self.cached(PODS).owned_by(daemon)}
        for node in self.cached(NODES).list():
            if node["metadata"]["name"] not in served:
                await self.client.create(PODS, self.pod(daemon, node), name.namespace)

    def pod(self, daemon: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
        template = daemon["spec"]["template"]
        return {
            "metadata": {
                "generateName": "agent-",
                "labels": template["metadata"]["labels"],
                "ownerReferences": [self.owner_reference(daemon)],
            },
            "spec": {**template["spec"], "nodeName": node["metadata"]["name"]},
        }


class FixedDaemons(BuggyDaemons):
    reads_own_writes = True
    consistent_start = True


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyDaemons,)

    async def act(self, sim: Simulation) -> None:
        spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": TEMPLATE}
        daemon = {"metadata": {"name": "agent"}, "spec": spec}
        await sim.client.create(DAEMON_SETS, daemon, "default")
        for name in ("n1", "n2"):
            await sim.client.create(NODES, {"metadata": {"name": name}})
            await sim.until(lambda: False, 1.0)


class Fixed(Buggy):
    controllers = (FixedDaemons,)
