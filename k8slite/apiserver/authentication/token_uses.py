"""How often tokens of service accounts were shown, by their sort, for /metrics.

Upstream: `pkg/serviceaccount/metrics.go`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import define, field

from k8slite.objects.measures import Counter, Family

LEGACY: Final = "serviceaccount_legacy_tokens_total"
STALE: Final = "serviceaccount_stale_tokens_total"
VALID: Final = "serviceaccount_valid_tokens_total"
AUTO: Final = "serviceaccount_legacy_auto_token_uses_total"
MANUAL: Final = "serviceaccount_legacy_manual_token_uses_total"
INVALID_AUTO: Final = "serviceaccount_invalid_legacy_auto_token_uses_total"
_HELP: Final = {
    LEGACY: "[ALPHA] Cumulative legacy service account tokens used",
    STALE: "[ALPHA] Cumulative stale projected service account tokens used",
    VALID: "[ALPHA] Cumulative valid projected service account tokens used",
    AUTO: "[ALPHA] Cumulative auto-generated legacy tokens used",
    MANUAL: "[ALPHA] Cumulative manually created legacy tokens used",
    INVALID_AUTO: "[ALPHA] Cumulative invalid auto-generated legacy tokens used",
}


def _counters() -> dict[str, Counter]:
    found = {name: Counter(name, text) for name, text in _HELP.items()}
    for counter in found.values():
        counter.add(by=0)
    return found


@define(eq=False)
class TokenUses:
    """The counts of one API server."""

    _counters: dict[str, Counter] = field(factory=_counters)

    def add(self, name: str) -> None:
        """One use more."""
        self._counters[name].add()

    def families(self) -> Iterable[Family]:
        """All of them."""
        return self._counters.values()
