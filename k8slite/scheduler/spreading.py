"""How evenly pods are spread over the domains of a label, kept up as pods come and go.

A domain is all nodes with one value of the label. What counts in it are the pods of one namespace
that a selector means, terminating ones excepted, on nodes that the constraint includes (upstream:
`plugins/podtopologyspread`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from attrs import define, field, frozen

from k8slite.kinds.core.models import Pod, PodSpec
from k8slite.kinds.core.node_matching import TermMatch, required_match, tolerated
from k8slite.objects.selectors import Selector
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.snapshot import NodeInfo, Snapshot


@frozen
class Constraint:
    """A topologySpreadConstraint, its selector read."""

    key: str
    max_skew: int
    selector: Selector
    min_domains: int = 1
    honors_affinity: bool = True
    honors_taints: bool = False


@define(eq=False)
class Spread:
    """The counts of one constraint for pods like `pod`."""

    pod: PodInfo
    constraint: Constraint
    # The labels that a node must have to be counted at all.
    keys: tuple[str, ...]
    snapshot: Snapshot
    narrow: bool
    counts: dict[str, int] = field(factory=dict)
    least: int = 0  # the smallest count of all domains
    _wanted: TermMatch = field(init=False)
    _tally: dict[int, int] = field(factory=dict)  # how many domains have a count

    def __attrs_post_init__(self) -> None:
        self._wanted = required_match(self.pod.pod.spec)
        for node in self.snapshot.nodes:
            if self.includes(node):
                value = node.labels.get(self.constraint.key, "")
                self.counts[value] = self.counts.get(value, 0) + self.matching(node)
        for count in self.counts.values():
            self._tally[count] = self._tally.get(count, 0) + 1
        self.least = min(self.counts.values(), default=0)

    def includes(self, node: NodeInfo) -> bool:
        """Whether pods on a node count (upstream: `matchNodeInclusionPolicies`)."""
        labels = node.labels
        for key in self.keys:
            if key not in labels:
                return False
        if self.constraint.honors_affinity and not self._wanted(labels, node.name):
            return False
        return not self.constraint.honors_taints or _tolerates(self.pod.pod.spec, node)

    def means(self, pod: PodInfo) -> bool:
        """Whether a pod counts."""
        return (
            pod.name.namespace == self.pod.name.namespace
            and not pod.terminating
            and self.constraint.selector.matches(pod.pod.metadata.labels)
        )

    def matching(self, node: NodeInfo) -> int:
        """How many pods on a node are meant."""
        return sum(self.means(pod) for pod in node.pods.values())

    def position(self, node: NodeInfo) -> Hashable:
        """The node's domain, or if domains are narrow the count there; None for a node in none."""
        value = node.labels.get(self.constraint.key)
        if value is None:
            return None
        return self.counts.get(value, 0) if self.narrow else value

    def at(self, position: str | int) -> int:
        """The count at a position."""
        return self.counts.get(position, 0) if isinstance(position, str) else position

    def count(self, pod: PodInfo, node: NodeInfo, sign: int) -> Sequence[str]:
        """A pod came or went; the names of the nodes whose position changed."""
        if not self.means(pod) or not self.includes(node):
            return ()
        value = node.labels.get(self.constraint.key, "")
        before = self.counts.get(value, 0)
        now = self.counts[value] = before + sign
        tally = self._tally
        tally[before] -= 1
        tally[now] = tally.get(now, 0) + 1
        if now < self.least:
            self.least = now
        elif before == self.least and not tally[before]:
            self.least = min(self.counts.values())
        return self.snapshot.domains(self.constraint.key).get(value, ()) if self.narrow else ()


def self_match(constraint: Constraint, pod: Pod) -> int:
    """1 if the pod itself will count, else 0."""
    return int(constraint.selector.matches(pod.metadata.labels))


def _tolerates(spec: PodSpec, node: NodeInfo) -> bool:
    return all(tolerated(taint, spec.tolerations) for taint in node.hard_taints)
