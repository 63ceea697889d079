"""A Deployment of 5,000 pods gets another image, and is rolled over completely.

From sending the change until a watch of the Deployment shows every pod new and available and none
of the old ones left, by upstream's default rules (a quarter surged, a quarter unavailable). A
second is a pod replaced: one made, scheduled, started and made ready, one stopped and deleted.
"""

from __future__ import annotations

import time
from typing import Any, Final

import trio

from tests.benchmarks.bench_deployment import NAMESPACE, deployment
from tests.benchmarks.cluster_process import ClusterProcess, cluster_process
from tests.benchmarks.figure import show
from tests.benchmarks.talk import Talk

Json = dict[str, Any]

DEPLOYMENTS: Final = "/apis/apps/v1/namespaces/default/deployments"
MOST_SECONDS: Final = 900.0  # for each of the two steps, until it is given up


def main(*, short: bool) -> None:
    pods, nodes = (200, 10) if short else (5000, 100)
    with cluster_process("--nodes", str(nodes)) as cluster:
        trio.run(_Rollover(cluster, pods, nodes).run)


class _Rollover:
    def __init__(self, cluster: ClusterProcess, pods: int, nodes: int) -> None:
        self.cluster = cluster
        self.pods = pods
        self.nodes = nodes
        self.status: Json = {}
        self.changed = trio.Event()

    async def run(self) -> None:
        with Talk(self.cluster, 4) as talk:
            made = await talk.call("POST", f"{NAMESPACE}/configmaps", {"metadata": {"name": "x"}})
            revision = made["metadata"]["resourceVersion"]
            async with trio.open_nursery() as nursery:
                await nursery.start(talk.follow, DEPLOYMENTS, revision, self.shown)
                found = deployment(self.pods)
                spec: Any = found["spec"]
                spec["template"]["spec"]["terminationGracePeriodSeconds"] = 0
                await self.step("rolled out", 1, talk.call("POST", DEPLOYMENTS, found))
                image = [{"op": "replace", "path": IMAGE, "value": "web:2"}]
                path = f"{DEPLOYMENTS}/bench"
                change = talk.call("PATCH", path, image, "application/json-patch+json")
                await self.step("rolled over", 2, change)
                nursery.cancel_scope.cancel()

    async def step(self, what: str, generation: int, change: Any) -> None:
        busy, began = self.cluster.cpu_seconds(), time.monotonic()
        await change
        with trio.fail_after(MOST_SECONDS):
            while not self.complete(generation):
                await self.changed.wait()
        seconds, busy = time.monotonic() - began, self.cluster.cpu_seconds() - busy
        show(
            f"Deployment of {self.pods} pods on {self.nodes} nodes {what}",
            self.pods / seconds,
            "pods/s",
            None,
            seconds=seconds,
            server_cpu_seconds=busy,
            server_cpu_microseconds_a_pod=busy / self.pods * 1e6,
            megabytes=self.cluster.resident_megabytes(),
        )

    def shown(self, now: float, obj: Json) -> None:
        self.status = obj.get("status") or {}
        self.changed.set()
        self.changed = trio.Event()

    def complete(self, generation: int) -> bool:
        status = self.status
        return status.get("observedGeneration") == generation and all(
            status.get(key) == self.pods
            for key in ("replicas", "updatedReplicas", "availableReplicas")
        )


IMAGE: Final = "/spec/template/spec/containers/0/image"
