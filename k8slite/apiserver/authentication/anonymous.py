"""Who may ask as nobody, and where."""

from __future__ import annotations

from attrs import frozen


@frozen
class Anonymous:
    """Whether requests that prove nothing are let through, as `system:anonymous`."""

    enabled: bool = True
    paths: tuple[str, ...] = ()  # only there; everywhere, where there are none

    def may_ask(self, path: str) -> bool:
        """Whether nobody may ask for a path."""
        return self.enabled and (not self.paths or path in self.paths)
