"""Why a pod fits nowhere, in upstream's words (`framework.FitError`).

0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. no new claims to
deallocate, preemption: 0/3 nodes are available: ...
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from k8slite.scheduler.plugin import Status

NO_NODES: Final = "no nodes available to schedule pods"


@frozen
class Diagnosis:
    """What each node's refusal was; `statuses` are of the nodes that were looked at."""

    nodes: int
    statuses: Sequence[Status] = ()
    narrowing_plugins: tuple[str, ...] = ()  # why only some of the nodes were looked at
    may_preempt: bool = True

    @property
    def message(self) -> str:
        """The text of the event and of the condition."""
        if not self.nodes:
            return NO_NODES
        absent = self.nodes - len(self.statuses)
        reasons = [reason for status in self.statuses for reason in status.reasons]
        if absent:
            names = " ".join(self.narrowing_plugins)
            reasons += [f"node(s) didn't satisfy plugin(s) [{names}]"] * absent
        # Upstream's plugin for device claims has its say about every pod before preemption has.
        return (
            f"{self._available(reasons)} no new claims to deallocate, "
            f"preemption: {self._preemption(absent)}"
        )

    def _preemption(self, absent: int) -> str:
        if not self.may_preempt:
            return "not eligible due to preemptionPolicy=Never."
        hopeless = absent + sum(status.unresolvable for status in self.statuses)
        reasons = ["Preemption is not helpful for scheduling"] * hopeless
        reasons += ["No preemption victims found for incoming pod"] * (self.nodes - hopeless)
        return self._available(reasons)

    def _available(self, reasons: Iterable[str]) -> str:
        counts: dict[str, int] = {}
        for reason in reasons:
            counts[reason] = counts.get(reason, 0) + 1
        listed = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
        return f"0/{self.nodes} nodes are available: {listed}."
