"""Every plugin by itself: who is refused, in which words, and who is preferred."""

from __future__ import annotations

import random
from typing import Any

import pytest

from k8slite.kinds.core.models import Node, Pod
from k8slite.objects.structure import structure
from k8slite.scheduler.configuration import DEFAULT_SCHEDULER, Configuration
from k8slite.scheduler.diagnosis import Diagnosis
from k8slite.scheduler.framework import Framework, _nodes_to_find
from k8slite.scheduler.plugin import (
    FilterPlugin,
    PostFilterResult,
    ScorePlugin,
    Setting,
    Status,
    normalize,
)
from k8slite.scheduler.plugins import PLUGINS
from k8slite.scheduler.plugins.node_affinity import NodeAffinity
from k8slite.scheduler.plugins.node_resources_balanced_allocation import (
    NodeResourcesBalancedAllocation,
)
from k8slite.scheduler.plugins.node_resources_fit import NodeResourcesFit
from k8slite.scheduler.plugins.taint_toleration import TaintToleration
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.profiles import frameworks_of
from k8slite.scheduler.requests import DEFAULT_MEMORY_BYTES
from k8slite.scheduler.snapshot import NodeInfo, Snapshot

Json = dict[str, Any]

ALLOCATABLE = {"cpu": "4", "memory": "8Gi", "pods": "10", "example.com/gpu": "2"}


def node_of(name: str = "node-1", labels: Json | None = None, **spec: Any) -> Json:
    return {
        "metadata": {"name": name, "uid": name, "labels": labels or {}},
        "spec": spec,
        "status": {"allocatable": ALLOCATABLE},
    }


def snapshot_of(*nodes: Json) -> Snapshot:
    snapshot = Snapshot()
    for node in nodes:
        snapshot.put_node(structure(node, Node))
    return snapshot


def pod_of(name: str = "web", **spec: Any) -> Pod:
    spec.setdefault("containers", [{"name": "main"}])
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
    return structure({"metadata": metadata, "spec": spec}, Pod)


def container(restart_policy: str = "", ports: Any = (), **requests: str) -> Json:
    return {
        "name": "main",
        "restartPolicy": restart_policy,
        "ports": list(ports),
        "resources": {"requests": {key.replace("gpu", "example.com/gpu"): value
                                   for key, value in requests.items()}},
    }  # fmt: skip


def refusal(pod: Pod, node: Json, *others: Pod) -> Status | None:
    """What the first plugin that refuses the node says."""
    snapshot = snapshot_of(node)
    for other in others:
        snapshot.put_pod(other)
    found = framework_of(snapshot).decide(PodInfo.of(pod))
    if isinstance(found, NodeInfo):
        return None
    [status] = found.statuses
    return status


def framework_of(snapshot: Snapshot) -> Framework:
    setting = Setting(snapshot, random.Random(0))
    return frameworks_of(Configuration(), setting)[DEFAULT_SCHEDULER]


def scores(kind: type[ScorePlugin], pod: Pod, snapshot: Snapshot) -> list[int] | None:
    plugin = kind(Setting(snapshot, random.Random(0)))
    score = plugin.pre_score(PodInfo.of(pod))
    return plugin.normalize([score(node) for node in snapshot.nodes]) if score else None


def test_node_name() -> None:
    assert refusal(pod_of(nodeName="node-1"), node_of()) is None
    assert refusal(pod_of(nodeName="node-2"), node_of()) == Status(
        ("node(s) didn't match the requested node name",), True, "NodeName"
    )


def test_node_unschedulable() -> None:
    cordoned = node_of(unschedulable=True)
    assert refusal(pod_of(), cordoned) == Status(
        ("node(s) were unschedulable",), True, "NodeUnschedulable"
    )
    toleration = {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}
    assert refusal(pod_of(tolerations=[toleration]), cordoned) is None


@pytest.mark.parametrize(
    ("toleration", "accepted"),
    [
        ({}, False),
        ({"operator": "Exists"}, True),
        ({"key": "a", "operator": "Exists"}, True),
        ({"key": "b", "operator": "Exists"}, False),
        ({"key": "a", "operator": "Equal", "value": "x"}, True),
        ({"key": "a", "value": "x"}, True),
        ({"key": "a", "value": "y"}, False),
        ({"key": "a", "value": "x", "effect": "NoExecute"}, False),
        ({"key": "a", "value": "x", "effect": "NoSchedule"}, True),
        ({"operator": "Exists", "effect": "NoSchedule"}, True),
    ],
    ids=str,
)
def test_tolerations(toleration: Json, accepted: bool) -> None:
    tainted = node_of(taints=[{"key": "a", "value": "x", "effect": "NoSchedule"}])
    tolerations = [toleration] if toleration else []
    expected = Status(("node(s) had untolerated taint(s)",), True, "TaintToleration")
    found = refusal(pod_of(tolerations=tolerations), tainted)
    assert found == (None if accepted else expected)


def test_a_taint_that_only_prefers_refuses_nobody_and_scores() -> None:
    soft = [{"key": key, "effect": "PreferNoSchedule"} for key in "ab"]
    snapshot = snapshot_of(
        node_of("n0"), node_of("n1", taints=soft[:1]), node_of("n2", taints=soft)
    )
    assert refusal(pod_of(), node_of(taints=soft)) is None
    assert scores(TaintToleration, pod_of(), snapshot) == [100, 50, 0]
    tolerating = pod_of(tolerations=[{"key": "b", "operator": "Exists"}])
    assert scores(TaintToleration, tolerating, snapshot) == [100, 0, 0]


def term(*expressions: Json, fields: Any = ()) -> Json:
    return {"matchExpressions": list(expressions), "matchFields": list(fields)}


def expression(key: str, operator: str, *values: str) -> Json:
    return {"key": key, "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    ("terms", "accepted"),
    [
        ([term(expression("disk", "In", "ssd", "nvme"))], True),
        ([term(expression("disk", "In", "hdd"))], False),
        ([term(expression("disk", "NotIn", "hdd"))], True),
        ([term(expression("other", "NotIn", "hdd"))], True),
        ([term(expression("disk", "Exists"))], True),
        ([term(expression("disk", "DoesNotExist"))], False),
        ([term(expression("cores", "Gt", "7"))], True),
        ([term(expression("cores", "Gt", "8"))], False),
        ([term(expression("cores", "Lt", "9"))], True),
        ([term(expression("disk", "Gt", "1"))], False),
        ([term(expression("disk", "Exists"), expression("other", "Exists"))], False),
        ([term(expression("other", "Exists")), term(expression("disk", "Exists"))], True),
        ([term()], False),
        ([term(fields=[expression("metadata.name", "In", "node-1")])], True),
        ([term(fields=[expression("metadata.name", "NotIn", "node-1")])], False),
    ],
)
def test_required_affinity(terms: list[Json], accepted: bool) -> None:
    node = node_of(labels={"disk": "ssd", "cores": "8"})
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    found = refusal(pod_of(affinity={"nodeAffinity": required}), node)
    expected = Status(("node(s) didn't match Pod's node affinity/selector",), True, "NodeAffinity")
    assert found == (None if accepted else expected)


def test_the_selector_and_the_terms_must_both_hold() -> None:
    node = node_of(labels={"disk": "ssd"})
    required = {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [term(expression("disk", "Exists"))]
        }
    }
    affinity = {"nodeAffinity": required}
    assert refusal(pod_of(affinity=affinity, nodeSelector={"disk": "ssd"}), node) is None
    assert refusal(pod_of(affinity=affinity, nodeSelector={"disk": "hdd"}), node) is not None
    assert refusal(pod_of(nodeSelector={"disk": "hdd"}), node) is not None


def test_preferred_affinity_scores() -> None:
    preferred = [
        {"weight": 30, "preference": term(expression("disk", "In", "ssd"))},
        {"weight": 10, "preference": term(expression("zone", "Exists"))},
        {"weight": 50, "preference": term()},
    ]
    pod = pod_of(
        affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    )
    snapshot = snapshot_of(
        node_of("n0"),
        node_of("n1", {"disk": "ssd"}),
        node_of("n2", {"disk": "ssd", "zone": "a"}),
        node_of("n3", {"zone": "a"}),
    )
    assert scores(NodeAffinity, pod, snapshot) == [0, 75, 100, 25]
    assert scores(NodeAffinity, pod_of(), snapshot) is None
    found = framework_of(snapshot).decide(PodInfo.of(pod))
    assert isinstance(found, NodeInfo)
    assert found.name == "n2"


def test_a_pod_for_one_node_by_name_is_told_so() -> None:
    """As a DaemonSet's pods are made."""
    terms = [term(fields=[expression("metadata.name", "In", "n1")])]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    pod = PodInfo.of(pod_of(affinity={"nodeAffinity": required}, containers=[container(cpu="5")]))
    snapshot = snapshot_of(node_of("n0"), node_of("n1"), node_of("n2"))
    found = framework_of(snapshot).decide(pod)
    assert isinstance(found, Diagnosis)
    assert found.message == (
        "0/3 nodes are available: 1 Insufficient cpu, "
        "2 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, "
        "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )


@pytest.mark.parametrize(
    ("containers", "reasons"),
    [
        ([container(cpu="4")], None),
        ([container(cpu="3"), container(cpu="1001m")], "Insufficient cpu"),
        ([container(memory="8Gi")], None),
        ([container(memory="9Gi")], "Insufficient memory"),
        ([container(gpu="2")], None),
        ([container(gpu="3")], "Insufficient example.com/gpu"),
        ([container(**{"ephemeral-storage": "1"})], "Insufficient ephemeral-storage"),
        ([container(cpu="5", memory="9Gi")], "Insufficient cpu, Insufficient memory"),
    ],
    ids=str,
)
def test_requests(containers: list[Json], reasons: str | None) -> None:
    found = refusal(pod_of(containers=containers), node_of())
    assert (", ".join(found.reasons) if found else None) == reasons
    assert found is None or (found.unresolvable and found.plugin == "NodeResourcesFit")


def test_what_other_pods_have_is_not_free() -> None:
    other = pod_of(
        "other", nodeName="node-1", containers=[container(cpu="3", memory="7Gi", gpu="2")]
    )
    for one, value, reason in (
        ("cpu", "2", "Insufficient cpu"),
        ("memory", "2Gi", "Insufficient memory"),
        ("gpu", "1", "Insufficient example.com/gpu"),
    ):
        status = refusal(pod_of(containers=[container(**{one: value})]), node_of(), other)
        assert status == Status((reason,), False, "NodeResourcesFit")
    status = refusal(pod_of(containers=[container(cpu="2", gpu="1")]), node_of(), other)
    assert status is not None
    assert status.reasons == ("Insufficient cpu", "Insufficient example.com/gpu")
    assert not status.unresolvable
    assert refusal(pod_of(containers=[container(cpu="1")]), node_of(), other) is None


def test_too_many_pods() -> None:
    others = [pod_of(f"other-{i}", nodeName="node-1") for i in range(10)]
    assert refusal(pod_of(), node_of(), *others[:9]) is None
    status = refusal(pod_of(), node_of(), *others)
    assert status == Status(("Too many pods",), False, "NodeResourcesFit")


def test_a_pod_that_asks_for_nothing_fits_a_node_that_has_too_little() -> None:
    other = pod_of("other", nodeName="node-1", containers=[container(cpu="9", memory="9Gi")])
    assert refusal(pod_of(), node_of(), other) is None


@pytest.mark.parametrize(
    ("spec", "milli_cpu"),
    [
        ({"containers": [container(cpu="1"), container(cpu="500m")]}, 1500),
        ({"initContainers": [container(cpu="3"), container(cpu="2")]}, 3000),
        (
            {
                "containers": [container(cpu="1")],
                "initContainers": [
                    container("Always", cpu="1"),
                    container(cpu="2"),
                    container("Always", cpu="1"),
                ],
            },
            3000,
        ),
        ({"containers": [container(cpu="1")], "overhead": {"cpu": "250m"}}, 1250),
        ({"containers": [container()]}, 0),
    ],
)
def test_sums_of_requests(spec: Json, milli_cpu: int) -> None:
    info = PodInfo.of(pod_of(**spec))
    assert info.milli_cpu == milli_cpu
    assert info.non_zero_memory >= DEFAULT_MEMORY_BYTES


def port(number: int, ip: str = "", protocol: str = "TCP") -> Json:
    return {"containerPort": 80, "hostPort": number, "hostIP": ip, "protocol": protocol}


@pytest.mark.parametrize(
    ("wanted", "taken", "accepted"),
    [
        (port(80), port(80), False),
        (port(80), port(81), True),
        (port(80), port(80, protocol="UDP"), True),
        (port(80, "10.0.0.1"), port(80, "10.0.0.2"), True),
        (port(80, "10.0.0.1"), port(80, "10.0.0.1"), False),
        (port(80, "10.0.0.1"), port(80, "0.0.0.0"), False),
        (port(80), port(80, "10.0.0.1"), False),
        (port(0), port(0), True),
    ],
    ids=str,
)
def test_host_ports(wanted: Json, taken: Json, accepted: bool) -> None:
    other = pod_of("other", nodeName="node-1", containers=[container(ports=[taken])])
    status = refusal(pod_of(containers=[container(ports=[wanted])]), node_of(), other)
    reason = "node(s) didn't have free ports for the requested pod ports"
    assert status == (None if accepted else Status((reason,), False, "NodePorts"))


def test_least_allocated_scores() -> None:
    snapshot = snapshot_of(node_of("n0"), node_of("n1"))
    snapshot.put_pod(pod_of("other", nodeName="n1", containers=[container(cpu="2", memory="4Gi")]))
    pod = pod_of(containers=[container(cpu="1", memory="2Gi")])
    assert scores(NodeResourcesFit, pod, snapshot) == [75, 25]
    # What asks for nothing counts as 100m and 200Mi.
    assert scores(NodeResourcesFit, pod_of(), snapshot) == [97, 47]


def test_balanced_allocation_scores() -> None:
    snapshot = snapshot_of(node_of("n0"), node_of("n1"))
    snapshot.put_pod(pod_of("other", nodeName="n1", containers=[container(memory="4Gi")]))
    pod = pod_of(containers=[container(cpu="2")])
    assert scores(NodeResourcesBalancedAllocation, pod, snapshot) == [75, 100]
    assert scores(NodeResourcesBalancedAllocation, pod_of(), snapshot) is None


def test_a_pod_that_may_not_preempt_is_told_so() -> None:
    other = pod_of("other", nodeName="node-1", containers=[container(cpu="4")])
    pod = pod_of(containers=[container(cpu="1")], preemptionPolicy="Never", priority=1)
    snapshot = snapshot_of(node_of())
    snapshot.put_pod(other)
    found = framework_of(snapshot).decide(PodInfo.of(pod))
    assert isinstance(found, Diagnosis)
    assert found.after == PostFilterResult(found.after.message)
    assert found.message == (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
        "preemption: not eligible due to preemptionPolicy=Never."
    )


def test_scores_are_normalized_as_upstream_does() -> None:
    assert normalize([0, 3, 6]) == [0, 50, 100]
    assert normalize([0, 3, 6], reverse=True) == [100, 50, 0]
    assert normalize([0, 0]) == [0, 0]
    assert normalize([0, 0], reverse=True) == [100, 100]


@pytest.mark.parametrize(
    ("nodes", "wanted"), [(0, 0), (99, 99), (100, 100), (250, 120), (1000, 420), (6000, 300)]
)
def test_how_many_nodes_are_enough(nodes: int, wanted: int) -> None:
    assert _nodes_to_find(nodes) == wanted


def test_every_plugin_has_a_name_of_its_own_and_does_something() -> None:
    names = [plugin.name for plugin in PLUGINS]
    assert len(set(names)) == len(names)
    assert [p.name for p in PLUGINS if issubclass(p, FilterPlugin)] == [
        "NodeUnschedulable",
        "NodeName",
        "TaintToleration",
        "NodeAffinity",
        "NodePorts",
        "NodeResourcesFit",
        "VolumeRestrictions",
        "NodeVolumeLimits",
        "VolumeBinding",
        "VolumeZone",
        "PodTopologySpread",
        "InterPodAffinity",
        "DynamicResources",
    ]
