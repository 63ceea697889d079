"""Clusters inside a test's process: how soon one can be used, and what small tests cost."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import k8slite.testing
from k8slite.testing import Cluster
from tests.benchmarks.figure import show

# The first cluster of a process, timed by itself: whatever was loaded before is not paid for.
FIRST = """
import json, resource, time

def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

loading = cpu()
import k8slite.testing.cluster as testing
began, busy = time.perf_counter(), cpu()
with testing.start() as cluster:
    assert len(cluster.list("nodes")) == 3
    usable = time.perf_counter() - began, cpu() - busy
    cluster.ready()
    print(json.dumps([*usable, busy - loading, cpu() - loading]))
"""
TESTS = 100


def main(*, short: bool) -> None:
    first = [_first() for _ in range(2 if short else 5)]
    show(
        "first cluster of a process, 3 nodes",
        statistics.median(one[0] for one in first) * 1000,
        "ms from import to its nodes listed",
        50,
        cpu=statistics.median(one[1] for one in first) * 1000,
        importing=statistics.median(one[2] for one in first) * 1000,
        synced=statistics.median(one[3] for one in first) * 1000,
    )
    with k8slite.testing.start():
        pass
    usable = [_timed(_start_and_use) for _ in range(5 if short else 20)]
    show("further cluster, 3 nodes", statistics.median(usable) * 1000, "ms CPU until used", 50)
    whole = [_timed(_whole_life) for _ in range(5 if short else 20)]
    show("a cluster's whole life", statistics.median(whole) * 1000, "ms CPU, all synced", None)
    with k8slite.testing.start(tls=False) as cluster:
        cluster.ready()
        took = _timed(lambda: [_small_test(cluster) for _ in range(TESTS)])
        show("small API tests", took, f"s CPU for {TESTS}, each in a namespace", 5)
        took = _timed(lambda: [_test_with_a_pod(cluster) for _ in range(TESTS)])
        show("small tests with a pod", took, f"s CPU for {TESTS}, namespaces waited for", None)


def _first() -> list[float]:
    ran = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
    found: list[float] = json.loads(ran.stdout)
    return found


def _start_and_use() -> None:
    cluster = k8slite.testing.start()
    assert len(cluster.list("nodes")) == 3
    _clean_up.append(cluster)


def _whole_life() -> None:
    with k8slite.testing.start() as cluster:
        cluster.ready()


def _small_test(cluster: Cluster) -> None:
    name = cluster.namespace()
    cluster.apply(_config_map("b"), name)
    cluster.apply(_config_map("c"), name)
    assert cluster.get("configmap/one", name)["data"] == {"a": "c"}
    assert len(cluster.list("configmaps", name)) == 2
    cluster.delete("configmap/one", name)
    cluster.delete(f"namespace/{name}", wait=False)


def _test_with_a_pod(cluster: Cluster) -> None:
    name = cluster.namespace()
    pod = {"containers": [{"name": "web", "image": "nginx"}]}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": pod}, name
    )
    cluster.wait_for("pod/web", "Ready", name)
    cluster.delete(f"namespace/{name}")


def _config_map(value: str) -> dict[str, Any]:
    metadata = {"name": "one"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": value}}


def _timed(work: Callable[[], object]) -> float:
    """Seconds of the processor that a piece of work takes, here and in all threads."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    while _clean_up:
        _clean_up.pop().stop()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


_clean_up: list[Cluster] = []
