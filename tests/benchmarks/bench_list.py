"""Milliseconds of a list of 10,000 pods over HTTPS, from the request to the answer's last byte.

The pods are for a scheduler that is not there, so that nothing happens to them meanwhile.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator

import trio

from k8slite.messages import Request
from k8slite.wire import HttpClient
from tests.benchmarks.cluster_process import ClusterProcess, cluster_process
from tests.benchmarks.figure import show
from tests.benchmarks.load import head, many

COUNT = 10_000
PATH = "/api/v1/namespaces/default/pods"


def main(*, short: bool) -> None:
    count = 1000 if short else COUNT
    with cluster_process("--nodes", "0") as cluster:

        def requests() -> Iterator[bytes]:
            lines = f"POST {PATH} HTTP/1.1\r\n{head(cluster)}Content-Type: application/json\r\n"
            for number in range(count):
                data = json.dumps(pod(number)).encode()
                yield f"{lines}Content-Length: {len(data)}\r\n\r\n".encode() + data

        made = many(cluster, requests)
        show("create Pod", made.rate, "requests/s", None, **made.details)
        trio.run(lists, cluster, count, 3 if short else 10)
        show(f"memory with {count} pods", cluster.resident_megabytes(), "MB VmRSS", None)


async def lists(cluster: ClusterProcess, count: int, runs: int) -> None:
    headers = {"authorization": f"Bearer {cluster.token}", "accept": "application/json"}
    took, size = [], 0
    busy = cluster.cpu_seconds()
    with HttpClient(cluster.url, cluster.context(), headers=headers) as client:
        for _ in range(runs):
            began = time.monotonic()
            response = await client(Request("GET", PATH))
            took.append((time.monotonic() - began) * 1e3)
            assert isinstance(response.body, bytes)
            size = len(response.body)
    items = len(json.loads(response.body)["items"])
    show(
        f"list of {count} pods",
        statistics.median(took),
        "ms",
        150 if count == COUNT else None,
        runs=runs,
        least=min(took),
        most=max(took),
        items=items,
        megabytes=size / 1e6,
        server_cpu_milliseconds=(cluster.cpu_seconds() - busy) / runs * 1e3,
    )


def pod(number: int) -> dict[str, object]:
    """A pod of a usual size once its defaults are in."""
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"bench-{number}",
            "labels": {"app": "bench", "part": str(number % 10)},
            "annotations": {"example.org/what": "a pod that is listed"},
        },
        "spec": {
            "schedulerName": "nobody",
            "containers": [
                {
                    "name": "web",
                    "image": "registry.example.org/web:1.2.3",
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "env": [{"name": f"VARIABLE_{n}", "value": "a value"} for n in range(8)],
                    "resources": {
                        "requests": {"cpu": "100m", "memory": "64Mi"},
                        "limits": {"memory": "128Mi"},
                    },
                    "livenessProbe": probe,
                    "readinessProbe": probe,
                }
            ],
        },
    }
