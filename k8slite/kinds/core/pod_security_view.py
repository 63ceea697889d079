"""A pod as the checks of the Pod Security Standards look at it, and what they say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from attrs import frozen

from k8slite.kinds.core.references import containers_of
from k8slite.objects.fields import quoted

Json = dict[str, Any]


class Violation(NamedTuple):
    """What is wrong with a pod."""

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


class PodView:
    """A pod as checks look at it."""

    def __init__(self, metadata: Json, spec: Json, minor: int) -> None:
        self.minor = minor  # of the version of the standards
        self.annotations: Json = metadata.get("annotations") or {}
        self.spec = spec
        self.context: Json = spec.get("securityContext") or {}
        # Rules of Linux have been let go for other systems, and some for pods with users of their
        # own.
        self.windows = minor >= 25 and (spec.get("os") or {}).get("name") == "windows"
        self.own_users = minor >= 35 and spec.get("hostUsers") is False

    def containers(self) -> Iterator[tuple[str, Json, Json]]:
        """(name, container, its security context) of all kinds of containers."""
        for container in containers_of(self.spec):
            yield container["name"], container, container.get("securityContext") or {}

    def named(self, holds: Callable[[Json], bool]) -> list[str]:
        """Containers whose security context is so."""
        return [name for name, _, context in self.containers() if holds(context)]


def listed(values: Sequence[str]) -> str:
    """ "a", "b" with quotes, as messages have them."""
    return ", ".join(quoted(value) for value in values)


def told(names: Sequence[str]) -> str:
    """container "a", or containers "a", "b"."""
    return f"container{'s' if len(names) > 1 else ''} {listed(names)}"


@frozen
class Check:
    """One rule, the minor version that has brought it, and the rule that it stands in for."""

    check: Callable[[PodView], Violation | None]
    since: int = 0
    overrides: str = ""
