"""What checks ask of the whole state at rest: whose objects are whose, and who has kept up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8slite.sim.checks.check import State
from k8slite.sim.checks.reading import NAMESPACES, controller_of, named, terminating

Json = dict[str, Any]


def by_controller(state: State, prefix: str) -> dict[str, list[Json]]:
    """The objects of a resource by the uid of their controller."""
    found: dict[str, list[Json]] = {}
    for _, obj in state.all(prefix):
        owner = controller_of(obj)
        if owner is not None:
            found.setdefault(owner["uid"], []).append(obj)
    return found


def living(state: State, prefix: str) -> Iterator[Json]:
    """The objects of a resource that are not on their way out, nor is their namespace."""
    for _, obj in state.all(prefix):
        home = state.get(NAMESPACES + obj["metadata"]["namespace"])
        if not terminating(obj) and home is not None and not terminating(home):
            yield obj


def observed(kind: str, one: Json) -> Iterator[str]:
    """A status must be of the object's generation."""
    generation = one["metadata"].get("generation", 0)
    seen = (one.get("status") or {}).get("observedGeneration", 0)
    if seen != generation:
        yield f"{kind} {named(one)} is at generation {generation}, its status at {seen}"
