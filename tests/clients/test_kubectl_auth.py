"""kubectl and roles: create, bind, ask, be refused."""

from __future__ import annotations

from tests.clients.cluster import Kubectl, RunningCluster


def test_roles_are_made_bound_and_asked_about(
    cluster: RunningCluster, kubectl: Kubectl, namespace: str
) -> None:
    kubectl("create", "serviceaccount", "robot")
    robot = f"--as=system:serviceaccount:{namespace}:robot"
    assert kubectl.refused("get", "configmaps", robot) == (
        "Error from server (Forbidden): configmaps is forbidden: User "
        f'"system:serviceaccount:{namespace}:robot" cannot list resource "configmaps" in API group '
        f'"" in the namespace "{namespace}"'
    )
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=configmaps")
    kubectl(
        "create", "rolebinding", "robots", "--role=reader", f"--serviceaccount={namespace}:robot"
    )
    assert "kube-root-ca.crt" in kubectl("get", "configmaps", robot).out
    assert kubectl("auth", "can-i", "list", "configmaps", robot).out.strip() == "yes"
    listed = kubectl("auth", "can-i", "--list", robot).out
    assert any(
        line.startswith("configmaps") and "[get list]" in line for line in listed.splitlines()
    )
    refused = kubectl.refused("create", "role", "more", "--verb=delete", "--resource=pods", robot)
    assert 'cannot create resource "roles" in API group "rbac.authorization.k8s.io"' in refused
    token = kubectl("create", "token", "robot").out.strip()
    place = ("--server", cluster.url, "--kubeconfig=/dev/null", "--insecure-skip-tls-verify")
    own = (*place, f"--token={token}", "--namespace", namespace)
    assert "kube-root-ca.crt" in kubectl("get", "configmaps", *own).out
    assert "Forbidden" in kubectl.refused("get", "secrets", *own)
