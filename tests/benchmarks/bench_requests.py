"""Creates and gets a second of a ConfigMap of 1 kB over HTTPS, each create durable when answered.

Rates count every answer, so that they mean something only where `errors` is 0.
"""

from __future__ import annotations

from tests.benchmarks.cluster_process import cluster_process
from tests.benchmarks.figure import show
from tests.benchmarks.load import creates, gets

PATH = "/api/v1/namespaces/default/configmaps"
BODY = (
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bench-%d"},'
    '"data":{"text":"' + "x" * 900 + '"}}'
)
READ_COUNT = 500  # different ConfigMaps that are read


def main(*, short: bool) -> None:
    seconds = 1.0 if short else 5.0
    with cluster_process("--nodes", "0") as cluster:
        made = creates(cluster, PATH, BODY, seconds)
        show("create ConfigMap, 1 kB", made.rate, "requests/s", 2000, **made.details)
        read = gets(cluster, f"{PATH}/bench-%d", min(READ_COUNT, made.requests // 2), seconds)
        show("get ConfigMap, 1 kB", read.rate, "requests/s", 6000, **read.details)
        show("memory after creates", cluster.resident_megabytes(), "MB VmRSS", None)
