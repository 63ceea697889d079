"""kubectl version, api-resources, explain, top and friends: what is told of the cluster itself."""

from __future__ import annotations

from tests.clients.cluster import Kubectl, RunningCluster


def test_version_and_address(cluster: RunningCluster, kubectl: Kubectl) -> None:
    version = kubectl("version", "-o", "json").json["serverVersion"]
    assert (version["major"], version["minor"]) == ("1", "37")
    assert kubectl("version").lines[-1] == f"Server Version: {version['gitVersion']}"
    first = kubectl("cluster-info").lines[0]
    assert first == f"Kubernetes control plane is running at {cluster.url}"
    assert kubectl("get", "--raw", "/readyz").out == "ok"
    assert kubectl("get", "--raw", "/livez?verbose").lines[-1] == "livez check passed"


def test_nodes(kubectl: Kubectl) -> None:
    rows = kubectl("get", "nodes").rows
    assert rows[0] == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert [row[0] for row in rows[1:]] == ["node-0", "node-1", "node-2"]
    assert {row[2] for row in rows[1:]} == {"<none>"}
    wide = kubectl("get", "nodes", "-o", "wide").rows[1]
    assert wide[5].startswith("100.64.0.") and wide[9] == "fake://1.0.0"


def test_resources_and_versions(kubectl: Kubectl) -> None:
    listed = kubectl("api-resources").rows
    rows = {row[0]: row[1:] for row in listed if not row[-1].endswith("Metrics")}
    assert rows["NAME"] == ["SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    assert rows["pods"] == ["po", "v1", "true", "Pod"]
    assert rows["deployments"] == ["deploy", "apps/v1", "true", "Deployment"]
    assert rows["events"][-1] == "Event"
    apps = kubectl("api-resources", "--api-group=apps", "--verbs=watch", "-o", "name").lines
    assert apps == [
        "controllerrevisions.apps",
        "daemonsets.apps",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
    ]
    versions = kubectl("api-versions").lines
    assert versions == sorted(versions) and {"v1", "apps/v1", "batch/v1"} <= set(versions)


def test_explain(kubectl: Kubectl) -> None:
    lines = kubectl("explain", "deployment.spec.strategy").lines
    assert lines[:3] == ["GROUP:      apps", "KIND:       Deployment", "VERSION:    v1"]
    assert lines[4] == "FIELD: strategy <DeploymentStrategy>"
    assert "  rollingUpdate\t<RollingUpdateDeployment>" in lines
    recursive = kubectl("explain", "pod.spec", "--recursive").lines
    assert "  containers\t<[]Container> -required-" in recursive
    assert "    livenessProbe\t<Probe>" in recursive
    assert kubectl.refused("explain", "pod.nothing") == 'error: field "nothing" does not exist'


def test_who_has_no_credentials_gets_nothing(cluster: RunningCluster) -> None:
    kubectl = cluster.kubectl("default")
    empty = ("--server", cluster.url, "--kubeconfig=/dev/null", "--insecure-skip-tls-verify")
    message = kubectl.refused("get", "pods", *empty, "--token=wrong")
    assert message.splitlines()[-1] == "error: You must be logged in to the server (Unauthorized)"


def test_explain_by_the_older_description(kubectl: Kubectl) -> None:
    """OpenAPI v2 comes as protobuf: all of it has to be readable."""
    lines = kubectl("explain", "deployment.spec.strategy", "--output=plaintext-openapiv2").lines
    assert lines[:2] == ["KIND:     Deployment", "VERSION:  apps/v1"]
    assert any(line.split()[:2] == ["type", "<string>"] for line in lines)
