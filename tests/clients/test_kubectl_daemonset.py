"""kubectl with a DaemonSet: rollouts, history, undo, nodes that are cordoned."""

from __future__ import annotations

import pytest

from tests.clients.cluster import WAIT_SECONDS, Kubectl, eventually

MANIFEST = """
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
spec:
  selector:
    matchLabels: {app: agent}
  template:
    metadata:
      labels: {app: agent}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: nginx:1.29
"""


@pytest.fixture
def agents(kubectl: Kubectl) -> Kubectl:
    """kubectl in a namespace with a DaemonSet that is rolled out."""
    kubectl("create", "-f", "-", given=MANIFEST)
    rolled_out(kubectl)
    return kubectl


def rolled_out(kubectl: Kubectl) -> list[str]:
    return kubectl("rollout", "status", "ds/agent", f"--timeout={WAIT_SECONDS:.0f}s").lines


def of_nodes(kubectl: Kubectl, what: str) -> dict[str, str]:
    path = f"jsonpath={{range .items[*]}}{{.spec.nodeName}} {{{what}}}{{'\\n'}}{{end}}"
    lines = kubectl("get", "pods", "-l", "app=agent", "-o", path).lines
    return {node: rest for node, _, rest in (line.partition(" ") for line in lines if line)}


def test_a_pod_on_every_node(agents: Kubectl) -> None:
    nodes = agents("get", "nodes", "-o", "name").lines
    assert len(of_nodes(agents, ".status.phase")) == len(nodes)
    count = str(len(nodes))
    row = eventually(lambda: agents("get", "ds", "agent").rows[1], wanted=lambda it: "0" not in it)
    assert row[:6] == ["agent", count, count, count, count, count]
    assert "Desired Number of Nodes Scheduled: " + count in agents("describe", "ds", "agent").out


def test_rollout_history_and_undo(agents: Kubectl) -> None:
    agents("set", "image", "ds/agent", "web=nginx:1.30")
    told = rolled_out(agents)
    assert told[-1] == 'daemon set "agent" successfully rolled out'
    image = ".spec.containers[0].image"
    assert set(of_nodes(agents, image).values()) == {"nginx:1.30"}
    assert agents("rollout", "history", "ds/agent").lines == [
        "daemonset.apps/agent",
        "REVISION  CHANGE-CAUSE",
        "1         <none>",
        "2         <none>",
        "",
    ]
    assert agents("rollout", "undo", "ds/agent").lines == ["daemonset.apps/agent rolled back"]
    rolled_out(agents)
    assert set(of_nodes(agents, image).values()) == {"nginx:1.29"}
    skipped = agents("rollout", "undo", "ds/agent", "--to-revision=3").out
    assert "skipped rollback (current template already matches revision 3)" in skipped


def test_restart(agents: Kubectl) -> None:
    before = of_nodes(agents, ".metadata.uid")
    assert agents("rollout", "restart", "ds/agent").lines == ["daemonset.apps/agent restarted"]
    rolled_out(agents)
    after = of_nodes(agents, ".metadata.uid")
    assert before.keys() == after.keys()
    assert not before.items() & after.items()


def test_a_cordoned_node_keeps_its_agent(agents: Kubectl) -> None:
    agents("cordon", "node-1")
    try:
        agents("delete", "pod", "-l", "app=agent", "--field-selector=spec.nodeName=node-1")
        rolled_out(agents)
        assert of_nodes(agents, ".status.phase")["node-1"] == "Running"
    finally:
        agents("uncordon", "node-1")
