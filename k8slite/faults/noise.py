"""Which traffic says nothing about what a cluster does: heartbeats and Events.

Faults do not count it, and a cluster that does nothing else has come to rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8slite.objects import heartbeats
from k8slite.objects.codec import loads
from k8slite.store.store import Event

_EVENTS = ("events/", "events.k8s.io.events/")
_LEASES = "coordination.k8s.io.leases/"
_NODE_LEASES = "coordination.k8s.io.leases/kube-node-lease/"
_NODES = "nodes/"


def silent_resource(resource: str) -> bool:
    """Whether requests and watches of a resource ("events") are never counted."""
    return resource.split(".", 1)[0] in ("events", "leases")


def silent_request(resource: str, subresource: str) -> bool:
    """Whether a write to a resource, or to a path that is none, is not counted."""
    return (
        resource == heartbeats.PATH
        or silent_resource(resource)
        or (resource == "nodes" and subresource == "status")
    )


def silent_commit(event: Event) -> bool:
    """Whether a commit is a heartbeat, the renewal of a lease, or an Event."""
    key = event.key
    if key.startswith((_NODES, _LEASES)):
        if beats(event):
            return True
        if event.now is None or event.before is None:
            return key.startswith(_NODE_LEASES)
        if key.startswith(_NODE_LEASES):
            return True
        old, new = loads(event.before.value), loads(event.now.value)
        if key.startswith(_NODES):
            return _beating(old) == _beating(new)
        return bool(_holder(old) == _holder(new))
    return key.startswith(_EVENTS)


def beats(event: Event) -> bool:
    """Whether it was told as a heartbeat: then nothing was decoded, and the header is the same."""
    _, _, now, before = event
    return now is not None and before is not None and now.header is before.header is not None


def _holder(lease: Mapping[str, Any]) -> Any:
    return (lease.get("spec") or {}).get("holderIdentity")


def _beating(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node without what its heartbeats change."""
    status = dict(node.get("status") or {})
    status["conditions"] = [
        {key: value for key, value in one.items() if key != "lastHeartbeatTime"}
        for one in status.get("conditions") or ()
    ]
    metadata = {key: v for key, v in node["metadata"].items() if key != "resourceVersion"}
    return {**node, "metadata": metadata, "status": status}
