"""The client library for JavaScript: an informer, patches, apply, exec and logs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.cluster import Kubectl, RunningCluster, pod
from tests.clients.from_npm import NODE_MODULES

PROGRAM = Path(__file__).parent / "programs" / "informer.mjs"
SECONDS = 60


def test_a_program_in_javascript(cluster: RunningCluster, kubectl: Kubectl, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not NODE_MODULES.exists():
        pytest.skip("there is no Node.js, or not its client: `make clients` gets it")
    kubectl.apply(pod("web"))
    kubectl("wait", "pod/web", "--for=condition=Ready", f"--timeout={SECONDS}s")
    # A module finds others beside itself or above.
    program = shutil.copy(PROGRAM, tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    done = subprocess.run(
        [node, str(program), kubectl.namespace],
        env={**os.environ, "KUBECONFIG": str(cluster.path / "kubeconfig")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == [
        'add: from-node {"a":"1"}',
        'update: from-node {"a":"2"}',
        'update: from-node {"a":"2","b":"3"}',
        'delete: from-node {"a":"2","b":"3"}',
        'owned: {"f:data":{"f:b":{}}}',
        'refused: 404 configmaps "from-node" not found',
        "exec: Success spoken",
        "log: k8slite: web starts, run 0 of nginx:1.29",
    ]
