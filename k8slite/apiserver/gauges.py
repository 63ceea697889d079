"""What /metrics tells of the API server and of the queues of controllers, read when somebody asks.

Names and labels are upstream's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Final, Protocol

from k8slite.apiserver.metrics import Gauge, Sample
from k8slite.apiserver.server import ApiServer

_IN_FLIGHT: Final = "Maximal number of currently used inflight request limit of this apiserver."
_LONG: Final = "Gauge of all active long-running apiserver requests by resource."


class Queue(Sized, Protocol):
    """A controller's queue: its length is what waits now."""

    @property
    def adds(self) -> int: ...

    @property
    def retries(self) -> int: ...


def server_gauges(server: ApiServer) -> list[Gauge]:
    """Gauges of one API server."""

    def in_flight() -> list[Sample]:
        counts = server.in_flight
        reading, writing = (("request_kind", "readOnly"),), (("request_kind", "mutating"),)
        return [(reading, float(counts.reading)), (writing, float(counts.writing))]

    def objects() -> list[Sample]:
        kinds, store = server.storage.kinds.all(), server.storage.store
        counted = {kind.group_resource: kind.prefix for kind in kinds if "list" in kind.verbs}
        return [
            ((("resource", name),), float(store.count(prefix)))
            for name, prefix in sorted(counted.items())
        ]

    def long_running() -> list[Sample]:
        return _by_kind(server.verbs.watch_counts.open, ("verb", "WATCH"))

    return [
        ("apiserver_current_inflight_requests", _IN_FLIGHT, in_flight),
        ("apiserver_storage_objects", "Number of stored objects by resource.", objects),
        ("apiserver_longrunning_requests", _LONG, long_running),
    ]


def server_counters(server: ApiServer) -> list[Gauge]:
    """Counters of one API server."""

    def events() -> list[Sample]:
        return _by_kind(server.verbs.watch_counts.events)

    def audited() -> list[Sample]:
        counts = server.auditor.counts if server.auditor is not None else {}
        return [((("level", level),), float(count)) for level, count in sorted(counts.items())]

    return [
        ("apiserver_watch_events_total", "Number of events sent in watch clients.", events),
        ("apiserver_audit_event_total", "Counter of audit events generated.", audited),
    ]


def queue_gauges(queues: Mapping[str, Queue]) -> list[Gauge]:
    """How long the queues of controllers are; the mapping may change."""

    def depths() -> list[Sample]:
        return [((("name", name),), float(len(queue))) for name, queue in sorted(queues.items())]

    return [("workqueue_depth", "Current depth of workqueue.", depths)]


def queue_counters(queues: Mapping[str, Queue]) -> list[Gauge]:
    """What has gone through the queues of controllers."""

    def adds() -> list[Sample]:
        return [((("name", name),), float(queue.adds)) for name, queue in sorted(queues.items())]

    def retries() -> list[Sample]:
        return [((("name", name),), float(one.retries)) for name, one in sorted(queues.items())]

    return [
        ("workqueue_adds_total", "Total number of adds handled by workqueue.", adds),
        ("workqueue_retries_total", "Total number of retries handled by workqueue.", retries),
    ]


def _by_kind(counts: Mapping[tuple[str, str, str], int], *labels: tuple[str, str]) -> list[Sample]:
    """Samples by group, version and resource."""
    return [
        ((("group", group), ("resource", resource), *labels, ("version", version)), float(count))
        for (group, version, resource), count in sorted(counts.items())
    ]
