"""The commands as a user expects them: start, look, copy, put back, stop, delete."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.live.process import WAIT_SECONDS, Api, ClusterProcess, run_command, running

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"


def _done(*arguments: str, **environment: str) -> str:
    result = run_command(*arguments, **environment)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def test_a_named_cluster_lives_from_up_to_reset(tmp_path: Path) -> None:
    home = {"K8SLITE_HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "mine")}
    said = _done("up", "--name", "one", "--port", "0", "--nodes", "1", "--detach", **home)
    try:
        assert "Kubernetes 1.37 with 1 node at https://127.0.0.1:" in said
        status = _done("status", "--name", "one", **home)
        assert "ready: yes" in status and "kubelet: running" in status
        config = json.loads(_done("kubeconfig", "--name", "one", **home))
        assert config["current-context"] == "k8slite-one"
        _done("kubeconfig", "--name", "one", "--merge", **home)
        assert "current-context: k8slite-one" in (tmp_path / "mine").read_text()
        backup = str(tmp_path / "copy")
        assert "revision" in _done("backup", "--name", "one", backup, **home)
        again = run_command("backup", "--name", "one", backup, **home)
        assert again.returncode == 1 and again.stderr.count("\n") == 1
        in_use = run_command("restore", "--name", "one", backup, **home)
        assert in_use.returncode == 1 and "in use" in in_use.stderr
    finally:
        _done("down", "--name", "one", **home)
    assert run_command("status", "--name", "one", **home).returncode == 1
    assert run_command("down", "--name", "one", **home).returncode == 1
    _done("restore", "--name", "one", backup, **home)
    _done("reset", "--name", "one", **home)
    assert not (tmp_path / "one").exists()


def test_clusters_live_side_by_side_and_a_signal_ends_each_in_order(tmp_path: Path) -> None:
    with running(tmp_path / "a", "--nodes", "0") as a, running(tmp_path / "b") as b:
        for cluster in (a, b):
            assert cluster.connect().raw("GET", "/readyz") == (200, b"ok")
        assert a.stop(signal.SIGINT) == 0
        assert b.connect().raw("GET", "/readyz")[0] == 200
        assert b.stop(signal.SIGTERM) == 0
    assert not (tmp_path / "a" / "cluster.json").exists()


def _until(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_restart_goes_on_where_the_last_run_stopped(tmp_path: Path) -> None:
    container = {"name": "c", "image": "nginx"}
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [container]}}
    with running(tmp_path / "d") as first:
        api = first.connect()
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        _until(lambda: api.json("GET", account)[0] == 200)
        assert api.json("POST", PODS, pod)[0] == 201
        _until(lambda: api.json("GET", f"{PODS}/p")[1]["status"]["phase"] == "Running")
        before = api.json("GET", f"{PODS}/p")[1]
        api.close()
    authority = (tmp_path / "d" / "pki" / "ca.crt").read_bytes()
    with running(tmp_path / "d") as second:
        assert (tmp_path / "d" / "pki" / "ca.crt").read_bytes() == authority
        api = second.connect()
        after = api.json("GET", f"{PODS}/p")[1]
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"]["nodeName"] == before["spec"]["nodeName"]
        endpoints = api.json("GET", "/api/v1/namespaces/default/endpoints/kubernetes")[1]
        assert endpoints["subsets"][0]["ports"][0]["port"] == api.address[1]
        config = json.loads((tmp_path / "d" / "kubeconfig").read_text())
        assert config["clusters"][0]["cluster"]["server"] == second.url
        _until(
            lambda: (
                [
                    condition["status"]
                    for node in api.json("GET", "/api/v1/nodes")[1]["items"]
                    for condition in node["status"]["conditions"]
                    if condition["type"] == "Ready"
                ]
                == ["True"] * 3
            )
        )
        assert api.json("DELETE", f"{PODS}/p")[0] == 200
        _until(lambda: api.json("GET", f"{PODS}/p")[0] == 404)
        api.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_ends_it_in_order(tmp_path: Path, number: int) -> None:
    cluster = ClusterProcess(tmp_path / "d")
    # The state is written when the signals have been taken over.
    _until(lambda: (tmp_path / "d" / "cluster.json").exists())
    code = cluster.stop(number)
    assert code in (0, 128 + number)  # it may have become ready in this moment
    assert not (tmp_path / "d" / "cluster.json").exists()
    with running(tmp_path / "d") as again:
        assert again.connect().raw("GET", "/readyz")[0] == 200


def test_a_memory_store_leaves_no_store_behind(tmp_path: Path) -> None:
    with running(tmp_path / "d", "--store", "memory", "--nodes", "0") as cluster:
        assert cluster.connect().raw("GET", "/readyz")[0] == 200
    assert not (tmp_path / "d" / "store.db").exists()


def test_an_older_version_says_so(tmp_path: Path) -> None:
    with running(tmp_path / "d", "--kubernetes-version", "v1.31.4", "--nodes", "0") as cluster:
        assert cluster.connect().json("GET", "/version")[1]["minor"] == "31"


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="this computer has no IPv6")
@pytest.mark.parametrize("bind", ["::1", "::"])
def test_it_listens_on_ipv6(tmp_path: Path, bind: str) -> None:
    with running(tmp_path / "d", "--bind", bind, "--nodes", "0") as cluster:
        assert cluster.url.startswith("https://[::1]:")
        assert cluster.connect().raw("GET", "/readyz")[0] == 200


def test_a_bound_name_has_one_port(tmp_path: Path) -> None:
    with running(tmp_path / "d", "--bind", "localhost", "--nodes", "0") as cluster:
        assert cluster.connect().raw("GET", "/readyz")[0] == 200


def test_the_admin_is_known_by_certificate_and_by_token_and_others_are_not(tmp_path: Path) -> None:
    with running(tmp_path / "d", "--nodes", "0") as cluster:
        pki = tmp_path / "d" / "pki"
        assert oct(os.stat(pki / "ca.key").st_mode)[-3:] == "600"
        assert oct(os.stat(tmp_path / "d" / "kubeconfig").st_mode)[-3:] == "600"
        by_certificate = Api(cluster.url, tmp_path / "d")
        del by_certificate.headers["authorization"]
        by_certificate.context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        assert by_certificate.raw("GET", "/api/v1/nodes")[0] == 200
        by_certificate.close()
        stranger = cluster.connect()
        stranger.headers["authorization"] = "Bearer nobody"
        assert stranger.raw("GET", "/api/v1/nodes")[0] == 401


def test_down_stops_a_cluster_that_still_starts(tmp_path: Path) -> None:
    cluster = ClusterProcess(tmp_path / "d")
    _until(lambda: (tmp_path / "d" / "cluster.json").exists())
    _done("down", "--data-dir", str(tmp_path / "d"))
    assert cluster.process.wait(WAIT_SECONDS) in (0, 128 + signal.SIGTERM)
    assert cluster._reap() is not None


def test_a_detached_cluster_outlives_its_terminal_and_keeps_a_log(tmp_path: Path) -> None:
    path = str(tmp_path / "d")
    _done("up", "--data-dir", path, "--port", "0", "--nodes", "0", "--detach")
    pid = json.loads((tmp_path / "d" / "cluster.json").read_text())["pid"]
    try:
        assert os.getsid(pid) == pid  # no terminal's hang-up reaches it
        assert "Kubernetes 1.37" in (tmp_path / "d" / "log").read_text()
        twice = run_command("up", "--data-dir", path, "--port", "0", "--detach")
        assert (twice.returncode, twice.stdout) == (1, "")
        assert f"in use by process {pid}" in twice.stderr
        assert "Kubernetes 1.37" in (tmp_path / "d" / "log").read_text()
    finally:
        _done("down", "--data-dir", path)


def test_only_the_asked_command_is_imported() -> None:
    code = (
        "import sys; from k8slite.cli import main\n"
        "try: main(['down', '--help'])\n"
        "finally: print('k8slite.cli.up' in sys.modules, 'trio' in sys.modules)"
    )
    from tests.live.process import COMMAND

    result = subprocess.run([COMMAND[0], "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout.endswith("False False\n")
