"""Whatever is remembered: the node that is chosen is one that looking at everything anew would
have let pass, with the best score there is.

The full evaluation here asks freshly made filters, rules and scores about each node by itself: no
buckets, no heaps, nothing kept up.
"""

from __future__ import annotations

import os
import random
from typing import Any

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from k8slite.kinds.core.models import Node, Pod
from k8slite.objects.structure import structure
from k8slite.scheduler.configuration import DEFAULT_SCHEDULER, Configuration
from k8slite.scheduler.framework import Framework
from k8slite.scheduler.plugin import Setting, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.profiles import frameworks_of
from k8slite.scheduler.snapshot import NodeInfo, Snapshot

Json = dict[str, Any]

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
EXAMPLES = int(os.environ.get("K8SLITE_FAST_PATH_EXAMPLES", "300"))
APPS = ("a", "b")
SELECTOR = st.sampled_from(APPS).map(lambda app: {"matchLabels": {"app": app}})
KEY = st.sampled_from([HOST, ZONE, "rack"])

TERM = st.fixed_dictionaries(
    {"labelSelector": SELECTOR, "topologyKey": KEY},
    optional={
        "namespaceSelector": st.sampled_from([{}, {"matchLabels": {"team": "x"}}]),
        "namespaces": st.sampled_from([["default"], ["other"]]),
    },
)
WEIGHTED = st.builds(
    lambda term, weight: {"podAffinityTerm": term, "weight": weight}, TERM, st.integers(1, 100)
)
NEIGHBOURS = st.fixed_dictionaries(
    {},
    optional={
        "requiredDuringSchedulingIgnoredDuringExecution": st.lists(TERM, max_size=2),
        "preferredDuringSchedulingIgnoredDuringExecution": st.lists(WEIGHTED, max_size=2),
    },
)
PREFERRED_NODES = st.just(
    {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 5,
                "preference": {"matchExpressions": [{"key": "rack", "operator": "Exists"}]},
            }
        ]
    }
)
SPREAD = st.fixed_dictionaries(
    {
        "maxSkew": st.integers(1, 2),
        "topologyKey": KEY,
        "labelSelector": SELECTOR,
        "whenUnsatisfiable": st.sampled_from(["DoNotSchedule", "ScheduleAnyway"]),
    },
    optional={
        "nodeAffinityPolicy": st.sampled_from(["Honor", "Ignore"]),
        "nodeTaintsPolicy": st.sampled_from(["Honor", "Ignore"]),
    },
)
TEMPLATE = st.fixed_dictionaries(
    {
        "namespace": st.sampled_from(["default", "default", "other"]),
        "app": st.sampled_from(APPS),
        "cpu": st.sampled_from(["0", "500m", "1"]),
    },
    optional={
        "near": NEIGHBOURS,
        "away": NEIGHBOURS,
        "nodes": PREFERRED_NODES,
        "spread": st.lists(SPREAD, min_size=1, max_size=2),
        "ports": st.just([80]),
        "tolerations": st.just([{"operator": "Exists"}]),
        "nodeSelector": st.just({"rack": "r1"}),
        "priority": st.integers(0, 2),
    },
)
NODE = st.fixed_dictionaries(
    {"zone": st.sampled_from(["z1", "z2", None]), "cpu": st.sampled_from(["2", "4"])},
    optional={
        "rack": st.sampled_from(["r1", "r2"]),
        "taint": st.sampled_from(["NoSchedule", "PreferNoSchedule"]),
        "unschedulable": st.just(True),
        "images": st.just([{"names": ["app:latest"], "sizeBytes": 300_000_000}]),
    },
)
STEP = st.one_of(
    st.tuples(st.just("place"), st.integers(0, 3), st.integers(1, 6)),
    st.tuples(st.just("remove"), st.integers(0, 9)),
    st.tuples(st.just("end"), st.integers(0, 9)),
    st.tuples(st.just("node"), st.integers(0, 5), NODE),
    st.tuples(st.just("lose"), st.integers(0, 5)),
    st.tuples(st.just("nominate"), st.integers(0, 3), st.integers(0, 5)),
    st.tuples(st.just("namespace"), st.sampled_from([{}, {"team": "x"}])),
)


@define(eq=False)
class World:
    """Nodes, pods, and the framework that remembers."""

    templates: list[Json]
    snapshot: Snapshot = field(factory=Snapshot)
    placed: list[Pod] = field(factory=list)
    made: int = 0
    framework: Framework = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.framework = framework_of(self.snapshot)
        self.snapshot.put_namespace("default", {})
        self.snapshot.put_namespace("other", {})

    def pod(self, number: int) -> PodInfo:
        template = self.templates[number % len(self.templates)]
        self.made += 1
        return PodInfo.of(pod_of(template, f"p{self.made}"))

    def take(self, what: str, *arguments: Any) -> None:
        if what == "place":
            for _ in range(arguments[1]):
                self.place(self.pod(arguments[0]))
        elif what in ("remove", "end") and self.placed:
            pod = self.placed.pop(arguments[0] % len(self.placed))
            if what == "end":
                leaving = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
                self.snapshot.put_pod(changed(pod, self.snapshot, leaving))
            else:
                self.snapshot.remove_pod(pod.metadata.uid)
        elif what == "node":
            self.snapshot.put_node(node_of(f"n{arguments[0]}", arguments[1]))
        elif what == "lose":
            self.snapshot.remove_node(f"n{arguments[0]}")
        elif what == "nominate":
            pod_info = self.pod(arguments[0])
            self.snapshot.nominate(pod_info.uid, pod_info, f"n{arguments[1]}")
        elif what == "namespace":
            self.snapshot.put_namespace("other", arguments[0])

    def place(self, pod: PodInfo) -> None:
        """Decide, hold the decision against the full evaluation, and count the pod."""
        scores, refusals = full_evaluation(pod, self.snapshot)
        kept = self.framework.evaluation(pod)
        assert kept.refusals() == refusals
        assert kept.scores() == scores
        found = self.framework.decide(pod)
        if not scores:
            assert not isinstance(found, NodeInfo)
            return
        assert isinstance(found, NodeInfo)
        assert scores[found.name] == max(scores.values())
        self.snapshot.assume(pod, found)
        self.placed.append(pod.pod)


def framework_of(snapshot: Snapshot) -> Framework:
    setting = Setting(snapshot, random.Random(0))
    return frameworks_of(Configuration(), setting)[DEFAULT_SCHEDULER]


def full_evaluation(pod: PodInfo, snapshot: Snapshot) -> tuple[dict[str, int], dict[str, Status]]:
    """The scores of the possible nodes and the refusals of the others, all found out anew."""
    framework = framework_of(snapshot)
    prepared = framework._prepare(pod)
    possible: list[NodeInfo] = []
    refusals: dict[str, Status] = {}
    for node in snapshot.nodes:
        others = [one for one in snapshot.nominated(node.name) if one.priority >= pod.priority]
        status = refusal(prepared, node)
        if others:
            crowded = node.copied()
            for one in others:
                crowded.add(one)
                for rule in prepared.rules:
                    try_to_count(rule, one, crowded, 1)
            status = refusal(prepared, crowded) or status
            for one in others:
                for rule in prepared.rules:
                    try_to_count(rule, one, crowded, -1)
        if status is None:
            possible.append(node)
        else:
            refusals[node.name] = status
    scores = {
        node.name: sum(weight * score(node) for score, weight in prepared.scores)
        for node in possible
    }
    for comparison, weight in prepared.comparisons:
        positions = [comparison.position(node) for node in possible]
        for node, more in zip(
            possible, comparison.compare(positions, [1] * len(positions)), strict=True
        ):
            scores[node.name] += weight * more
    return scores, refusals


def try_to_count(rule: Any, pod: PodInfo, node: NodeInfo, sign: int) -> None:
    from k8slite.scheduler.plugin import Outdated

    try:
        rule.count(pod, node, sign)
    except Outdated:
        return


def refusal(prepared: Any, node: NodeInfo) -> Status | None:
    for look in prepared.filters:
        if (status := look(node)) is not None:
            return status
    for rule in prepared.rules:
        if (status := rule.refusal(rule.position(node))) is not None:
            return status
    return None


def node_of(name: str, node: Json) -> Node:
    labels = {HOST: name}
    if node["zone"]:
        labels[ZONE] = node["zone"]
    if "rack" in node:
        labels["rack"] = node["rack"]
    taints = [{"key": "t", "effect": node["taint"]}] if "taint" in node else []
    obj = {
        "metadata": {"name": name, "uid": name, "labels": labels},
        "spec": {"taints": taints, "unschedulable": node.get("unschedulable", False)},
        "status": {
            "allocatable": {"cpu": node["cpu"], "memory": "8Gi", "pods": "4"},
            "images": node.get("images", []),
        },
    }
    return structure(obj, Node)


def pod_of(template: Json, name: str) -> Pod:
    parts = {"near": "podAffinity", "away": "podAntiAffinity", "nodes": "nodeAffinity"}
    affinity = {parts[key]: template[key] for key in parts if key in template}
    ports = [{"containerPort": port, "hostPort": port} for port in template.get("ports", ())]
    spec = {
        "containers": [
            {
                "name": "main",
                "image": "app",
                "resources": {"requests": {"cpu": template["cpu"]}},
                "ports": ports,
            }
        ],
        "affinity": affinity or None,
        "topologySpreadConstraints": template.get("spread", []),
        "tolerations": template.get("tolerations", []),
        "nodeSelector": template.get("nodeSelector", {}),
        "priority": template.get("priority", 0),
    }
    metadata = {
        "name": name,
        "namespace": template["namespace"],
        "uid": name,
        "labels": {"app": template["app"], "index": name},
    }
    return structure({"metadata": metadata, "spec": spec}, Pod)


def changed(pod: Pod, snapshot: Snapshot, metadata: Json) -> Pod:
    """The pod as the watch shows it: bound, and with other metadata."""
    from attrs import evolve

    from k8slite.objects.meta import parse_timestamp

    when = parse_timestamp(metadata["deletionTimestamp"])
    return evolve(
        pod,
        metadata=evolve(pod.metadata, deletion_timestamp=when),
        spec=evolve(pod.spec, node_name=snapshot.place(pod.metadata.uid)),
    )


@settings(max_examples=EXAMPLES)
@given(
    st.lists(NODE, min_size=2, max_size=6),
    st.lists(TEMPLATE, min_size=1, max_size=3),
    st.lists(STEP, min_size=5, max_size=30),
)
def test_what_is_remembered_is_what_would_be_found_anew(
    nodes: list[Json], templates: list[Json], steps: list[Any]
) -> None:
    world = World(templates)
    for i, node in enumerate(nodes):
        world.take("node", i, node)
    for step in steps:
        world.take(*step)


def test_labels_of_their_own_keep_pods_in_one_class_until_somebody_goes_by_labels() -> None:
    template = {"namespace": "default", "app": "a", "cpu": "1"}
    snapshot = Snapshot()
    framework = framework_of(snapshot)
    one, other = (PodInfo.of(pod_of(template, name)) for name in ("one", "other"))
    assert framework.pod_class(one) == framework.pod_class(other)
    assert one.signature != other.signature
    term = {"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": HOST}
    anti = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    shy = PodInfo.of(pod_of({**template, "away": anti}, "shy"))
    snapshot.put_node(structure({"metadata": {"name": "n"}}, Node))
    snapshot.nominate(shy.uid, shy, "n")
    assert framework.pod_class(one) != framework.pod_class(other)
    snapshot.nominate(shy.uid, None, "")
    assert framework.pod_class(one) == framework.pod_class(other)
