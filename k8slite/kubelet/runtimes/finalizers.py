"""A step of a script that changes a pod's finalizers (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen


@frozen
class Finalizers:
    """The pod's finalizers are changed; it may come after the end.

    Upstream (KWOK's `finalizers.go`): what is removed goes first, `empty` removes all.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    empty: bool = False

    def applied(self, finalizers: Sequence[str]) -> tuple[str, ...]:
        """What a pod with these finalizers has then."""
        left = () if self.empty else tuple(one for one in finalizers if one not in self.remove)
        return (*left, *(one for one in dict.fromkeys(self.add) if one not in left))
