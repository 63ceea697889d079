"""Decisions in which programs elsewhere have their say (upstream: `findNodesThatPassExtenders`).

The plugins go first; what they let pass the extenders may take away, and add to their scores. While
they are asked things go on changing, so the node that was chosen is looked at once more.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from typing import Any

from attrs import define, evolve

from k8slite.client.informer import Mirror
from k8slite.kinds.core.models import Node, Pod
from k8slite.objects.meta import Name
from k8slite.scheduler.diagnosis import Diagnosis
from k8slite.scheduler.extender import Extender, ExtenderFailed, binder_of
from k8slite.scheduler.framework import Framework
from k8slite.scheduler.plugin import PostFilterResult, Preemption, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo, Snapshot
from k8slite.scheduler.victims import preemption

Json = dict[str, Any]

log = logging.getLogger(__name__)


@define(eq=False)
class Extending:
    """The extenders at work."""

    extenders: Sequence[Extender]
    snapshot: Snapshot
    chance: random.Random
    pods: Mirror[Pod]
    nodes: Mirror[Node]

    def interested(self, pod: PodInfo) -> list[Extender]:
        """Who has a say about a pod."""
        return [one for one in self.extenders if one.is_interested(pod)]

    def binder(self, pod: PodInfo) -> Extender | None:
        """Who binds a pod in the place of the plugins."""
        return binder_of(self.extenders, pod)

    async def decide(self, framework: Framework, pod: PodInfo) -> NodeInfo | Diagnosis:
        """The node for a pod, or why there is none."""
        found = await self._decide(framework, pod)
        if isinstance(found, Diagnosis) and found.after.preemption is not None:
            after = await self._preempt(pod, found.after.preemption)
            return evolve(found, after=after, waits_for_anything=True)
        return found

    async def _preempt(self, pod: PodInfo, asked: Preemption) -> PostFilterResult:
        """What extenders leave of a preemption (upstream: `callExtenders`)."""
        candidates = list(asked.candidates)
        document = self.pods.document(pod.name) or {}
        for extender in self.interested(pod):
            if not extender.preempt_verb or not candidates:
                continue
            names = {victim.uid: victim.name for one in candidates for victim in one.victims}
            documents = {uid: self.pods.document(name) or {} for uid, name in names.items()}
            try:
                candidates = await extender.preempt(document, candidates, documents)
            except ExtenderFailed as failure:
                if not extender.ignorable:
                    return PostFilterResult(f"preemption: {failure}")
                log.info("an extender is passed over: %s", failure)
        if not candidates:
            return PostFilterResult("preemption: no candidate node for preemption")
        return PostFilterResult(preemption=preemption(pod, candidates, self.snapshot))

    async def _decide(self, framework: Framework, pod: PodInfo) -> NodeInfo | Diagnosis:
        evaluation = framework.evaluation(pod)
        scores = evaluation.scores()
        if not scores:
            return framework.decide(pod)
        total = len(self.snapshot.nodes)
        refusals = dict(evaluation.refusals())
        document = self.pods.document(pod.name) or {}
        names = [node.name for node in self.snapshot.nodes if node.name in scores]
        nodes = {name: self.nodes.document(Name("", name)) or {} for name in names}
        try:
            for extender in self.interested(pod):
                if extender.filter_verb and nodes:
                    names, refused = await _filtered(extender, document, nodes)
                    nodes = {name: nodes[name] for name in names}
                    refusals |= refused
            totals = {name: scores[name] for name in nodes}
            for extender in self.interested(pod) if len(nodes) > 1 else ():
                if extender.prioritize_verb:
                    # One that does not answer adds nothing, as upstream.
                    more = await _prioritized(extender, document, nodes)
                    for name in totals:
                        totals[name] += more.get(name, 0)
        except ExtenderFailed as failure:
            return Diagnosis(total, (), (), Status((str(failure),)), waits_for_anything=True)
        if not totals:
            after = framework.after(pod, framework.evaluation(pod))
            return Diagnosis(total, list(refusals.values()), after=after, waits_for_anything=True)
        most = max(totals.values())
        best = [name for name, score in totals.items() if score == most]
        node = self.snapshot.get(best[self.chance.randrange(len(best))])
        if node is None or framework.evaluation(pod).refusal(node, pod.uid) is not None:
            gone = Status(("the node changed while extenders were asked",))
            return Diagnosis(total, (), (), gone, waits_for_anything=True)
        return node


async def _filtered(
    extender: Extender, pod: Json, nodes: dict[str, Json]
) -> tuple[list[str], dict[str, Status]]:
    """What an extender leaves; everything, if it may be ignored and does not answer."""
    try:
        return await extender.filter(pod, nodes)
    except ExtenderFailed as failure:
        if not extender.ignorable:
            raise
        log.info("an extender is passed over: %s", failure)
        return list(nodes), {}


async def _prioritized(extender: Extender, pod: Json, nodes: dict[str, Json]) -> dict[str, int]:
    try:
        return await extender.prioritize(pod, nodes)
    except ExtenderFailed as failure:
        log.info("an extender gives no scores: %s", failure)
        return {}
