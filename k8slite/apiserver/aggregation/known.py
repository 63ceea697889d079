"""What extension API servers have said that they serve, as far as they were asked.

Kept in memory: a new API server has it asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

Json = dict[str, Any]
GroupVersion = tuple[str, str]


@frozen(eq=False)
class Known:
    """What there is in one group and version; its `uid` says of which APIService."""

    uid: str
    description: Json | None  # as in aggregated discovery; None where it cannot be read
    openapi: Mapping[str, str]  # addresses of OpenAPI v3, by the path of the group and version
    swagger: Json  # OpenAPI v2, {} where it has none
    tag: str = ""  # of the document that the description is from; saves it from being sent again


@define(eq=False)
class KnownResources:
    """By group and version; `changes` rises with each that is something else."""

    changes: int = 0
    _known: dict[GroupVersion, Known] = field(factory=dict)

    def of(self, at: GroupVersion, uid: str) -> Known | None:
        """What was said, where it was said of that APIService."""
        known = self._known.get(at)
        return known if known is not None and known.uid == uid else None

    def learn(self, at: GroupVersion, known: Known) -> None:
        """A server has said what it serves."""
        before = self._known.get(at)
        if before is None or _content(before) != _content(known):
            self.changes += 1
        self._known[at] = known

    def forget(self, at: GroupVersion) -> None:
        """A server does not answer any more."""
        if self._known.pop(at, None) is not None:
            self.changes += 1


def _content(known: Known) -> tuple[Any, ...]:
    return known.uid, known.description, dict(known.openapi), known.swagger
