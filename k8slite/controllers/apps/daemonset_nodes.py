"""Which nodes a DaemonSet's pods are for, and how a pod is made for one node. Pure.

Mirrors `NodeShouldRunDaemonPod` and `pkg/controller/daemon/util`: daemon pods tolerate what is
wrong with a node, and leave to the scheduler only to bind them where they say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from k8slite.controllers.apps.history import REVISION_HASH
from k8slite.controllers.ownership import Owner
from k8slite.controllers.pod_control import pod_of_template
from k8slite.kinds.apps.models import DaemonSet
from k8slite.kinds.core.models import Node, Pod, Toleration
from k8slite.kinds.core.node_matching import NAME_FIELD, required_match, tolerated

Json = dict[str, Any]

TEMPLATE_GENERATION: Final = "deprecated.daemonset.template.generation"
GENERATION_LABEL: Final = "pod-template-generation"


@frozen
class Fitness:
    """What a node is to a set."""

    runs: bool  # a pod belongs there
    keeps: bool  # a pod that is there may stay


def fitness_of(daemon_set: DaemonSet) -> Callable[[Node], Fitness]:
    """How to judge a set's nodes."""
    spec = daemon_set.spec.template.spec
    matches = required_match(spec)
    tolerations = (*spec.tolerations, *_TOLERATIONS)
    if spec.host_network:
        tolerations = (*tolerations, _NO_NETWORK)

    def judge(node: Node) -> Fitness:
        metadata = node.metadata
        if spec.node_name not in ("", metadata.name):
            return Fitness(runs=False, keeps=False)
        if not matches(metadata.labels, metadata.name):
            return Fitness(runs=False, keeps=False)
        effects = [
            taint.effect
            for taint in node.spec.taints
            if taint.effect in ("NoSchedule", "NoExecute") and not tolerated(taint, tolerations)
        ]
        return Fitness(runs=not effects, keeps="NoExecute" not in effects)

    return judge


def target_of(pod: Pod) -> str:
    """The node that a daemon pod is for, bound to it or not; "" if it does not say (upstream:
    `GetTargetNodeName`)."""
    if pod.spec.node_name:
        return pod.spec.node_name
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity is not None else None
    required = affinity.required if affinity is not None else None
    for term in required.node_selector_terms if required is not None else ():
        for one in term.match_fields:
            if one.key == NAME_FIELD and one.operator == "In":
                return one.values[0] if len(one.values) == 1 else ""
    return ""


def new_pod(document: Json, owner: Owner, hashed: str, node_name: str) -> Json:
    """The pod for a node; `document` is the set's, `hashed` the label of its revision."""
    pod = pod_of_template(document["spec"]["template"], owner)
    metadata, spec = pod["metadata"], dict(pod["spec"])
    generation = (document["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    metadata["labels"] = {**(metadata.get("labels") or {}), REVISION_HASH: hashed}
    if generation.isdecimal():
        metadata["labels"][GENERATION_LABEL] = generation
    spec["affinity"] = _bound_to(spec.get("affinity") or {}, node_name)
    spec["tolerations"] = _tolerations(spec)
    pod["spec"] = spec
    return pod


def _bound_to(affinity: Json, node_name: str) -> Json:
    """An affinity whose required terms for nodes are replaced by the node's name."""
    term = {"matchFields": [{"key": NAME_FIELD, "operator": "In", "values": [node_name]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {**affinity, "nodeAffinity": {**(affinity.get("nodeAffinity") or {}), **required}}


def _tolerations(spec: Json) -> list[Json]:
    """Upstream's `AddOrUpdateDaemonPodTolerations`: one of the same key, effect and value gives
    way."""
    added = [*_TOLERATIONS, *([_NO_NETWORK] if spec.get("hostNetwork") else [])]
    known = [(one.key, one.effect) for one in added]
    kept = [
        one
        for one in spec.get("tolerations") or ()
        if (one.get("key", ""), one.get("effect", "")) not in known or one.get("value")
    ]
    return [
        *kept,
        *({"key": one.key, "operator": one.operator, "effect": one.effect} for one in added),
    ]


def _exists(key: str, effect: str) -> Toleration:
    return Toleration(f"node.kubernetes.io/{key}", "Exists", "", effect)


_TOLERATIONS: Final = (
    _exists("not-ready", "NoExecute"),
    _exists("unreachable", "NoExecute"),
    _exists("disk-pressure", "NoSchedule"),
    _exists("memory-pressure", "NoSchedule"),
    _exists("pid-pressure", "NoSchedule"),
    _exists("unschedulable", "NoSchedule"),
)
_NO_NETWORK: Final = _exists("network-unavailable", "NoSchedule")
