"""What a node's pods use, as a kubelet's /stats/summary tells it (upstream:
`k8s.io/kubelet/pkg/apis/stats/v1alpha1`), as far as the metrics API needs it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from k8slite.kubelet.pod import Pod
from k8slite.kubelet.runtimes.runtime import ContainerUsage
from k8slite.objects.meta import timestamp

Json = dict[str, Any]

PATH: Final = "/stats/summary"
_NANO: Final = 1_000_000  # of a thousandth


def summary(node: str, pods: Iterable[tuple[Pod, list[ContainerUsage]]], now: datetime) -> Json:
    """A Summary of a node and its pods that run."""
    moment = timestamp(now)
    found: list[Json] = []
    cpu_milli = memory_bytes = 0
    for pod, usages in pods:
        metadata = pod.metadata
        reference = {"name": metadata.name, "namespace": metadata.namespace, "uid": metadata.uid}
        containers = []
        for one in usages:
            cpu_milli += one.cpu_milli
            memory_bytes += one.memory_bytes
            stats = _stats(one.cpu_milli, one.memory_bytes, moment)
            containers.append({"name": one.name, **stats})
        if containers:
            found.append({"podRef": reference, "containers": containers})
    return {"node": {"nodeName": node, **_stats(cpu_milli, memory_bytes, moment)}, "pods": found}


def _stats(cpu_milli: int, memory_bytes: int, moment: str) -> Json:
    return {
        "cpu": {"time": moment, "usageNanoCores": cpu_milli * _NANO},
        "memory": {"time": moment, "workingSetBytes": memory_bytes},
    }
