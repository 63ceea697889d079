"""kubectl with a StatefulSet: rollouts, history, undo, restart, scale."""

from __future__ import annotations

import json

import ruamel.yaml as yaml

from tests.clients.cluster import WAIT_SECONDS, Kubectl, eventually, pod


def stateful_set(name: str, *, replicas: int = 2, image: str = "nginx:1.29") -> str:
    """A small StatefulSet whose pods end at once, as a user writes it."""
    return f"""
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {name}
spec:
  replicas: {replicas}
  serviceName: {name}
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: {image}
"""


def rolled_out(kubectl: Kubectl, name: str) -> list[str]:
    timeout = f"--timeout={WAIT_SECONDS:.0f}s"
    return kubectl("rollout", "status", f"statefulset/{name}", timeout).lines


def images(kubectl: Kubectl) -> list[str]:
    path = "jsonpath={range .items[*]}{.spec.containers[0].image} {end}"
    return kubectl("get", "pods", "-o", path).out.split()


def test_rollout_history_and_undo(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=stateful_set("db"))
    told = rolled_out(kubectl, "db")
    assert told[-1] == "partitioned roll out complete: 2 new pods have been updated..."
    assert [row[:2] for row in kubectl("get", "pods").rows[1:]] == [
        ["db-0", "1/1"],
        ["db-1", "1/1"],
    ]
    assert kubectl("get", "sts", "db").rows[1][:2] == ["db", "2/2"]
    kubectl("set", "image", "statefulset/db", "web=nginx:1.30")
    rolled_out(kubectl, "db")
    assert images(kubectl) == ["nginx:1.30"] * 2
    assert kubectl("rollout", "history", "statefulset/db").lines == [
        "statefulset.apps/db",
        "REVISION  CHANGE-CAUSE",
        "1         <none>",
        "2         <none>",
        "",
    ]
    one = kubectl("rollout", "history", "statefulset/db", "--revision=1").out
    assert one.startswith("statefulset.apps/db with revision #1\nPod Template:\n")
    assert "Image:\tnginx:1.29\n" in one
    done = kubectl("rollout", "undo", "statefulset/db")
    assert done.lines == ["statefulset.apps/db rolled back"]
    rolled_out(kubectl, "db")
    assert images(kubectl) == ["nginx:1.29"] * 2
    rows = [line.split() for line in kubectl("rollout", "history", "statefulset/db").lines[2:4]]
    assert [row[0] for row in rows] == ["2", "3"]
    skipped = kubectl("rollout", "undo", "statefulset/db", "--to-revision=3").out
    assert "skipped rollback (current template already matches revision 3)" in skipped


def test_restart_and_scale(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=stateful_set("db", replicas=1))
    rolled_out(kubectl, "db")
    uid = "jsonpath={.metadata.uid}"
    before = kubectl("get", "pod", "db-0", "-o", uid).out
    done = kubectl("rollout", "restart", "statefulset/db")
    assert done.lines == ["statefulset.apps/db restarted"]
    rolled_out(kubectl, "db")
    assert kubectl("get", "pod", "db-0", "-o", uid).out != before
    kubectl("scale", "statefulset/db", "--replicas=3")
    rolled_out(kubectl, "db")
    eventually(lambda: kubectl("get", "sts", "db").rows[1][1], wanted=lambda ready: ready == "3/3")
    kubectl("scale", "statefulset/db", "--replicas=0")
    eventually(lambda: kubectl("get", "pods", "-o", "name").lines, wanted=lambda names: not names)


def test_describe_tells_what_was_done(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=stateful_set("db", replicas=1))
    rolled_out(kubectl, "db")
    told = eventually(
        lambda: kubectl("describe", "statefulset", "db").out,
        wanted=lambda text: "SuccessfulCreate" in text,
    )
    assert "create Pod db-0 in StatefulSet db successful" in told
    assert "1 Running / 0 Waiting / 0 Succeeded / 0 Failed" in told


def test_a_member_that_its_node_refuses_is_made_again(kubectl: Kubectl) -> None:
    ports = [{"containerPort": 21017, "hostPort": 21017}]
    containers = [{"name": "web", "image": "nginx:1.29", "ports": ports}]
    kubectl("create", "-f", "-", given=pod("blocker", nodeName="node-0", containers=containers))
    kubectl("wait", "--for=condition=Ready", "pod/blocker", "--timeout=90s")
    found = yaml.YAML(typ="safe").load(stateful_set("db", replicas=1))
    found["spec"]["template"]["spec"] |= {"nodeName": "node-0", "containers": containers}
    kubectl("create", "-f", "-", given=json.dumps(found))
    eventually(
        lambda: kubectl("get", "events", "-o", "name", "--field-selector=reason=NodePorts").lines
    )
    kubectl("delete", "pod", "blocker")
    rolled_out(kubectl, "db")
    assert kubectl("get", "pods").rows[1][:3] == ["db-0", "1/1", "Running"]
