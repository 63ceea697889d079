"""What a heartbeat makes of the model that a component has of an object: the same, at another time.

Mirrors of other models than those in the table do not ask for heartbeats as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from attrs import evolve

from k8slite.kinds.coordination.models import Lease, LeaseSpec
from k8slite.kinds.core.models import Node
from k8slite.kinds.models import Metadata, PartialObject
from k8slite.objects.heartbeats import POSTED
from k8slite.objects.meta import parse_timestamp

Beaten = Callable[[Any, Metadata, Sequence[str]], Any]


def beats(model: type[Any]) -> bool:
    """Whether `beaten` knows that model."""
    return model in _BEATEN


def beaten(before: Any, version: str, times: Sequence[str]) -> Any:
    """The model of an object after heartbeats, given one from before them.

    `times` are those that stand in the object, in order, the last ones being the heartbeat's.
    """
    known = before.metadata
    metadata = Metadata(
        known.name,
        known.namespace,
        known.uid,
        version,
        known.generation,
        known.labels,
        known.annotations,
        known.creation_timestamp,
        known.deletion_timestamp,
        known.deletion_grace_period_seconds,
        known.finalizers,
        known.owner_references,
    )
    return _BEATEN[type(before)](before, metadata, times)


def moment_of(times: Sequence[str]) -> datetime:
    """When the heartbeat was that put these times there."""
    return _moment(times[-1])


def _partial(before: PartialObject, metadata: Metadata, times: Iterable[str]) -> PartialObject:
    return PartialObject(metadata)


def _lease(before: Lease, metadata: Metadata, times: Sequence[str]) -> Lease:
    spec = before.spec
    moment = moment_of(times)
    return Lease(
        metadata,
        LeaseSpec(
            spec.holder_identity,
            spec.lease_duration_seconds,
            spec.acquire_time,
            moment,
            spec.lease_transitions,
        ),
    )


def _node(before: Node, metadata: Metadata, times: Sequence[str]) -> Node:
    conditions = list(before.status.conditions)
    posted = [n for n, one in enumerate(conditions) if _is_posted(one)]
    for number, time in zip(posted, times[len(times) - len(posted) :], strict=True):
        conditions[number] = evolve(conditions[number], last_heartbeat_time=_moment(time))
    return evolve(
        before, metadata=metadata, status=evolve(before.status, conditions=tuple(conditions))
    )


def _is_posted(condition: Any) -> bool:
    return condition.type in POSTED and condition.last_heartbeat_time is not None


@lru_cache(maxsize=64)  # heartbeats come at common instants
def _moment(text: str) -> datetime:
    return parse_timestamp(text)


_BEATEN: Final[Mapping[type[Any], Beaten]] = {PartialObject: _partial, Lease: _lease, Node: _node}
