"""A pod that fits nowhere makes less important ones go (upstream: DefaultPreemption).

Of the nodes where that would help, the one is taken whose victims are the least loss. The pod is
nominated there and waits until they have gone; meanwhile it makes no others go.
"""

from __future__ import annotations

from typing import Final

from k8slite.client.resource import POD_DISRUPTION_BUDGETS
from k8slite.scheduler.diagnosis import available
from k8slite.scheduler.plugin import (
    PostFilterPlugin,
    PostFilterResult,
    Search,
    Setting,
    Status,
)
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.victims import Candidate, candidate, preemption

# How many candidates are compared: a share of the nodes, and so many at least (upstream's
# defaults of `minCandidateNodesPercentage` and `minCandidateNodesAbsolute`).
CANDIDATES_PERCENT: Final = 10
CANDIDATES_LEAST: Final = 100
REASON: Final = "PreemptionByScheduler"
_UNHELPFUL: Final = "Preemption is not helpful for scheduling"


class DefaultPreemption(PostFilterPlugin):
    """Looks at priorities, budgets and spec.preemptionPolicy."""

    name = "DefaultPreemption"

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._percent: int = setting.args.get("minCandidateNodesPercentage", CANDIDATES_PERCENT)
        self._least: int = setting.args.get("minCandidateNodesAbsolute", CANDIDATES_LEAST)

    def post_filter(self, pod: PodInfo, search: Search) -> PostFilterResult:
        refusals = search.refusals()
        nominated = self.snapshot.nomination(pod.uid)
        if reason := self._ineligible(pod, nominated, refusals.get(nominated)):
            return PostFilterResult(f"preemption: {reason}")
        candidates, statuses = self._candidates(pod, search, refusals)
        if not candidates:
            nodes = len(self.snapshot.nodes)
            reasons = [reason for status in statuses for reason in status.reasons]
            reasons += [_UNHELPFUL] * (nodes - len(statuses))
            message = f"preemption: {available(nodes, reasons)}" if nodes else ""
            return PostFilterResult(message, gives_up_nomination=True)
        return PostFilterResult(preemption=preemption(pod, candidates, self.snapshot))

    def _ineligible(self, pod: PodInfo, nominated: str, status: Status | None) -> str:
        """Why a pod may not make others go (upstream: `PodEligibleToPreemptOthers`)."""
        if pod.pod.spec.preemption_policy == "Never":
            return "not eligible due to preemptionPolicy=Never."
        node = self.snapshot.get(nominated)
        if node is None or (status is not None and status.unresolvable):
            return ""
        for one in node.pods.values():
            if one.priority < pod.priority and self._is_leaving(one):
                return "not eligible due to a terminating pod on the nominated node."
        return ""

    def _is_leaving(self, pod: PodInfo) -> bool:
        if pod.uid in self.snapshot.condemned:
            return True
        condition = pod.pod.condition("DisruptionTarget")
        return (
            pod.terminating
            and condition is not None
            and condition.status == "True"
            and condition.reason == REASON
        )

    def _candidates(
        self, pod: PodInfo, search: Search, refusals: dict[str, Status]
    ) -> tuple[list[Candidate], list[Status]]:
        """Nodes where it would help, enough of them, and why not of those that were tried."""
        found = (self.snapshot.get(name) for name, one in refusals.items() if not one.unresolvable)
        nodes = [node for node in found if node is not None]
        if not nodes:
            return [], []
        wanted = min(max(len(nodes) * self._percent // 100, self._least), len(nodes))
        start = self.setting.chance.randrange(len(nodes))
        budgets = self.setting.view.all(POD_DISRUPTION_BUDGETS)
        candidates: list[Candidate] = []
        violating: list[Candidate] = []
        statuses: list[Status] = []
        for node in [*nodes[start:], *nodes[:start]]:
            one = candidate(pod, search.trial(node, pod.uid), budgets)
            if isinstance(one, Status):
                statuses.append(one)
                continue
            (violating if one.violations else candidates).append(one)
            if candidates and len(candidates) + len(violating) >= wanted:
                break
        return candidates + violating, statuses
