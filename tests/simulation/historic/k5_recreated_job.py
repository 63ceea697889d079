"""K5, kubernetes/kubernetes#131917: a Job that is made again under its name never gets pods.

What was expected for the first Job, and is never seen since a gap in the watch hides it, is waited
for on behalf of the second. Violated: the Job has a pod in the end.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from k8slite import Controller, Name
from k8slite.client.resource import JOBS, PODS
from k8slite.objects.errors import AlreadyExists, NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]
POD = {"restartPolicy": "Never", "containers": [{"name": "work", "image": "work"}]}


class BuggyJobs(Controller):
    """One pod for each Job; expects to see what it has made."""

    name = "jobs"
    resource = JOBS
    reads_own_writes = False
    consistent_start = True

    def setup(self) -> None:
        self.expected: dict[str, int] = {}
        self.watch(PODS, self.changed)

    def changed(self, old: Json | None, new: Json | None) -> Iterable[Name]:
        for pod in (old, new):
            for owner in (pod or {"metadata": {}})["metadata"].get("ownerReferences") or ():
                key = self.key(owner["name"], owner["uid"])
                if old is None and self.expected.get(key):
                    self.expected[key] -= 1
                yield Name("default", owner["name"])

    async def reconcile(self, name: Name) -> None:
        job = self.get(name)
        if job is None:
            return
        key = self.key(name.name, job["metadata"]["uid"])
        if self.expected.get(key) or self.cached(PODS).owned_by(job):
            return
        try:
            now = await self.client.get(JOBS, name.name, name.namespace)
        except NotFound:
            return
        if now["metadata"]["uid"] != job["metadata"]["uid"]:
            return
        self.expected[key] = 1
        reference = self.owner_reference(job)
        pod_name = f"work-{job['metadata']['uid'][:8]}"
        pod = {"metadata": {"name": pod_name, "ownerReferences": [reference]}, "spec": POD}
        try:
            await self.client.create(PODS, pod, name.namespace)
        except AlreadyExists:  # the reply to the first attempt was lost
            self.expected[key] = 0
        except BaseException:
            self.expected[key] = 0
            raise

    def key(self, name: str, uid: str) -> str:
        return name  # the bug: the name is not the Job


class FixedJobs(BuggyJobs):
    def key(self, name: str, uid: str) -> str:
        return uid


class Buggy(Scenario):
    nodes = 0
    builtin = ("generic-garbage-collector",)
    scheduler = False
    controllers = (BuggyJobs,)

    async def act(self, sim: Simulation) -> None:
        job = {"metadata": {"name": "work"}, "spec": {"template": {"spec": POD}}}
        await sim.client.create(JOBS, job, "default")
        await sim.until(lambda: bool(sim.objects(PODS, "default")), 10.0)
        await sim.client.delete(JOBS, "work", "default", {"propagationPolicy": "Background"})
        await sim.until(lambda: not sim.objects(PODS, "default"), 10.0)
        await sim.client.create(JOBS, job, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        [job] = sim.objects(JOBS, "default")
        for pod in sim.objects(PODS, "default"):
            owners = pod["metadata"].get("ownerReferences") or ()
            if any(one["uid"] == job["metadata"]["uid"] for one in owners):
                return ()
        return ("the Job has no pod",)


class Fixed(Buggy):
    controllers = (FixedJobs,)
