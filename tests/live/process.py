"""A cluster in a process of its own, started and ended by its test."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMMAND = [sys.executable, "-m", "k8slite"]
WAIT_SECONDS = 60.0  # for anything that takes a second on a computer with nothing else to do


class ClusterProcess:
    """`k8slite up` on a directory, with any free port unless the arguments say another."""

    def __init__(self, path: Path, *arguments: str) -> None:
        self.path = path
        self.process = subprocess.Popen(
            [*COMMAND, "up", "--data-dir", str(path), "--port", "0", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = ""
        self._connections: list[Api] = []

    def wait_ready(self) -> ClusterProcess:
        """Until it says where it is."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert " at https://" in line, line + self._errors()
        self.url = line.rsplit(maxsplit=1)[1]
        return self

    def kill(self) -> None:
        """No goodbye."""
        self.process.kill()
        self._reap()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """In order; the exit code."""
        self.process.send_signal(number)
        return self._reap()

    def _reap(self) -> int:
        for api in self._connections:
            api.close()
        try:
            code = self.process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            for stream in (self.process.stdout, self.process.stderr):
                if stream is not None:
                    stream.close()
        return code

    def _errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def connect(self) -> Api:
        """A connection of an administrator, which ends with the process at the latest."""
        api = Api(self.url, self.path)
        self._connections.append(api)
        return api


class Api:
    """One keep-alive connection with the admin's token."""

    def __init__(self, url: str, path: Path) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.address = (parts.hostname, parts.port)
        self.context = ssl.create_default_context(cafile=str(path / "pki" / "ca.crt"))
        token = (path / "token").read_text().strip()
        self.headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self.connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, context=self.context, timeout=WAIT_SECONDS
        )

    def raw(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Status code and body."""
        given = {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        self.connection.request(method, path, body, given)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def json(self, method: str, path: str, obj: Any = None) -> tuple[int, Any]:
        """Status code and decoded body."""
        body = None if obj is None else json.dumps(obj).encode()
        code, found = self.raw(method, path, body)
        return code, json.loads(found)

    def close(self) -> None:
        """Let the connection go."""
        self.connection.close()


@contextmanager
def running(path: Path, *arguments: str) -> Iterator[ClusterProcess]:
    """A cluster that is ready, and is gone at the end."""
    cluster = ClusterProcess(path, *arguments)
    try:
        yield cluster.wait_ready()
    finally:
        if cluster.process.returncode is None:
            cluster.stop()


def run_command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        env={**os.environ, **environment},
    )
