"""Names, times and references, which every object has.

Times are RFC 3339 in whole seconds (`metav1.Time`) or microseconds (`metav1.MicroTime`), in UTC.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

# Upstream's alphabet for generated names: no vowels and nothing that reads like another
# (`apimachinery/pkg/util/rand`).
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_SECONDS_LENGTH: Final = len("2026-01-02T03:04:05")
_MICROSECONDS_LENGTH: Final = len("2026-01-02T03:04:05.000006")
_SUFFIX_LENGTH: Final = 5
_GENERATED_BASE_LENGTH: Final = 63 - _SUFFIX_LENGTH


class Name(NamedTuple):
    """An object's namespace ("" for a cluster-scoped one) and name, in order of listing."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def timestamp(moment: datetime) -> str:
    """A `metav1.Time` in UTC: 2026-01-02T03:04:05Z."""
    return moment.isoformat(timespec="seconds")[:_SECONDS_LENGTH] + "Z"


def micro_timestamp(moment: datetime) -> str:
    """A `metav1.MicroTime` in UTC: 2026-01-02T03:04:05.000006Z."""
    return moment.isoformat(timespec="microseconds")[:_MICROSECONDS_LENGTH] + "Z"


def parse_timestamp(text: str) -> datetime:
    """Read either form. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def random_suffix(chance: random.Random, length: int = _SUFFIX_LENGTH) -> str:
    """Letters for the end of a generated name, from upstream's alphabet."""
    return "".join(chance.choice(_ALPHABET) for _ in range(length))


def generated_name(base: str, chance: random.Random) -> str:
    """A name for `generateName` (upstream: `names.SimpleNameGenerator`)."""
    return base[:_GENERATED_BASE_LENGTH] + random_suffix(chance)


def owner_reference(
    api_version: str, kind: str, name: str, uid: str, *, controller: bool = True
) -> Json:
    """A reference from a dependant to its owner (upstream: `metav1.NewControllerRef`)."""
    reference: Json = {"apiVersion": api_version, "kind": kind, "name": name, "uid": uid}
    if controller:
        reference["controller"] = True
        reference["blockOwnerDeletion"] = True
    return reference


def find_condition(
    conditions: Iterable[Mapping[str, Any]], wanted: str
) -> Mapping[str, Any] | None:
    """The condition of that type, or None."""
    for condition in conditions:
        if condition.get("type") == wanted:
            return condition
    return None


def has_condition(obj: Json, type_: str) -> bool:
    """Whether a condition in an object's status holds."""
    found = find_condition((obj.get("status") or {}).get("conditions") or (), type_)
    return found is not None and found["status"] == "True"
