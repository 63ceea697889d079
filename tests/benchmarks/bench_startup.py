"""How long a cluster takes to start, and what it holds in memory when nothing happens."""

from __future__ import annotations

import statistics
import time

from tests.benchmarks.cluster_process import cluster_process
from tests.benchmarks.figure import show

IDLE_SECONDS = 5.0


def main(*, short: bool) -> None:
    took = []
    idle = 1.0 if short else IDLE_SECONDS
    for _ in range(2 if short else 5):
        with cluster_process("--nodes", "3") as cluster:
            took.append(cluster.ready_seconds)
    with cluster_process("--nodes", "3") as cluster:
        took.append(cluster.ready_seconds)
        busy = cluster.cpu_seconds()
        time.sleep(idle)
        busy = cluster.cpu_seconds() - busy
        resident = cluster.resident_megabytes()
    show(
        "start-up, 3 nodes",
        statistics.median(took),
        "s from process start to /readyz 200",
        0.5,
        runs=len(took),
        least=min(took),
        most=max(took),
    )
    show("memory idle, 3 nodes", resident, "MB VmRSS", None, after_seconds=idle)
    show("processor idle, 3 nodes", busy / idle * 100, "% of one core", None)
