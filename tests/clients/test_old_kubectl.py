"""A kubectl of seven minor versions ago, which knows nothing of what came since."""

from __future__ import annotations

import urllib.request

import pytest

from tests.clients.cluster import Kubectl, RunningCluster, config_map, deployment, pod
from tests.clients.from_npm import OLD_KUBECTL


@pytest.fixture
def kubectl(cluster: RunningCluster, namespace: str) -> Kubectl:
    if not OLD_KUBECTL.exists():
        pytest.skip("there is no old kubectl: `make clients` gets it")
    return cluster.kubectl(namespace, OLD_KUBECTL)


def test_its_version(kubectl: Kubectl) -> None:
    done = kubectl("version")
    assert "Client Version: v1.30.0" in done.lines and "Server Version: v1.37.0" in done.lines
    assert "exceeds the supported minor version skew" in done.err


def test_a_deployment_is_applied_changed_and_rolled_back(kubectl: Kubectl) -> None:
    assert kubectl.apply(deployment("web")).lines == ["deployment.apps/web created"]
    kubectl.rolled_out("web")
    kubectl("set", "image", "deployment/web", "web=nginx:1.30")
    kubectl.rolled_out("web")
    kubectl("rollout", "undo", "deployment/web")
    kubectl.rolled_out("web")
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl("get", "deployment", "web", "-o", image).out == "nginx:1.29"
    assert kubectl("get", "deployment", "web").rows[1][:4] == ["web", "1/1", "1", "1"]


def test_apply_by_the_server_and_its_difference(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "-f", "-", given=config_map("one", a="1"))
    changed = config_map("one", a="2")
    difference = kubectl.attempt("diff", "--server-side", "-f", "-", given=changed)
    assert difference.code == 1
    assert {'-  a: "1"', '+  a: "2"'} <= set(difference.lines)


def test_explain_and_kinds(kubectl: Kubectl) -> None:
    assert "strategy\t<DeploymentStrategy>" in kubectl("explain", "deployment.spec").out
    assert "deployments.apps" in kubectl("api-resources", "-o", "name").lines


def test_a_command_in_a_container(kubectl: Kubectl) -> None:
    kubectl.apply(pod("web"))
    kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=90s")
    assert kubectl("exec", "-i", "web", "--", "cat", given="spoken").out == "spoken"
    refused = kubectl.attempt("exec", "web", "--", "no-such-program")
    assert refused.code != 0 and "no-such-program" in refused.err


def test_a_port_is_forwarded(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web"))
    kubectl.rolled_out("web")
    with kubectl.running("port-forward", "deployment/web", "0:80") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Forwarding from 127.0.0.1:"), line
        port = line.split("127.0.0.1:")[1].split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=90) as answer:
            assert b"Welcome to nginx!" in answer.read()
