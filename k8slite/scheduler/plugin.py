"""The plugin contract: rules about which pods may, and should, go where.

Upstream's scheduling framework, under its names; a plugin is one or several of the classes below,
one for each extension point:

    QueueSort    which pod is next                 PreEnqueue   may the pod be tried at all
    Filter       which nodes are possible          PostFilter   what to do if none is
    Score        which of them are better          Reserve      set something aside
    Permit       wait, or refuse                   PreBind      what must be done first
    Bind         tell the API                      PostBind     and afterwards

PreFilter and PreScore are how Filter and Score begin: a plugin is asked once for a pod and answers
with a function of one node, which is all that runs in the inner loop; None is upstream's Skip. Such
a function may look at nothing but the pod (what its signature holds) and the NodeInfo: its answer
is remembered as long as neither changes. A plugin that goes by other nodes' pods answers with a
Rule, which is told of every pod that comes and goes. One that goes by anything else says so by
leaving `remembered` False: then pods that it has something to say about are looked at anew each
time.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from attrs import Factory, frozen

from k8slite.client.client import Client
from k8slite.client.resource import Resource
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo, Snapshot
from k8slite.scheduler.view import View

if TYPE_CHECKING:
    from k8slite.scheduler.trial import Trial
    from k8slite.scheduler.victims import Candidate

SCORE_MOST: Final = 100  # a score is from 0 to this (upstream: `MaxNodeScore`)


@frozen
class Status:
    """Why a pod is refused; `unresolvable`: also if other pods left the node."""

    reasons: tuple[str, ...]
    unresolvable: bool = False
    plugin: str = ""


Filter = Callable[[NodeInfo], Status | None]
Score = Callable[[NodeInfo], int]


class CycleFailed(Exception):
    """A plugin cannot say anything about a pod: it is tried again after its back-off.

    Upstream: a Status with the code Error; the text is told, the condition's reason SchedulerError.
    """


class Outdated(Exception):
    """A rule's conclusions cannot be kept up: it must be made anew."""


class Position(Protocol):
    """Where a node is to a rule; kept up as pods come and go."""

    def position(self, node: NodeInfo) -> Hashable:
        """All that distinguishes a node, to this rule. Nodes of one position are judged as one."""
        ...

    def count(self, pod: PodInfo, node: NodeInfo, sign: int) -> Sequence[str]:
        """A pod came to a node (1) or went (-1): the names of other nodes whose position changed.

        Raises Outdated, and then has counted nothing.
        """
        ...

    def goes_by_nodes(self) -> bool:
        """Whether it must be made anew when a node comes or goes, or has other labels."""
        ...


class Rule(Position, Protocol):
    """Which nodes are possible, by the pods that are on others."""

    def refusal(self, position: Any) -> Status | None:
        """Whether nodes of a position are possible as things are."""
        ...


class Comparison(Position, Protocol):
    """Which nodes are better, by comparison of all that are possible."""

    def compare(self, positions: Sequence[Any], sizes: Sequence[int]) -> list[int]:
        """A score of 0 to SCORE_MOST for each position; `sizes` is how many nodes have it."""
        ...


@frozen
class PreFilterResult:
    """What a plugin has to say of a pod before it sees nodes."""

    filter: Filter | None = None  # None: nothing to say about this pod
    node_names: frozenset[str] | None = None  # the only nodes worth looking at; None: all
    rule: Rule | None = None
    refusal: Status | None = None  # no node is possible

    @property
    def skips(self) -> bool:
        return self == SKIP


SKIP: Final = PreFilterResult()


@frozen
class Setting:
    """What a plugin is made with: its arguments in the configuration, and what it may look at."""

    snapshot: Snapshot
    chance: random.Random
    view: View = Factory(View)
    args: Mapping[str, Any] = Factory(dict)


@frozen(eq=False)
class Event:
    """Something came (no `old`), changed or went (no `new`): a pod with a node, or an object of
    the view; each in the model that is mirrored."""

    resource: Resource
    old: Any
    new: Any


class Plugin:
    """Any plugin: one of the kinds below, or several."""

    name: ClassVar[str]
    # Whether its answers follow from the pod's signature, the node and what its rules are told.
    remembered: ClassVar[bool] = False
    # Whether they have to do with the pod's labels, beyond what `pod_key` tells of these.
    reads_labels: ClassVar[bool] = True

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.snapshot = setting.snapshot

    def helped_by(self, pod: PodInfo, event: Event) -> bool:
        """Whether an event may make a pod possible that this plugin has refused.

        Asked only of plugins that are not `remembered`; a node that has become better is looked
        at anyway (upstream: the queueing hints of `EventsToRegister`).
        """
        return True

    def pod_key(self, pod: PodInfo) -> Hashable:
        """What else it looks at, of a pod: joins the pod's signature."""
        return None


class QueueSortPlugin(Plugin):
    """Says which of two pods that wait is tried first."""

    def sort_key(self, pod: PodInfo, since: float) -> Any:
        """The smaller is first; `since` is when the pod came to the queue, in seconds."""
        raise NotImplementedError


class PreEnqueuePlugin(Plugin):
    """Says whether a pod may be tried at all yet."""

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        raise NotImplementedError


class FilterPlugin(Plugin):
    """Says which nodes are possible."""

    def pre_filter(self, pod: PodInfo) -> PreFilterResult:
        """What it says of a pod; unless overridden, each node is shown to `filter`."""
        return PreFilterResult(lambda node: self.filter(pod, node))

    def filter(self, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Whether a node is possible; for plugins that need no `pre_filter`."""
        raise NotImplementedError


class Search(Protocol):
    """A search that has found no node."""

    def refusals(self) -> dict[str, Status]:
        """Why each of the nodes that were looked at is not possible, by name."""
        ...

    def trial(self, node: NodeInfo, besides: str = "") -> Trial:
        """A node to be played with; room is not kept for the pod `besides` (a UID)."""
        ...


@frozen
class Preemption:
    """Pods that have to leave a node so that another may come."""

    node_name: str
    victims: tuple[PodInfo, ...]
    # Pods that the node was promised to and that are less important.
    outranked: tuple[PodInfo, ...] = ()
    # All that it was chosen from.
    candidates: tuple[Candidate, ...] = ()


@frozen
class PostFilterResult:
    """What becomes of a pod that fits nowhere; `message` is empty where something is done."""

    message: str = ""
    preemption: Preemption | None = None
    gives_up_nomination: bool = False
    # What has to be written for it; a failure is told in the log, and made good in time.
    carry_out: Callable[[Client], Awaitable[None]] | None = None


class PostFilterPlugin(Plugin):
    """Says what to do about a pod that fits nowhere; the first that knows something is followed."""

    def post_filter(self, pod: PodInfo, search: Search) -> PostFilterResult:
        raise NotImplementedError


class ScorePlugin(Plugin):
    """Says which of the possible nodes are better, by a score of 0 to SCORE_MOST."""

    weight: ClassVar[int] = 1  # unless the configuration says otherwise
    # Scores are of any size and get their meaning by comparison: `normalize` is called.
    normalized: ClassVar[bool] = False
    # A node's score has to do with nodes that come and go (or whose labels change).
    by_all_nodes: ClassVar[bool] = False

    def pre_score(self, pod: PodInfo) -> Score | Comparison | None:
        """What it says of a pod; unless overridden, each node is shown to `score`."""
        return lambda node: self.score(pod, node)

    def score(self, pod: PodInfo, node: NodeInfo) -> int:
        """How good a node is; for plugins that need no `pre_score`."""
        raise NotImplementedError

    def normalize(self, scores: list[int]) -> list[int]:
        """Bring the scores of all possible nodes, each given once, to 0 to SCORE_MOST."""
        return scores


class ReservePlugin(Plugin):
    """Sets something aside for a pod that has got its node."""

    def reserve(self, pod: PodInfo, node: NodeInfo) -> Status | None:
        raise NotImplementedError

    def unreserve(self, pod: PodInfo, node_name: str) -> None:
        """Give it back; called for every plugin, also those that were not asked to reserve."""
        raise NotImplementedError

    async def give_back(self, client: Client, pod: PodInfo, node_name: str) -> None:
        """Take back what `pre_bind` has written for it; before the pod is tried again.

        What is raised is told in the log.
        """


class PermitPlugin(Plugin):
    """Lets a pod wait before it is bound, or refuses it."""

    async def permit(self, pod: PodInfo, node_name: str) -> Status | None:
        """Returns when the pod may go on, or why it may not."""
        raise NotImplementedError


class PreBindPlugin(Plugin):
    """Does what must be done before a pod is bound."""

    def needed(self, pod: PodInfo, node_name: str) -> bool:
        """Whether there is anything to do (upstream: `PreBindPreFlight`)."""
        return True

    async def pre_bind(self, client: Client, pod: PodInfo, node_name: str) -> Status | None:
        """Do it; why the pod cannot be bound after all, or what the client raises."""
        raise NotImplementedError


class BindPlugin(Plugin):
    """Tells the API where a pod goes."""

    async def bind(self, client: Client, pod: PodInfo, node_name: str) -> bool:
        """Bind, or raise what the client raises; False leaves it to the next Bind plugin."""
        raise NotImplementedError


class PostBindPlugin(Plugin):
    """Is told of every pod that was bound."""

    def post_bind(self, pod: PodInfo, node_name: str) -> None:
        raise NotImplementedError


def normalize(scores: list[int], *, reverse: bool = False) -> list[int]:
    """Scale so that the largest is SCORE_MOST (upstream: `DefaultNormalizeScore`)."""
    most = max(scores, default=0)
    if most == 0:
        return [SCORE_MOST] * len(scores) if reverse else scores
    if reverse:
        return [SCORE_MOST - score * SCORE_MOST // most for score in scores]
    return [score * SCORE_MOST // most for score in scores]
