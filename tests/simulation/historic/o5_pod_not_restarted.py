"""O5, konpyutaika/nifikop#49: a pod is never restarted after its configuration has changed.

That a restart is due is known only between two writes, a window of less than a millisecond: who
crashes there finds the new configuration written, and all well. Violated: the pod runs with the
configuration that is wanted.
"""

from collections.abc import Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, PODS, SECRETS
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]
CONFIG = "example.org/config"


class BuggyClusters(Controller):
    """A cluster (a ConfigMap) has its configuration in a Secret, and a pod that reads it once."""

    name = "clusters"
    resource = CONFIG_MAPS
    owns = (SECRETS, PODS)

    async def reconcile(self, name: Name) -> None:
        cluster = self.get(name)
        if cluster is None or "config" not in (cluster.get("data") or {}):
            return
        wanted = cluster["data"]["config"]
        secret, pod = self.cached(SECRETS).get(name), self.cached(PODS).get(name)
        if secret is None:
            await self.client.create(SECRETS, self.child(cluster), name.namespace)
        elif secret["metadata"]["annotations"][CONFIG] != wanted:
            patch = {"metadata": {"annotations": {CONFIG: wanted}}}
            await self.client.patch(SECRETS, name.name, patch, name.namespace)
            await self.configured(cluster)
        if pod is None:
            spec = {"containers": [{"name": "node", "image": "node"}]}
            await self.client.create(PODS, {**self.child(cluster), "spec": spec}, name.namespace)
        elif self.is_outdated(cluster, pod):
            await self.client.delete(PODS, name.name, name.namespace)
            await self.client.patch(CONFIG_MAPS, name.name, {"data": {"restart": None}}, "default")

    async def configured(self, cluster: Json) -> None:
        name = cluster["metadata"]["name"]
        await self.client.patch(CONFIG_MAPS, name, {"data": {"restart": "yes"}}, "default")

    def is_outdated(self, cluster: Json, pod: Json) -> bool:
        return bool(cluster["data"].get("restart"))  # the bug: who knows, if we crashed before?

    def child(self, cluster: Json) -> Json:
        return {
            "metadata": {
                "name": cluster["metadata"]["name"],
                "annotations": {CONFIG: cluster["data"]["config"]},
                "ownerReferences": [self.owner_reference(cluster)],
            }
        }


class FixedClusters(BuggyClusters):
    async def configured(self, cluster: Json) -> None:
        return

    def is_outdated(self, cluster: Json, pod: Json) -> bool:
        return bool(pod["metadata"]["annotations"][CONFIG] != cluster["data"]["config"])


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyClusters,)

    async def act(self, sim: Simulation) -> None:
        cluster = {"metadata": {"name": "nifi"}, "data": {"config": "1"}}
        await sim.client.create(CONFIG_MAPS, cluster, "default")
        await sim.until(lambda: bool(sim.objects(PODS, "default")), 10.0)
        await sim.client.patch(CONFIG_MAPS, "nifi", {"data": {"config": "2"}}, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        found = [pod["metadata"]["annotations"].get(CONFIG) for pod in sim.objects(PODS, "default")]
        return () if found == ["2"] else (f"pods run with configurations {found}, not 2",)


class Fixed(Buggy):
    controllers = (FixedClusters,)
