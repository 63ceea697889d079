"""What a Pod says about nodes, and about pods near it, as far as components read it."""

from __future__ import annotations

from attrs import field, frozen

from k8slite.kinds.models import LabelSelector, Requirement


@frozen
class NodeSelectorTerm:
    match_expressions: tuple[Requirement, ...] = ()
    match_fields: tuple[Requirement, ...] = ()


@frozen
class NodeSelector:
    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


@frozen
class PreferredSchedulingTerm:
    weight: int = 0
    preference: NodeSelectorTerm = NodeSelectorTerm()


@frozen
class NodeAffinity:
    required: NodeSelector | None = field(
        default=None, metadata={"json": "requiredDuringSchedulingIgnoredDuringExecution"}
    )
    preferred: tuple[PreferredSchedulingTerm, ...] = field(
        default=(), metadata={"json": "preferredDuringSchedulingIgnoredDuringExecution"}
    )


@frozen
class PodAffinityTerm:
    label_selector: LabelSelector | None = None
    topology_key: str = ""
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = ()
    mismatch_label_keys: tuple[str, ...] = ()


@frozen
class WeightedPodAffinityTerm:
    weight: int = 0
    pod_affinity_term: PodAffinityTerm = PodAffinityTerm()


@frozen
class PodAffinity:
    """Also the opposite, podAntiAffinity, which has the same form."""

    required: tuple[PodAffinityTerm, ...] = field(
        default=(), metadata={"json": "requiredDuringSchedulingIgnoredDuringExecution"}
    )
    preferred: tuple[WeightedPodAffinityTerm, ...] = field(
        default=(), metadata={"json": "preferredDuringSchedulingIgnoredDuringExecution"}
    )


@frozen
class Affinity:
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


@frozen
class TopologySpreadConstraint:
    max_skew: int = 1
    topology_key: str = ""
    when_unsatisfiable: str = "DoNotSchedule"
    label_selector: LabelSelector | None = None
    min_domains: int | None = None
    node_affinity_policy: str = "Honor"
    node_taints_policy: str = "Ignore"
    match_label_keys: tuple[str, ...] = ()
