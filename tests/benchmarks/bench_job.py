"""A Job of 10,000 indexed completions on 5,000 nodes, without sockets and disk.

On virtual time, so that only work counts: processor time from sending the Job until it says that
it is complete. A quarter of the size on as many nodes shows whether the work for each pod stays the
same, as it would not if all pods were counted for each of them.
"""

from __future__ import annotations

import time
from typing import Any, Final

import trio

from k8slite.client.resource import JOBS
from k8slite.cluster import Cluster, Settings
from k8slite.sim.run import run
from k8slite.sim.world import SimulatedWorld
from k8slite.store.memory import MemoryStore
from tests.benchmarks.figure import show

Json = dict[str, Any]
MOST_SECONDS: Final = 3600  # of virtual time


def main(*, short: bool = False) -> None:
    completions, nodes = (400, 50) if short else (10_000, 5_000)
    for size in (completions // 4, completions):
        busy = run(lambda world, size=size: _live(world, size, nodes), seed=0)
        show(
            f"Job of {size} indexed completions on {nodes} nodes",
            size / busy,
            "pods/s of processor time",
            None,
            cpu_seconds=busy,
            cpu_microseconds_a_pod=busy / size * 1e6,
        )


async def _live(world: SimulatedWorld, completions: int, nodes: int) -> float:
    cluster = Cluster(MemoryStore(), world, Settings(nodes=nodes))
    user = cluster.client("admin")
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run)
        began = time.process_time()
        await user.create(JOBS, _job(completions), "default")
        for _ in range(MOST_SECONDS):
            if _complete(await user.get(JOBS, "bench", "default")):
                break
            await trio.sleep(1)
        else:
            raise RuntimeError("the Job does not come to its end")
        busy = time.process_time() - began
        nursery.cancel_scope.cancel()
    return busy


def _job(completions: int) -> Json:
    template = {
        "metadata": {"annotations": {"k8slite.dev/exit-after": "1s"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "job:1"}]},
    }
    spec = {
        "completions": completions,
        "parallelism": completions,
        "completionMode": "Indexed",
        "template": template,
    }
    return {"metadata": {"name": "bench"}, "spec": spec}


def _complete(job: Json) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Complete" and one["status"] == "True" for one in conditions)
