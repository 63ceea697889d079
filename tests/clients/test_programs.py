"""Small real programs, each written with another of Python's Kubernetes clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.cluster import KUBECTL, Kubectl, RunningCluster, eventually

PROGRAMS = Path(__file__).parent / "programs"
SECONDS = 90
GREETINGS = "greetings.example.com"
_PACKAGES = {"asyncio_watch": "kubernetes_asyncio", "shipped_suite": "kubernetes.dynamic"}


def environment(cluster: RunningCluster) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(cluster.path / "kubeconfig")}


def run(
    cluster: RunningCluster, program: str, *arguments: str, seconds: float = SECONDS
) -> list[str]:
    """What a program prints, line by line; it has to end well."""
    pytest.importorskip(_PACKAGES.get(program, program.partition("_")[0]))
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / f"{program}.py"), *arguments],
        env=environment(cluster),
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_lightkube_applies(cluster: RunningCluster, namespace: str) -> None:
    assert run(cluster, "lightkube_apply", namespace) == [
        'conflict: Apply failed with 1 conflict: conflict with "one": .data.a',
        "data: [('a', '2'), ('b', '1'), ('c', '1')]",
        "data: [('a', '2'), ('b', '2'), ('c', '1')]",
        "managers: ['one', 'two']",
        "event: ADDED shared",
    ]


def test_kr8s_waits(cluster: RunningCluster, namespace: str) -> None:
    assert run(cluster, "kr8s_wait", namespace) == ["ready: True", "pods: 3", "gone: True"]


def test_the_asyncio_client_watches(cluster: RunningCluster, namespace: str) -> None:
    assert run(cluster, "asyncio_watch", namespace) == [
        "ADDED {'a': '1'}",
        "MODIFIED {'a': '2'}",
        "DELETED {'a': '2'}",
    ]


def greeting(text: str) -> str:
    return json.dumps(
        {
            "apiVersion": "example.com/v1",
            "kind": "Greeting",
            "metadata": {"name": "g"},
            "spec": {"text": text},
        }
    )


def definition() -> str:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    text = {"type": "object", "properties": {"text": {"type": "string"}}}
    schema = {"type": "object", "properties": {"spec": text, "status": free}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    return json.dumps(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": GREETINGS},
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"kind": "Greeting", "plural": "greetings"},
                "versions": [version],
            },
        }
    )


@contextmanager
def operator(cluster: RunningCluster, namespace: str, log: Path) -> Iterator[None]:
    command = [str(KUBECTL.with_name("kopf")), "run", "--namespace", namespace]
    program = str(PROGRAMS / "kopf_operator.py")
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*command, program], env=environment(cluster), stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            process.wait(SECONDS)


def test_an_operator_of_kopf(cluster: RunningCluster, kubectl: Kubectl, tmp_path: Path) -> None:
    pytest.importorskip("kopf")

    def text() -> Any:
        path = "jsonpath={.data.text}"
        return kubectl("get", "configmap", "g", "--ignore-not-found", "-o", path).out

    def ticks() -> int:
        return int(kubectl("get", "greeting", "g", "-o", "jsonpath={.status.ticks}").out or 0)

    kubectl("create", "-f", "-", given=definition())
    kubectl("wait", "--for=condition=Established", f"crd/{GREETINGS}", "--timeout=90s")
    with operator(cluster, kubectl.namespace, tmp_path / "log"):
        kubectl("apply", "-f", "-", given=greeting("hi"))
        eventually(text, wanted=lambda found: found == "hi")
        eventually(ticks, wanted=lambda count: count > 1)
        kubectl("apply", "-f", "-", given=greeting("bye"))
        eventually(text, wanted=lambda found: found == "bye")
        kubectl("delete", "greeting", "g", f"--timeout={SECONDS}s")
        assert "configmap/g-was-here" in kubectl("get", "configmaps", "-o", "name").lines
    kubectl("delete", "crd", GREETINGS, "--timeout=60s")


def test_the_suite_that_the_dynamic_client_ships(cluster: RunningCluster, namespace: str) -> None:
    """What does not pass asks for what no Kubernetes since 1.22 has, or for what cannot be."""
    ran, *failed = run(cluster, "shipped_suite", namespace)
    assert ran == "ran 14"
    names = {line.partition(" ")[0] for line in failed}
    old = [line for line in failed if "apiextensions.k8s.io/v1beta1" in line]
    assert len(old) == 3  # definitions of custom resources in their first version
    assert names - {line.partition(" ")[0] for line in old} == {
        "test_cache_decoder_resource_and_subresource"  # compares objects that have no equality
    }
