"""Ranges of Services' addresses: ready while they are there, and there while they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.kinds.networking.service_ranges import (
    ALLOCATOR,
    FINALIZER,
    MANAGED_BY,
    holds_address,
    holds_range,
)
from k8slite.objects.meta import has_condition
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import terminating

Json = dict[str, Any]

RANGES: Final = "networking.k8s.io.servicecidrs/"
ADDRESSES: Final = "networking.k8s.io.ipaddresses/"
CONTROLLER: Final = "service-cidr-controller"

# An address that is younger may have been reserved while the range was let go.
_SETTLED_SECONDS: Final = 30.0


class ServiceRanges:
    """ServiceCIDRs and the IPAddresses in them."""

    name: ClassVar[str] = "service-ranges"
    prefixes: ClassVar[tuple[str, ...]] = (RANGES, ADDRESSES)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._reserved: dict[str, float] = {}  # when each address was, by its key
        self._changed_seconds = 0.0  # when the ranges were others before

    def commit(self, change: Change) -> Iterable[str]:
        now = change.clock_seconds
        if change.resource == ADDRESSES:
            if change.new is None:
                self._reserved.pop(change.key, None)
            elif change.old is None or not _is_reserved(change.old):
                self._reserved[change.key] = now
            return
        settled = now - self._changed_seconds > _SETTLED_SECONDS
        if (change.old is None) != (change.new is None):
            self._changed_seconds = now
        controlled = change.user == f"system:controller:{CONTROLLER}"
        if change.old is None or change.new is not None or not controlled or not settled:
            return
        for key in self._needed_by(change.old):
            if now - self._reserved.get(key, now) > _SETTLED_SECONDS:
                yield f"{change.key} was let go, and {key} is in no range any more"

    def rest(self) -> Iterable[str]:
        if CONTROLLER not in self._setting.running:
            return
        for key, found in self._setting.state.all(RANGES):
            finalizers = found["metadata"].get("finalizers") or ()
            if not terminating(found):
                if FINALIZER not in finalizers:
                    yield f"{key} may go at any time, without the finalizer"
                if not has_condition(found, "Ready"):
                    yield f"{key} is not ready"
            elif list(finalizers) == [FINALIZER] and not self._is_needed(found):
                yield f"{key} has to go, and nothing needs it"

    def _is_needed(self, found: Json) -> bool:
        others = self._others(found)
        if all(holds_range(others, one) for one in _cidrs(found)):
            return False
        return any(True for _ in self._needed_by(found))

    def _needed_by(self, found: Json) -> Iterator[str]:
        """The keys of the addresses which only that range holds."""
        others = self._others(found)
        for key, address in self._setting.state.all(ADDRESSES):
            name = address["metadata"]["name"]
            if (
                _is_reserved(address)
                and holds_address(_cidrs(found), name)
                and not holds_address(others, name)
            ):
                yield key

    def _others(self, found: Json) -> list[str]:
        return [
            cidr
            for _, one in self._setting.state.all(RANGES)
            if one["metadata"]["name"] != found["metadata"]["name"]
            for cidr in _cidrs(one)
        ]


def _cidrs(found: Json) -> list[str]:
    cidrs: list[str] = (found.get("spec") or {}).get("cidrs") or []
    return cidrs


def _is_reserved(address: Json) -> bool:
    return bool((address["metadata"].get("labels") or {}).get(MANAGED_BY) == ALLOCATOR)
