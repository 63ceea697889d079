"""What a kubelet's /metrics, /metrics/resource and /metrics/cadvisor tell of its node.

Upstream: `pkg/kubelet/metrics`, its `collectors/resource_metrics.go`, and cAdvisor's names. A
pretended container takes as much at every moment as its script says: what it has taken so far is
that times the time that it has run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from k8slite.kubelet import usage
from k8slite.kubelet.container import ContainerRecord, Stage
from k8slite.kubelet.pod_worker import PodWorker
from k8slite.kubelet.runtimes.runtime import ContainerUsage
from k8slite.messages import Response
from k8slite.objects.codec import dumps
from k8slite.objects.measures import CONTENT_TYPE, Family, Reading, Sample, exposition
from k8slite.objects.meta import parse_timestamp

# The workers of a node with what their containers take.
Used = Sequence[tuple[PodWorker, list[ContainerUsage]]]

ROOT: Final = "/metrics"
_CONTAINER: Final = ("container", "namespace", "pod")
_POD: Final = ("namespace", "pod")
_CADVISOR: Final = ("container", "id", "image", "name", "namespace", "pod")


@frozen
class Running:
    """A container that runs, and what it takes."""

    worker: PodWorker
    record: ContainerRecord
    usage: ContainerUsage
    seconds: float  # since it was started

    @property
    def named(self) -> tuple[str, str, str]:
        """Container, namespace and pod."""
        metadata = self.worker.pod.metadata
        return self.usage.name, metadata.namespace, metadata.name

    @property
    def core_seconds(self) -> float:
        """How much it has computed so far."""
        return self.usage.cpu_milli / 1000 * self.seconds


def running(used: Used, now: datetime) -> list[Running]:
    """The containers of a node that run."""
    found = []
    for worker, usages in used:
        records = {record.container.name: record for record in worker.records}
        for one in usages:
            record = records.get(one.name)
            if record is not None and record.stage is Stage.RUNNING and record.started_at:
                since = (now - parse_timestamp(record.started_at)).total_seconds()
                found.append(Running(worker, record, one, max(since, 0.0)))
    return sorted(found, key=lambda one: one.named)


def answer(path: str, node: str, used: Used, now: datetime) -> Response:
    """The summary of a node, or the text of one of the paths under /metrics; 404 for another."""
    if path == usage.PATH:
        found = usage.summary(node, ((one.pod, usages) for one, usages in used), now)
        return Response(200, dumps(found), (("Content-Type", "application/json"),))
    containers = running(used, now)
    if path == ROOT:
        families = _own(node, containers)
    elif path == f"{ROOT}/resource":
        families = _resource(containers)
    elif path == f"{ROOT}/cadvisor":
        families = _cadvisor(containers)
    elif path == f"{ROOT}/probes":
        families = ()
    else:
        return Response(404, b"404 page not found\n", (("Content-Type", "text/plain"),))
    return Response(200, exposition(families).encode(), (("Content-Type", CONTENT_TYPE),))


def _own(node: str, containers: Sequence[Running]) -> Iterable[Family]:
    count = float(len(containers))
    pods = len({one.worker.pod.metadata.uid for one in containers})
    yield Reading(
        "kubelet_node_name",
        "[ALPHA] The node's name. The count is always 1.",
        lambda: [((node,), 1.0)],
        ("node",),
    )
    yield Reading(
        "kubelet_running_pods",
        "[BETA] Number of pods that have a running pod sandbox",
        lambda: [((), float(pods))],
    )
    yield Reading(
        "kubelet_running_containers",
        "[BETA] Number of containers currently running",
        lambda: [(("running",), count)],
        ("container_state",),
    )


def _resource(containers: Sequence[Running]) -> Iterable[Family]:
    cores = [(one.named, one.core_seconds) for one in containers]
    memory = [(one.named, float(one.usage.memory_bytes)) for one in containers]
    starts = [(one.named, parse_timestamp(one.record.started_at).timestamp()) for one in containers]
    cpu_help = "[STABLE] Cumulative cpu time consumed by the {} in core-seconds"
    memory_help = "[STABLE] Current working set of the {} in bytes"
    for what, labels, depth in (("container", _CONTAINER, 3), ("pod", _POD, 2), ("node", (), 0)):
        yield Reading(
            f"{what}_cpu_usage_seconds_total",
            cpu_help.format(what),
            lambda depth=depth: _summed(cores, depth),  # type: ignore[misc]
            labels,
            "counter",
        )
        yield Reading(
            f"{what}_memory_working_set_bytes",
            memory_help.format(what),
            lambda depth=depth: _summed(memory, depth),  # type: ignore[misc]
            labels,
        )
    yield Reading(
        "container_start_time_seconds",
        "[STABLE] Start time of the container since unix epoch in seconds",
        lambda: starts,
        _CONTAINER,
    )
    for name in ("resource_scrape_error", "scrape_error"):
        help_text = "1 if there was an error while getting container metrics, 0 otherwise"
        yield Reading(name, f"[STABLE] {help_text}", lambda: [((), 0.0)])


def _summed(samples: Sequence[Sample], depth: int) -> list[Sample]:
    """By so many of the last labels: 3 each container, 2 its pod, 0 the node."""
    found: dict[tuple[str, ...], float] = {} if depth else {(): 0.0}
    for values, amount in samples:
        key = values[3 - depth :]
        found[key] = found.get(key, 0.0) + amount
    return sorted(found.items())


def _cadvisor(containers: Sequence[Running]) -> Iterable[Family]:
    named: list[tuple[tuple[str, ...], Running]] = []
    for one in containers:
        container, namespace, pod = one.named
        uid, own = one.worker.pod.metadata.uid, one.record.id.rpartition("/")[2]
        path = f"/kubepods/pod{uid}/{own}"
        named.append(((container, path, one.record.container.image, own, namespace, pod), one))
    yield Reading(
        "container_cpu_usage_seconds_total",
        "Cumulative cpu time consumed in seconds.",
        lambda: [((values[0], "total", *values[1:]), one.core_seconds) for values, one in named],
        ("container", "cpu", *_CADVISOR[1:]),
        "counter",
    )
    for name in ("usage", "working_set"):
        yield Reading(
            f"container_memory_{name}_bytes",
            f"Current {name.replace('_', ' ')} in bytes.",
            lambda: [(values, float(one.usage.memory_bytes)) for values, one in named],
            _CADVISOR,
        )
    yield Reading(
        "container_start_time_seconds",
        "Start time of the container since unix epoch in seconds.",
        lambda: [
            (values, parse_timestamp(one.record.started_at).timestamp()) for values, one in named
        ],
        _CADVISOR,
    )
