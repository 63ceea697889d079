"""A cluster in a process of its own, and kubectl to talk to it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

KUBECTL = Path(sys.executable).with_name("kubectl")
WAIT_SECONDS = 90.0  # for what takes a second or ten on a computer with nothing else to do
LOOK_SECONDS = 0.05


class Done:
    """What a command printed and how it ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def lines(self) -> list[str]:
        """What it printed, line by line, without spaces at their ends."""
        return [line.rstrip() for line in self.out.splitlines()]

    @property
    def rows(self) -> list[list[str]]:
        """A printed table, cell by cell."""
        return [re.split(r"\s{2,}", line.strip()) for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        """What it printed, read."""
        return json.loads(self.out)


class Kubectl:
    """The real kubectl, in one namespace of one cluster."""

    def __init__(
        self, kubeconfig: Path, cache: Path, namespace: str, program: Path = KUBECTL
    ) -> None:
        self.program = program
        self.namespace = namespace
        self.environment = {
            "KUBECONFIG": str(kubeconfig),
            "KUBECACHEDIR": str(cache),
            "HOME": str(cache),
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
        }

    def __call__(self, *arguments: str, given: str = "") -> Done:
        """Run it and expect success."""
        done = self.attempt(*arguments, given=given)
        assert done.code == 0, f"kubectl {' '.join(arguments)}: {done.err}{done.out}"
        return done

    def attempt(self, *arguments: str, given: str = "") -> Done:
        """Run it, however it ends."""
        ran = subprocess.run(
            self._command(arguments),
            input=given,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=3 * WAIT_SECONDS,
        )
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def refused(self, *arguments: str, given: str = "") -> str:
        """Run it, expect that it fails, and return what it complained."""
        done = self.attempt(*arguments, given=given)
        assert done.code != 0, f"kubectl {' '.join(arguments)} went well: {done.out}"
        return done.err.strip()

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A kubectl that goes on until the block ends."""
        with subprocess.Popen(
            self._command(arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def apply(self, *documents: str) -> Done:
        """Apply what is written out."""
        return self("apply", "-f", "-", given="\n---\n".join(documents))

    def rolled_out(self, name: str) -> None:
        """Wait for a deployment's pods, and for its old ones to be gone."""
        self("rollout", "status", f"deployment/{name}", f"--timeout={WAIT_SECONDS:.0f}s")

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [str(self.program), f"--namespace={self.namespace}", *arguments]


class RunningCluster:
    """Where a cluster's files are, and how to talk to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url: str = json.loads((path / "cluster.json").read_text())["url"]
        self._namespaces = 0

    def kubectl(self, namespace: str, program: Path = KUBECTL) -> Kubectl:
        """kubectl for a namespace, which need not exist."""
        cache = self.path.parent / program.name
        return Kubectl(self.path / "kubeconfig", cache, namespace, program)

    def new_namespace(self) -> str:
        """The name of a namespace that exists from now on."""
        self._namespaces += 1
        name = f"test-{self._namespaces}"
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.kubectl("default")("create", "-f", "-", given=json.dumps(manifest))
        return name


@contextmanager
def running_cluster(directory: Path, *arguments: str) -> Iterator[RunningCluster]:
    """`k8slite up` in a process of its own; it has to end well and without a bug."""
    path = directory / "cluster"
    command = [sys.executable, "-m", "k8slite", "up", "--port", "0", "--data-dir", str(path)]
    command += arguments
    with (
        (directory / "stderr").open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if "kubectl get nodes" in line:
                    break
            else:
                pytest.fail((directory / "stderr").read_text())
            yield RunningCluster(path)
        finally:
            process.terminate()
            code = process.wait(WAIT_SECONDS)
    complaints = (directory / "stderr").read_text()
    assert code == 0, complaints
    assert "Traceback" not in complaints and "ERROR" not in complaints, complaints


def eventually(look: Callable[[], T], *, wanted: Callable[[T], bool] = bool) -> T:
    """Look until what is seen is wanted; fail with the last sight after WAIT_SECONDS."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not wanted(seen := look()):
        assert time.monotonic() < deadline, f"still {seen!r}"
        time.sleep(LOOK_SECONDS)
    return seen


def deployment(name: str, *, replicas: int = 1, image: str = "nginx:1.29", grace: int = 0) -> str:
    """A small deployment whose pods end at once, as a user writes it."""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: {{app: {name}}}
spec:
  replicas: {replicas}
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}}}
    spec:
      terminationGracePeriodSeconds: {grace}
      containers:
      - name: web
        image: {image}
        ports:
        - containerPort: 80
"""


def pod(name: str, **spec: Any) -> str:
    """A small pod with one container, web."""
    containers = [{"name": "web", "image": "nginx:1.29"}]
    given = {"containers": containers, "terminationGracePeriodSeconds": 0} | spec
    metadata = {"name": name, "labels": {"app": name}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": given})


def config_map(name: str, **data: str) -> str:
    """A config map."""
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    return json.dumps(manifest)
