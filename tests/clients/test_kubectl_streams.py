"""exec, cp, attach and port-forward with the real kubectl, and streams of the Python client."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.clients.cluster import Kubectl, RunningCluster, deployment, eventually, pod
from tests.clients.test_programs import run

ANSWERS = json.dumps(
    [
        {"command": "pg_isready*", "output": "accepting connections\n"},
        {"command": "migrate", "output": "half", "error": "no table\n", "exitCode": 3},
    ]
)


def scripted(name: str, *, annotations: dict[str, str] | None = None, **spec: Any) -> str:
    found = json.loads(pod(name, **spec))
    found["metadata"]["annotations"] = annotations or {}
    return json.dumps(found)


@pytest.fixture
def web(kubectl: Kubectl) -> str:
    """The name of a pod that runs, with a port and a variable."""
    container = {
        "name": "web",
        "image": "nginx:1.29",
        "ports": [{"containerPort": 80}],
        "env": [{"name": "GREETING", "value": "hello"}],
    }
    notes = {"k8slite.dev/exec": ANSWERS, "k8slite.dev/http": "from the script"}
    kubectl.apply(scripted("web", annotations=notes, containers=[container]))
    kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=90s")
    return "web"


def test_exec_gives_output_errors_and_the_exit_code(kubectl: Kubectl, web: str) -> None:
    assert kubectl("exec", web, "--", "echo", "a", "b").out == "a b\n"
    done = kubectl.attempt("exec", web, "--", "sh", "-c", "echo $GREETING; echo no >&2; exit 7")
    assert (done.code, done.out) == (7, "hello\n")
    assert done.err == "no\ncommand terminated with exit code 7\n"
    done = kubectl.attempt("exec", web, "--", "migrate")
    assert (done.code, done.out) == (3, "half")
    assert done.err == "no table\ncommand terminated with exit code 3\n"
    assert kubectl("exec", web, "--", "pg_isready", "-U", "me").out == "accepting connections\n"


def test_exec_passes_on_what_it_is_given(kubectl: Kubectl, web: str) -> None:
    text = "".join(f"line {number}\n" for number in range(20_000))
    assert kubectl("exec", "-i", web, "--", "cat", given=text).out == text
    assert kubectl("exec", "-i", web, "--", "sh", given="hostname\necho $?").out == "web\n0\n"


def test_exec_refuses_what_cannot_be(kubectl: Kubectl, web: str) -> None:
    assert kubectl.refused("exec", web, "--", "mysqld").startswith(
        "error: Internal error occurred: error executing command in container: failed to exec in "
        "container: failed to start exec"
    )
    assert "container nothing is not valid for pod web" in kubectl.refused(
        "exec", web, "-c", "nothing", "--", "true"
    )
    kubectl.apply(scripted("ends", annotations={"k8slite.dev/exit-code": "1"}))
    eventually(lambda: kubectl("get", "pod/ends").rows[1][2] == "CrashLoopBackOff")
    assert 'container not found ("web")' in kubectl.refused("exec", "ends", "--", "true")
    stuck = scripted("stuck", nodeSelector={"no": "where"})
    kubectl.apply(stuck)
    assert "does not have a host assigned" in kubectl.refused("exec", "stuck", "--", "true")


@pytest.mark.parametrize("websockets", ["true", "false"])
def test_a_terminal(kubectl: Kubectl, web: str, websockets: str) -> None:
    kubectl.environment["KUBECTL_REMOTE_COMMAND_WEBSOCKETS"] = websockets
    ours, theirs = pty.openpty()
    command = kubectl._command(("exec", "-it", web, "--", "sh"))
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=kubectl.environment
    ) as process:
        os.close(theirs)
        seen = b""
        while b"/ # " not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, b"echo $GREETING\r")
        while b"hello" not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, b"exit 5\r")
        assert process.wait(20) == 5
    os.close(ours)


def test_files_are_copied_there_and_back(kubectl: Kubectl, web: str, tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "one.bin").write_bytes(bytes(range(256)) * 500)
    (tmp_path / "some" / "two.txt").write_text("two")
    kubectl("cp", str(tmp_path / "some"), f"{web}:/data")
    assert kubectl("exec", web, "--", "cat", "/data/two.txt").out == "two"
    kubectl("cp", f"{web}:/data", str(tmp_path / "back"))
    assert (tmp_path / "back" / "one.bin").read_bytes() == bytes(range(256)) * 500
    kubectl("cp", f"{web}:/data/two.txt", str(tmp_path / "two.txt"))
    assert (tmp_path / "two.txt").read_text() == "two"


def test_attach_shows_what_is_printed_until_the_end(kubectl: Kubectl) -> None:
    notes = {"k8slite.dev/log-every": "200ms", "k8slite.dev/exit-after": "3s"}
    kubectl.apply(scripted("talks", annotations=notes, restartPolicy="Never"))
    kubectl("wait", "pod/talks", "--for=condition=Ready", "--timeout=90s")
    out = kubectl("attach", "talks").out
    assert "\nline " in f"\n{out}" and "web ends with code 0" in out


def test_what_is_typed_reaches_a_container(kubectl: Kubectl) -> None:
    once = ("--rm", "-i", "--image=busybox", "--restart=Never")
    done = kubectl.attempt("run", "shell", *once, "--", "sh", given="echo $((2+3))\nexit 7\n")
    assert (done.code, done.lines[0]) == (7, "5")
    assert kubectl("run", "bare", *once, given="hostname\n").lines[0] == "bare"
    container = {"name": "web", "image": "alpine", "stdin": True, "tty": True}
    kubectl.apply(scripted("terminal", containers=[container]))
    kubectl("wait", "pod/terminal", "--for=condition=Ready", "--timeout=90s")
    ours, theirs = pty.openpty()
    command = kubectl._command(("attach", "-it", "terminal"))
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=kubectl.environment
    ) as process:
        os.close(theirs)
        seen = b""
        while b"command prompt" not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, b"echo 4$((1+1))\r")
        while b"42\r\n/ # " not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, b"exit\r")
        assert process.wait(20) == 0
    os.close(ours)
    assert "42" in kubectl("logs", "terminal", "--previous").lines


def test_ports_are_forwarded(kubectl: Kubectl, web: str) -> None:
    with kubectl.running("port-forward", web, "0:80", "0:81") as process:
        assert process.stdout is not None
        ports = {}
        while len(ports) < 2:
            line = process.stdout.readline()
            assert line.startswith("Forwarding from "), line
            if "127.0.0.1:" in line:
                here, there = line.split("127.0.0.1:")[1].split(" -> ")
                ports[there.strip()] = here
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{ports['80']}/", timeout=90) as answer:
                assert answer.read() == b"from the script"
        with pytest.raises(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{ports['81']}/", timeout=90)
        told = process.stdout.readline()
        while "error" not in told:
            told = process.stdout.readline()
        assert "127.0.0.1:81: connect: connection refused" in told


def test_a_deployment_is_forwarded_to(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("many"))
    kubectl.rolled_out("many")
    with kubectl.running("port-forward", "deployment/many", "0:80") as process:
        assert process.stdout is not None
        port = process.stdout.readline().split("127.0.0.1:")[1].split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=90) as answer:
            assert b"Welcome to nginx!" in answer.read()


@pytest.fixture
def spdy(kubectl: Kubectl) -> Kubectl:
    """As all kubectls before 1.31, and programs with client-go's SPDY executor, stream."""
    for feature in ("REMOTE_COMMAND", "PORT_FORWARD"):
        kubectl.environment[f"KUBECTL_{feature}_WEBSOCKETS"] = "false"
    return kubectl


def test_exec_over_spdy(spdy: Kubectl, web: str) -> None:
    done = spdy.attempt("exec", web, "--", "migrate")
    assert (done.code, done.out) == (3, "half")
    assert done.err == "no table\ncommand terminated with exit code 3\n"
    text = "".join(f"line {number}\n" for number in range(20_000))
    assert spdy("exec", "-i", web, "--", "cat", given=text).out == text
    # What nobody reads keeps nobody from ending.
    assert spdy("exec", "-i", web, "--", "echo", "a", given=text).out == "a\n"
    assert "failed to start exec" in spdy.refused("exec", web, "--", "mysqld")


def test_attach_and_a_forwarded_port_over_spdy(spdy: Kubectl, web: str) -> None:
    notes = {"k8slite.dev/log-every": "200ms", "k8slite.dev/exit-after": "2s"}
    spdy.apply(scripted("talks", annotations=notes, restartPolicy="Never"))
    spdy("wait", "pod/talks", "--for=condition=Ready", "--timeout=90s")
    assert "web ends with code 0" in spdy("attach", "talks").out
    with spdy.running("port-forward", web, "0:80") as process:
        assert process.stdout is not None
        port = process.stdout.readline().split("127.0.0.1:")[1].split()[0]
        for _ in range(2):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=90) as answer:
                assert answer.read() == b"from the script"


def test_streams_of_the_python_client(
    cluster: RunningCluster, kubectl: Kubectl, namespace: str, web: str
) -> None:
    assert run(cluster, "kubernetes_streams", namespace) == [
        "echo: hi",
        "migrate: half no table 3",
        "shell: web",
        "forward: from the script",
    ]


def test_a_token_is_mounted_that_the_api_knows(kubectl: Kubectl) -> None:
    """As upstream: of the pod's account, bound to the pod, with the CA and the namespace."""
    kubectl.apply(
        pod("asks", containers=[{"name": "c", "image": "busybox", "args": ["sleep", "99"]}])
    )
    kubectl("wait", "pod/asks", "--for=condition=Ready", "--timeout=90s")
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert kubectl("exec", "asks", "--", "cat", f"{folder}/namespace").out == kubectl.namespace
    assert "BEGIN CERTIFICATE" in kubectl("exec", "asks", "--", "cat", f"{folder}/ca.crt").out
    token = kubectl("exec", "asks", "--", "cat", f"{folder}/token").out
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token},
    }
    found = kubectl("create", "-f", "-", "-o", "json", given=json.dumps(review)).json["status"]
    assert found["authenticated"]
    assert found["user"]["username"] == f"system:serviceaccount:{kubectl.namespace}:default"
    assert found["user"]["extra"]["authentication.kubernetes.io/pod-name"] == ["asks"]
