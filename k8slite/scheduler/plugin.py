"""The plugin contract: a rule about which pods may, and should, go where.

A subset of upstream's scheduling framework, under its names. A plugin is asked once for a pod
(`pre_filter`, `pre_score`) and answers with a function of one node, which is all that runs in the
inner loop; None is upstream's Skip. Such a function may look at nothing but the pod (what its
signature holds) and the NodeInfo: its answer is remembered as long as neither changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from attrs import frozen

from k8slite.client.client import Client
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo

SCORE_MOST: Final = 100  # a score is from 0 to this (upstream: `MaxNodeScore`)


@frozen
class Status:
    """Why a pod is refused; `unresolvable`: also if other pods left the node."""

    reasons: tuple[str, ...]
    unresolvable: bool = False
    plugin: str = ""


Filter = Callable[[NodeInfo], Status | None]
Score = Callable[[NodeInfo], int]


@frozen
class PreFilterResult:
    """What a plugin has to say of a pod before it sees nodes."""

    filter: Filter | None = None  # None: nothing to say about this pod
    node_names: frozenset[str] | None = None  # the only nodes worth looking at; None: all


SKIP: Final = PreFilterResult()


class Plugin:
    """Any plugin: one of the kinds below, or several."""

    name: ClassVar[str]


class PreEnqueuePlugin(Plugin):
    """Says whether a pod may be tried at all yet."""

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        raise NotImplementedError


class FilterPlugin(Plugin):
    """Says which nodes are possible."""

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        raise NotImplementedError


class ScorePlugin(Plugin):
    """Says which of the possible nodes are better, by a score of 0 to SCORE_MOST."""

    weight: ClassVar[int] = 1
    # Scores are of any size and get their meaning by comparison: `normalize` is called.
    normalized: ClassVar[bool] = False

    def pre_score(self, pod: PodInfo) -> Score | None:
        raise NotImplementedError

    def normalize(self, scores: list[int]) -> list[int]:
        """Bring the scores of all possible nodes to 0 to SCORE_MOST."""
        return scores


class ReservePlugin(Plugin):
    """Sets something aside for a pod that has got its node."""

    def reserve(self, pod: PodInfo, node: NodeInfo) -> Status | None:
        raise NotImplementedError

    def unreserve(self, pod: PodInfo, node_name: str) -> None:
        """Give it back; called for every plugin, also those that were not asked to reserve."""
        raise NotImplementedError


class BindPlugin(Plugin):
    """Tells the API where a pod goes."""

    async def bind(self, client: Client, pod: PodInfo, node_name: str) -> None:
        """Bind, or raise what the client raises."""
        raise NotImplementedError


def normalize(scores: list[int], *, reverse: bool = False) -> list[int]:
    """Scale so that the largest is SCORE_MOST (upstream: `DefaultNormalizeScore`)."""
    most = max(scores, default=0)
    if most == 0:
        return [SCORE_MOST] * len(scores) if reverse else scores
    if reverse:
        return [SCORE_MOST - score * SCORE_MOST // most for score in scores]
    return [score * SCORE_MOST // most for score in scores]
