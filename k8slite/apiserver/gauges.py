"""What /metrics tells of one API server that somebody else knows: read when somebody asks.

Names and labels are upstream's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from k8slite.apiserver.discovery import version_info
from k8slite.apiserver.server import ApiServer
from k8slite.objects.measures import Family, Reading, Sample

_IN_FLIGHT: Final = (
    "[STABLE] Maximal number of currently used inflight request limit of this apiserver per "
    "request kind in last second."
)
_LONG: Final = (
    "[STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, "
    "version, resource, scope and component. Not all requests are tracked this way."
)
_OBJECTS: Final = (
    "[STABLE] Number of stored objects at the time of last check split by kind. In case of a "
    "fetching error, the value will be -1."
)
_RESOURCES_SINCE: Final = 34  # apiserver_resource_objects


def server_families(server: ApiServer) -> Iterable[Family]:
    """Everything that is read of one API server."""
    yield from _stored(server)
    yield from _watched(server)
    yield from _audited(server)
    yield from server.authenticator.uses.families()
    yield Reading(
        "apiserver_current_inflight_requests",
        _IN_FLIGHT,
        lambda: [
            (("mutating",), float(server.in_flight.writing)),
            (("readOnly",), float(server.in_flight.reading)),
        ],
        ("request_kind",),
    )
    yield Reading(
        "apiserver_requested_deprecated_apis",
        "[STABLE] Gauge of deprecated APIs that have been requested, broken out by API group, "
        "version, resource, subresource, and removed_release.",
        lambda: [(values, 1.0) for values in sorted(server.deprecated)],
        ("group", "removed_release", "resource", "subresource", "version"),
    )
    version = version_info(server.minor)
    yield Reading(
        "kubernetes_build_info",
        "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, git "
        "commit, git tree state, build date, Go version, and compiler from which Kubernetes was "
        "built, and platform on which it is running.",
        lambda: [(tuple(version.get(name, "") for name in _BUILD.values()), 1.0)],
        tuple(_BUILD),
    )


def _stored(server: ApiServer) -> Iterable[Family]:
    """Objects by resource; the newer name has group and resource apart."""

    def counts() -> dict[tuple[str, str], float]:
        kinds, store = server.storage.kinds.all(), server.storage.store
        found = {(kind.group, kind.plural): kind.prefix for kind in kinds if "list" in kind.verbs}
        return {name: float(store.count(found[name])) for name in sorted(found)}

    def together() -> list[Sample]:
        named = {f"{name}.{group}".rstrip("."): n for (group, name), n in counts().items()}
        return [((name,), named[name]) for name in sorted(named)]

    yield Reading("apiserver_storage_objects", _OBJECTS, together, ("resource",))
    if server.minor >= _RESOURCES_SINCE:
        help_text = _OBJECTS.replace("STABLE", "ALPHA")
        name, labels = "apiserver_resource_objects", ("group", "resource")
        yield Reading(name, help_text, lambda: list(counts().items()), labels)


def _watched(server: ApiServer) -> Iterable[Family]:
    counts = server.verbs.watch_counts

    def open_ones() -> list[Sample]:
        return [
            (("apiserver", group, resource, "cluster", "", "WATCH", version), float(count))
            for (group, version, resource), count in sorted(counts.open.items())
        ]

    labels = ("component", "group", "resource", "scope", "subresource", "verb", "version")
    yield Reading("apiserver_longrunning_requests", _LONG, open_ones, labels)
    yield Reading(
        "apiserver_watch_events_total",
        "[ALPHA] Number of events sent in watch clients",
        lambda: _by_kind(counts.events),
        _KIND,
        "counter",
    )


def _audited(server: ApiServer) -> Iterable[Family]:
    if server.auditor is not None:
        yield from server.auditor.families()

    def levels() -> Mapping[str, int]:
        return server.auditor.counts if server.auditor is not None else {}

    yield Reading(
        "apiserver_audit_event_total",
        "[ALPHA] Counter of audit events generated and sent to the audit backend.",
        lambda: [((), float(sum(levels().values())))],
        sort="counter",
    )
    yield Reading(
        "apiserver_audit_level_total",
        "[ALPHA] Counter of policy levels for audit events (1 per request).",
        lambda: [((level,), float(count)) for level, count in sorted(levels().items())],
        ("level",),
        "counter",
    )


def _by_kind(counts: Mapping[tuple[str, str, str], int]) -> list[Sample]:
    """Samples by group, version and resource."""
    return [
        ((group, resource, version), float(count))
        for (group, version, resource), count in sorted(counts.items())
    ]


_KIND: Final = ("group", "resource", "version")
# The label and what /version calls it.
_BUILD: Final = {
    "build_date": "buildDate",
    "compiler": "compiler",
    "git_commit": "gitCommit",
    "git_tree_state": "gitTreeState",
    "git_version": "gitVersion",
    "go_version": "goVersion",
    "major": "major",
    "minor": "minor",
    "platform": "platform",
}
