"""Characteristic conversations are replayed as they were written down."""

from __future__ import annotations

import base64
import json
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.clients.cluster import RunningCluster
from tests.clients.dialogue import Replay

TRANSCRIPTS = sorted((Path(__file__).resolve().parents[1] / "transcripts").glob("*.yaml"))


@pytest.fixture
def contexts(cluster: RunningCluster, tmp_path: Path) -> dict[str, ssl.SSLContext]:
    """TLS as the kubeconfig has it: with its client certificate, and without one."""
    kubeconfig = json.loads(cluster.kubectl("default")("config", "view", "--raw", "-o=json").out)
    user = kubeconfig["users"][0]["user"]
    bundle = base64.b64decode(
        kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
    ).decode()
    for name in ("client-certificate", "client-key"):
        (tmp_path / name).write_bytes(base64.b64decode(user[f"{name}-data"]))
    found = {name: ssl.create_default_context(cadata=bundle) for name in ("certificate", "none")}
    found["certificate"].load_cert_chain(tmp_path / "client-certificate", tmp_path / "client-key")
    return found


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_conversation(
    path: Path, cluster: RunningCluster, contexts: dict[str, ssl.SSLContext], namespace: str
) -> None:
    # The bundle for pods comes by itself: a namespace is at rest when it is there.
    cluster.kubectl(namespace)("wait", "--for=create", "cm/kube-root-ca.crt", "--timeout=90s")
    target = urlsplit(cluster.url)
    assert target.hostname and target.port
    Replay((target.hostname, target.port), contexts, namespace).run(path)
