"""O1, instaclustr/cassandra-operator#402: the volume claims of a living cluster are deleted.

A cluster is deleted and made again under its name. An instance that starts against a replica of
the time of the deletion cleans up once more, by name. Violated: only what belongs to the object
with that UID is deleted (casskop#316 and zookeeper-operator#312 are the same).
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from k8slite import Controller, Name
from k8slite.client.resource import CONFIG_MAPS, PERSISTENT_VOLUME_CLAIMS
from k8slite.objects.errors import AlreadyExists, Conflict, NotFound
from k8slite.sim.checks import Change, Check, Setting
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]
FINALIZER = "example.org/claims"
SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


class BuggyClusters(Controller):
    """A claim for each cluster (a ConfigMap), deleted with it."""

    name = "clusters"
    resource = CONFIG_MAPS
    owns = (PERSISTENT_VOLUME_CLAIMS,)
    consistent_start = False

    async def reconcile(self, name: Name) -> None:
        cluster = self.get(name)
        if cluster is None or FINALIZER not in (cluster["metadata"].get("finalizers") or ()):
            return
        if "deletionTimestamp" in cluster["metadata"]:
            await self.clean_up(cluster, name)
            await self.remove_finalizer(cluster, FINALIZER)
            return
        reference = self.owner_reference(cluster)
        claim = {"metadata": {"name": name.name, "ownerReferences": [reference]}, "spec": SPEC}
        try:
            await self.client.create(PERSISTENT_VOLUME_CLAIMS, claim, name.namespace)
        except AlreadyExists:
            return

    async def clean_up(self, cluster: Json, name: Name) -> None:
        try:
            await self.client.delete(PERSISTENT_VOLUME_CLAIMS, name.name, name.namespace)
        except NotFound:
            return


class FixedClusters(BuggyClusters):
    async def clean_up(self, cluster: Json, name: Name) -> None:
        try:
            claim = await self.client.get(PERSISTENT_VOLUME_CLAIMS, name.name, name.namespace)
            owners = claim["metadata"].get("ownerReferences") or ()
            if any(one["uid"] == cluster["metadata"]["uid"] for one in owners):
                options = {"preconditions": {"uid": claim["metadata"]["uid"]}}
                await self.client.delete(
                    PERSISTENT_VOLUME_CLAIMS, name.name, name.namespace, options
                )
        except (NotFound, Conflict):
            return


class ClaimsOfTheDead(Check):
    """The claim of a living cluster stays."""

    name: ClassVar[str] = "claims"
    prefixes: ClassVar[tuple[str, ...]] = ("persistentvolumeclaims/",)

    def __init__(self, setting: Setting) -> None:
        self.state = setting.state

    def commit(self, change: Change) -> Iterable[str]:
        ended = change.new is None or "deletionTimestamp" in change.new["metadata"]
        if not ended or change.process != "clusters":
            return
        owners = [one["uid"] for one in change.obj["metadata"].get("ownerReferences") or ()]
        for key, cluster in self.state.all("configmaps/"):
            metadata = cluster["metadata"]
            if metadata["uid"] in owners and "deletionTimestamp" not in metadata:
                yield f"{change.key} was deleted, and its owner {key} lives"

    def rest(self) -> Iterable[str]:
        return ()


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyClusters,)
    checks = (ClaimsOfTheDead,)

    async def act(self, sim: Simulation) -> None:
        cluster = {"metadata": {"name": "cass", "finalizers": [FINALIZER]}}
        await sim.client.create(CONFIG_MAPS, cluster, "default")
        await sim.until(lambda: bool(sim.objects(PERSISTENT_VOLUME_CLAIMS)), 100.0)
        await sim.client.delete(CONFIG_MAPS, "cass", "default")
        if await sim.until(lambda: sim.state.get("configmaps/default/cass") is None, 1000.0):
            await sim.client.create(CONFIG_MAPS, cluster, "default")


class Fixed(Buggy):
    controllers = (FixedClusters,)
