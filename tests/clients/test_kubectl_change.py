"""kubectl patch, label, annotate, delete, wait, cordon, drain, taint: changes of what is there."""

from __future__ import annotations

import json
import re

from tests.clients.cluster import Kubectl, config_map, deployment, eventually, pod


def test_patches_of_all_types(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))

    def patch(type_: str, text: str) -> str:
        return kubectl("patch", "deployment", "web", f"--type={type_}", "-p", text).out.strip()

    containers = '{"spec": {"template": {"spec": {"containers": [{"name": "%s", "image": "b"}]}}}}'
    assert patch("strategic", containers % "side") == "deployment.apps/web patched"
    names = "jsonpath={.spec.template.spec.containers[*].name}"
    assert kubectl("get", "deployment", "web", "-o", names).out == "side web"
    removal = (
        '{"spec": {"template": {"spec": {"containers": [{"$patch": "delete", "name": "web"}]}}}}'
    )
    patch("strategic", removal)
    assert kubectl("get", "deployment", "web", "-o", names).out == "side"
    patch("merge", containers % "only")
    assert kubectl("get", "deployment", "web", "-o", names).out == "only"
    patch("json", '[{"op": "replace", "path": "/spec/replicas", "value": 2}]')
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}").out == "2"
    scale = ("--subresource=scale", "--type=merge", "-p", '{"spec": {"replicas": 0}}')
    done = kubectl("patch", "deployment", "web", *scale)
    assert done.lines == ["scale.autoscaling/web patched"]


def test_a_patch_that_changes_nothing(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("settings", a="1"))
    patch = ("patch", "configmap", "settings", "-p", '{"data": {"b": "2"}}')
    assert kubectl(*patch).lines == ["configmap/settings patched"]
    assert kubectl(*patch).lines == ["configmap/settings patched (no change)"]


def test_patches_that_are_refused(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))

    def refused(type_: str, text: str) -> str:
        return kubectl.refused("patch", "deployment", "web", f"--type={type_}", "-p", text)

    assert refused("json", '[{"op": "test", "path": "/spec/replicas", "value": 9}]') == (
        "The request is invalid: the server rejected our request due to an error in our request"
    )
    assert refused("strategic", '{"spec": {"replicas": -1}}') == (
        'The Deployment "web" is invalid: spec.replicas: Invalid value: -1: must be greater than '
        "or equal to 0"
    )
    assert refused("merge", '{"metadata": {"name": "other"}}').startswith(
        "Error from server (BadRequest): the name of the object (other) does not match the name on "
        "the URL (web)"
    )
    immutable = refused("merge", '{"spec": {"selector": {"matchLabels": {"more": "labels"}}}}')
    assert immutable.splitlines()[-1].endswith("field is immutable")
    warned = kubectl("patch", "deployment", "web", "-p", '{"spec": {"replica": 1}}')
    assert warned.err == 'Warning: unknown field "spec.replica"\n'


def test_labels_and_annotations(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("settings"))
    assert kubectl("label", "cm", "settings", "a=1").lines == ["configmap/settings labeled"]
    assert kubectl.refused("label", "cm", "settings", "a=2") == (
        "error: 'a' already has a value (1), and --overwrite is false"
    )
    kubectl("label", "cm", "settings", "a=2", "--overwrite")
    assert kubectl("get", "cm", "-l", "a=2", "-o", "name").lines == ["configmap/settings"]
    assert kubectl("label", "cm", "settings", "a-").lines == ["configmap/settings unlabeled"]
    assert kubectl("annotate", "cm", "settings", "b=x y").lines == ["configmap/settings annotated"]
    assert "b=x y" in kubectl("annotate", "cm", "settings", "--list").lines
    assert kubectl("label", "cm", "--all", "c=3").lines == [
        "configmap/kube-root-ca.crt labeled",
        "configmap/settings labeled",
    ]
    refused = kubectl.refused("label", "cm", "settings", "d=not ok")
    assert refused.startswith('error: invalid label value: "d=not ok": a valid label must be')


def test_deleting(kubectl: Kubectl) -> None:
    kubectl.apply(config_map("a"), config_map("b"), config_map("c"), pod("d"))
    assert kubectl("delete", "configmap", "a").lines == [
        f'configmap "a" deleted from {kubectl.namespace} namespace'
    ]
    assert kubectl.refused("delete", "configmap", "a") == (
        'Error from server (NotFound): configmaps "a" not found'
    )
    assert kubectl("delete", "configmap", "a", "--ignore-not-found").out == ""
    dry = kubectl("delete", "configmap/b", "--dry-run=server")
    assert dry.lines == [
        f'configmap "b" deleted from {kubectl.namespace} namespace (server dry run)'
    ]
    kubectl("delete", "configmap/b", "configmap/c", "pod/d", "--now", "--timeout=90s")
    assert kubectl("get", "pods,configmaps", "-o", "name").lines == ["configmap/kube-root-ca.crt"]
    assert kubectl("delete", "pods", "--all").lines == ["No resources found"]
    forced = kubectl("delete", "configmap", "kube-root-ca.crt", "--force", "--grace-period=0")
    assert forced.err.startswith("Warning: Immediate deletion does not wait for confirmation")
    # The certificate bundle comes back, as on any cluster.
    kubectl("wait", "--for=create", "configmap/kube-root-ca.crt", "--timeout=90s")


def test_what_a_deleted_deployment_owns_goes_too(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", replicas=2))
    kubectl.rolled_out("web")
    kubectl("delete", "deployment", "web")
    eventually(lambda: kubectl("get", "replicasets,pods", "-o", "name").out == "")


def test_a_foreground_deletion_waits_for_what_is_owned(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", replicas=2))
    kubectl.rolled_out("web")
    kubectl("delete", "deployment", "web", "--cascade=foreground", "--timeout=90s")
    assert kubectl("get", "deployments,replicasets,pods", "-o", "name").out == ""


def test_orphans_stay(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", replicas=2))
    kubectl.rolled_out("web")
    kubectl("delete", "deployment", "web", "--cascade=orphan", "--timeout=90s")
    (replica_set,) = kubectl("get", "replicasets", "-o", "name").lines
    owners = kubectl("get", replica_set, "-o", "jsonpath={.metadata.ownerReferences}")
    assert owners.out == ""
    assert len(kubectl("get", "pods", "-o", "name").lines) == 2
    # A new deployment with the same selector takes them in.
    kubectl.apply(deployment("web", replicas=2))
    eventually(
        lambda: (
            kubectl("get", replica_set, "-o", "jsonpath={.metadata.ownerReferences[*].name}").out
        ),
        wanted=lambda seen: seen == "web",
    )


def test_a_namespace_goes_with_everything_in_it(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"), config_map("settings"))
    done = kubectl("delete", "namespace", kubectl.namespace, "--timeout=90s")
    assert done.lines == [f'namespace "{kubectl.namespace}" deleted']
    assert kubectl.refused("get", "namespace", kubectl.namespace) == (
        f'Error from server (NotFound): namespaces "{kubectl.namespace}" not found'
    )


def test_a_finalizer_holds_an_object(kubectl: Kubectl) -> None:
    held = json.loads(config_map("held"))
    held["metadata"]["finalizers"] = ["example.com/hold"]
    kubectl.apply(json.dumps(held))
    kubectl("delete", "configmap", "held", "--wait=false")
    assert kubectl("get", "cm", "held", "-o", "jsonpath={.metadata.deletionTimestamp}").out
    message = kubectl.refused("wait", "--for=delete", "configmap/held", "--timeout=3s")
    last = message.splitlines()[-1]
    assert last == "error: timed out waiting for the condition on configmaps/held"
    kubectl("patch", "cm", "held", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    kubectl("wait", "--for=delete", "configmap/held", "--timeout=90s")


def test_waiting(kubectl: Kubectl) -> None:
    kubectl.apply(pod("one"))
    for what in ("condition=Ready", "jsonpath={.status.phase}=Running", "create"):
        done = kubectl("wait", f"--for={what}", "pod/one", "--timeout=90s")
        assert done.lines == ["pod/one condition met"]
    assert kubectl.refused("wait", "--for=condition=Other", "pod/one", "--timeout=3s") == (
        "error: timed out waiting for the condition on pods/one"
    )
    assert kubectl.refused("wait", "--for=condition=Ready", "pod/two", "--timeout=3s") == (
        'Error from server (NotFound): pods "two" not found'
    )


def test_cordon_and_uncordon(kubectl: Kubectl) -> None:
    assert kubectl("cordon", "node-2").lines == ["node/node-2 cordoned"]
    try:
        assert kubectl("get", "node", "node-2").rows[1][1] == "Ready,SchedulingDisabled"
        assert kubectl("cordon", "node-2").lines == ["node/node-2 already cordoned"]
        kubectl.apply(deployment("web", replicas=3))
        kubectl.rolled_out("web")
        nodes = kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}").out
        assert "node-2" not in nodes.split()
    finally:
        assert kubectl("uncordon", "node-2").lines == ["node/node-2 uncordoned"]


def test_drain(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", replicas=1))
    kubectl.rolled_out("web")
    kubectl.apply(pod("alone", nodeName="node-2"))
    kubectl("wait", "--for=condition=Ready", "pod/alone", "--timeout=90s")
    chosen = f"--pod-selector=app in (web, alone),!other-than-{kubectl.namespace}"
    try:
        message = kubectl.refused("drain", "node-2", chosen)
        assert (
            "cannot delete Pods that declare no controller (use --force to override): " in message
        )
        assert f"{kubectl.namespace}/alone" in message
        done = kubectl("drain", "node-2", chosen, "--force", "--timeout=90s")
        assert done.lines[-1] == "node/node-2 drained"
        assert "pod/alone evicted" in done.lines
        assert f"evicting pod {kubectl.namespace}/alone" in done.out + done.err
        kubectl.rolled_out("web")
        nodes = kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}").out
        assert "node-2" not in nodes.split()
    finally:
        kubectl("uncordon", "node-2")


def test_taints(kubectl: Kubectl) -> None:
    assert kubectl("taint", "node", "node-1", "test=yes:NoSchedule").lines == [
        "node/node-1 tainted"
    ]
    try:
        assert kubectl.refused("taint", "node", "node-1", "test=yes:NoSchedule") == (
            "error: node node-1 already has test taint(s) with same effect(s) and --overwrite is "
            "false"
        )
        selector = {"kubernetes.io/hostname": "node-1"}
        kubectl.apply(pod("kept-out", nodeSelector=selector))
        kubectl.apply(
            pod(
                "let-in", nodeSelector=selector, tolerations=[{"key": "test", "operator": "Exists"}]
            )
        )
        kubectl("wait", "--for=condition=Ready", "pod/let-in", "--timeout=90s")
        why = "jsonpath={.status.conditions[?(@.type=='PodScheduled')].message}"
        message = eventually(lambda: kubectl("get", "pod", "kept-out", "-o", why).out)
        assert re.match(
            r"0/3 nodes are available: 1 node\(s\) had untolerated taint ?(\(s\)|{test: yes}), "
            r"2 node\(s\) didn't match Pod's node affinity/selector\.",
            message,
        )
        assert kubectl("get", "pod", "kept-out").rows[1][2] == "Pending"
    finally:
        assert kubectl("taint", "node", "node-1", "test-").lines == ["node/node-1 untainted"]
    kubectl("wait", "--for=condition=Ready", "pod/kept-out", "--timeout=90s")
