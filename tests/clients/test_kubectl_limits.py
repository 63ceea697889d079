"""kubectl and what limits a namespace: quotas, ranges, budgets, security levels."""

from __future__ import annotations

import json

from tests.clients.cluster import Kubectl, deployment, eventually


def test_a_quota_is_made_shown_and_kept(kubectl: Kubectl) -> None:
    kubectl("create", "quota", "few", "--hard=count/configmaps=2,pods=1")
    eventually(
        lambda: kubectl("get", "quota", "few", "-o", "jsonpath={.status.used.pods}").out,
        wanted=lambda found: found == "0",
    )
    kubectl("create", "configmap", "one", "--from-literal=a=b")
    assert kubectl.refused("create", "configmap", "two", "--from-literal=a=b").endswith(
        'configmaps "two" is forbidden: exceeded quota: few, requested: count/configmaps=1, used: '
        "count/configmaps=2, limited: count/configmaps=2"
    )
    described = kubectl("describe", "quota", "few").lines
    assert any(line.split() == ["count/configmaps", "2", "2"] for line in described)
    kubectl("delete", "configmap", "one")
    eventually(
        lambda: kubectl.attempt("create", "configmap", "two", "--from-literal=a=b").code == 0
    )


def test_a_range_fills_in_what_pods_ask_for(kubectl: Kubectl) -> None:
    kubectl.apply(
        '{"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": '
        '[{"type": "Container", "default": {"cpu": "500m"}, "max": {"cpu": "1"}}]}}'
    )
    kubectl("run", "p", "--image=nginx:1.29")
    path = "jsonpath={.spec.containers[0].resources}"
    assert kubectl("get", "pod", "p", "-o", path).out == (
        '{"limits":{"cpu":"500m"},"requests":{"cpu":"500m"}}'
    )


def test_a_drain_keeps_to_a_budget(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", replicas=2))
    kubectl.rolled_out("web")
    kubectl("create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=2")
    path = "jsonpath={.status.currentHealthy} {.status.disruptionsAllowed}"
    eventually(
        lambda: kubectl("get", "pdb", "web", "-o", path).out,
        wanted=lambda found: found == "2 0",
    )
    name = kubectl("get", "pods", "-l", "app=web", "-o", "name").lines[0].removeprefix("pod/")
    metadata = {"name": name}
    eviction = json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata})
    url = f"/api/v1/namespaces/{kubectl.namespace}/pods/{name}/eviction"
    refused = kubectl.refused("create", "--raw", url, "-f", "-", given=eviction)
    assert "Cannot evict pod as it would violate the pod's disruption budget." in refused
    kubectl("patch", "pdb", "web", "-p", '{"spec": {"minAvailable": 1}}')
    eventually(
        lambda: kubectl("get", "pdb", "web", "-o", path).out,
        wanted=lambda found: found == "2 1",
    )
    kubectl("create", "--raw", url, "-f", "-", given=eviction)
    kubectl.rolled_out("web")


def test_a_namespace_asks_for_restricted_pods(kubectl: Kubectl) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    kubectl("label", "namespace", kubectl.namespace, label)
    refused = kubectl.refused("run", "p", "--image=nginx:1.29")
    assert 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation' in refused
