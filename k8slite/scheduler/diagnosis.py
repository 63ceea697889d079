"""Why a pod fits nowhere, in upstream's words (`framework.FitError`).

0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. no new claims to
deallocate, preemption: 0/3 nodes are available: ...
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from k8slite.scheduler.plugin import PostFilterResult, Status

NO_NODES: Final = "no nodes available to schedule pods"


@frozen
class Diagnosis:
    """What each node's refusal was; `statuses` are of the nodes that were looked at."""

    nodes: int
    statuses: Sequence[Status] = ()
    narrowing_plugins: tuple[str, ...] = ()  # why only some of the nodes were looked at
    refusal: Status | None = None  # what stands against all nodes alike
    after: PostFilterResult = PostFilterResult()  # what is done about it
    waits_for_pods: bool = False  # some nodes are possible but for the pods that are there, or not
    waits_for_anything: bool = False  # a plugin goes by what only it knows

    @property
    def refused_by(self) -> frozenset[str]:
        """The names of the plugins that found nothing; "" stands for who is none."""
        statuses = [*self.statuses, *([self.refusal] if self.refusal is not None else ())]
        return frozenset([*self.narrowing_plugins, *(one.plugin for one in statuses)])

    @property
    def message(self) -> str:
        """The text of the event and of the condition."""
        if not self.nodes:
            return NO_NODES
        if self.refusal is not None:
            text = f"0/{self.nodes} nodes are available: {', '.join(self.refusal.reasons)}."
        else:
            absent = self.nodes - len(self.statuses)
            reasons = [reason for status in self.statuses for reason in status.reasons]
            if absent:
                names = " ".join(self.narrowing_plugins)
                reasons += [f"node(s) didn't satisfy plugin(s) [{names}]"] * absent
            text = available(self.nodes, reasons)
        return f"{text} {self.after.message}" if self.after.message else text


def available(nodes: int, reasons: Iterable[str]) -> str:
    """None of so many nodes is, for these reasons, of which each is counted."""
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    listed = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    return f"0/{nodes} nodes are available: {listed}."
