"""Heartbeats: writes that say of an object only that it lives, and how to tell them cheaply.

A Lease that is renewed, a Node whose kubelet has nothing new to tell: all that changes are the
resourceVersion and some times. The rest of the object's bytes is its shape, from which the next
version is made without decoding.

The message is k8slite's own, from kubelets of the API server's own process and from nobody else:

    POST /k8slite/heartbeats
    {"now": "2026-01-02T03:04:05.000006Z", "leases": {NAME: RESOURCE_VERSION}, "nodes": {...}}
    {"leases": {NAME: NEW RESOURCE_VERSION, or null}, "nodes": {...}}

Each is a write of its own, under the precondition of its resourceVersion. A null says that this one
must be written in the usual way, where what is in the way is found out.

A watch of this process that asks for it (`TOGETHER`) gets those writes that follow one another and
have the same times as one event, without the objects; `apply` makes of one what it has become:

    {"type": "HEARTBEATS", "object": {"metadata": {"resourceVersion": "9"}, "times": [...],
        "revisions": {"kube-node-lease/node-1": 8, "kube-node-lease/node-2": 9}}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import Factory, frozen

from k8slite.objects.codec import dumps, loads

Json = dict[str, Any]

PATH: Final = "/k8slite/heartbeats"
LEASE_NAMESPACE: Final = "kube-node-lease"
TOGETHER: Final = ("heartbeats", "together")  # the parameter of a watch
EVENT: Final = "HEARTBEATS"  # the type of what it then brings
# The conditions of a Node that its kubelet posts.
POSTED: Final = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")

_MARK: Final = "\0"  # where something is left out; JSON writes it as six letters
_MARKED: Final = b'"\\u0000"'


@frozen
class Told:
    """What kubelets tell: which objects live, by name, with the version that is known of each."""

    now: str = ""  # a `metav1.MicroTime`
    leases: Mapping[str, str] = Factory(dict)
    nodes: Mapping[str, str] = Factory(dict)

    @classmethod
    def load(cls, body: bytes) -> Told:
        """Read a message. Raises KeyError, TypeError or ValueError."""
        found = loads(body)
        return cls(found["now"], dict(found["leases"]), dict(found["nodes"]))

    def dump(self) -> bytes:
        return dumps({"now": self.now, "leases": self.leases, "nodes": self.nodes})


def told_of(times: Sequence[str], revisions: Mapping[str, int]) -> Json:
    """What an `EVENT` is about; the newest revision is the last one."""
    newest = next(reversed(revisions.values()))  # type: ignore[call-overload]
    metadata = {"resourceVersion": str(newest)}
    return {"metadata": metadata, "times": list(times), "revisions": revisions}


class Shape:
    """The bytes of an object in JSON without its resourceVersion and the times of its heartbeats.

    `shape_of` finds them; times are in the order in which they stand there.
    """

    __slots__ = ("_format", "_spots", "_tail", "_tail_length", "times")

    def __init__(self, parts: Sequence[bytes], lengths: Sequence[int]) -> None:
        """`parts`: what stands around the revision and the times; `lengths` of the times."""
        self.times = len(lengths)
        head, *rest = (part.replace(b"%", b"%%") for part in parts)
        self._tail = b"%b".join(rest)  # what stands after the revision
        self._format = head + b"%d" + self._tail
        spots, end = [], 0
        for part, length in zip(parts[1:], (*lengths, 0), strict=True):
            begin = end + len(part)
            end = begin + length
            spots.append((begin, end))
        self._tail_length = end
        self._spots = tuple(spots[:-1])  # where in the tail the times are

    def filled(self, revision: int, times: Sequence[bytes]) -> bytes:
        """The object at another revision, with other times."""
        return self._format % (revision, *times)

    def times_in(self, data: bytes) -> tuple[bytes, ...]:
        """The times in an object that has this shape."""
        tail = len(data) - self._tail_length
        return tuple([data[tail + begin : tail + end] for begin, end in self._spots])


def shape_of(data: bytes, obj: Json) -> Shape | None:
    """The shape of an object, `data` being what it is encoded as; it is left as it was.

    None where there is none that a heartbeat would keep.
    """
    places = [(obj["metadata"], "resourceVersion"), *_times(obj)]
    kept = [place[key] for place, key in places]
    for place, key in places:
        place[key] = _MARK
    parts = dumps(obj).split(_MARKED)
    for (place, key), value in zip(places, kept, strict=True):
        place[key] = value
    if len(parts) != len(places) + 1:
        return None
    parts = [b'"' * (number > 0) + part + b'"' for number, part in enumerate(parts)]
    parts[-1] = parts[-1][:-1]
    values = [value.encode() for value in kept[1:]]
    shape = Shape(parts, [len(value) for value in values])
    return shape if shape.filled(int(kept[0]), values) == data else None


def apply(obj: Json, revision: int, times: Sequence[str]) -> None:
    """Make of an object what it became by a heartbeat, which has these times."""
    obj["metadata"]["resourceVersion"] = str(revision)
    for (place, key), time in zip(_times(obj), times, strict=True):
        place[key] = time


def _times(obj: Json) -> list[tuple[Json, str]]:
    """The times that a heartbeat moves, as (container, key), in order: its writer's entry in
    managedFields, which is the last one, and what it tells."""
    entries = obj["metadata"].get("managedFields")
    entry = [(entries[-1], "time")] if entries and "time" in entries[-1] else []
    return [*entry, *beating(obj)]


def beating(obj: Json) -> list[tuple[Json, str]]:
    """The times that a heartbeat of a Lease or a Node moves, as (container, key), in order."""
    spec = obj.get("spec") or {}
    if isinstance(spec.get("renewTime"), str):
        return [(spec, "renewTime")]
    found = []
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("type") in POSTED and isinstance(condition.get("lastHeartbeatTime"), str):
            found.append((condition, "lastHeartbeatTime"))
    return found


def is_last_told_by(obj: Json, manager: str, api_version: str, subresource: str) -> bool:
    """Whether a heartbeat by this manager would change nothing but times and the revision.

    It owns what it would write, nobody else does, and its entry stands last in managedFields.
    """
    metadata = obj["metadata"]
    entries = metadata.get("managedFields") or ()
    moments = beating(obj)
    if not entries or not moments or "deletionTimestamp" in metadata:
        return False
    *others, last = entries
    asked = (manager, "Update", api_version, subresource)
    told = tuple(last.get(key, "") for key in ("manager", "operation", "apiVersion", "subresource"))
    if told != asked or "time" not in last:
        return False
    fields = last.get("fieldsV1") or {}
    return all(_owns(fields, *one) for one in moments) and not any(
        _owns(entry.get("fieldsV1") or {}, *one) for entry in others for one in moments
    )


def _owns(fields: Mapping[str, Any], place: Json, key: str) -> bool:
    if key == "renewTime":
        return "f:renewTime" in fields.get("f:spec", {})
    conditions = fields.get("f:status", {}).get("f:conditions", {})
    return f"f:{key}" in conditions.get(_CONDITION % place["type"], {})


_CONDITION: Final = 'k:{"type":"%s"}'
