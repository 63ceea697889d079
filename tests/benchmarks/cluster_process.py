"""A cluster in a process of its own, as `k8slite up` starts it, for as long as a block lasts.

The environment's K8SLITE_COMMAND names another build to be measured (`dist/k8slite`, say); without
it this checkout is.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

START_SECONDS: Final = 30.0  # how long a cluster may take to become ready
STOP_SECONDS: Final = 15.0  # how long it may take to end, before it is killed
LOOK_SECONDS: Final = 0.005  # between two looks whether it is ready: the figure's precision
PLACE: Final = Path("build")  # on the checkout's disk, since a commit on tmpfs costs nothing


@frozen
class ClusterProcess:
    """A cluster that is ready."""

    pid: int
    url: str
    directory: Path
    ready_seconds: float  # from the process's start to the first 200 of /readyz

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def token(self) -> str:
        return (self.directory / "token").read_text().strip()

    def context(self) -> ssl.SSLContext:
        """What a client needs to trust it."""
        return ssl.create_default_context(cafile=str(self.directory / "pki" / "ca.crt"))

    def resident_megabytes(self) -> float:
        """Memory that it has in use now (VmRSS)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise ValueError(f"/proc/{self.pid}/status has no VmRSS")

    def cpu_seconds(self) -> float:
        """Processor time that it has used so far, in user and system mode."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def cluster_process(*arguments: str) -> Iterator[ClusterProcess]:
    """Start `k8slite up` on an empty directory, wait for /readyz; stop it at the block's end."""
    command = shlex.split(os.environ.get("K8SLITE_COMMAND", f"{sys.executable} -m k8slite"))
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=PLACE) as folder:
        directory = Path(folder).absolute()
        with (directory / "said").open("wb") as said:
            began = time.monotonic()
            process = subprocess.Popen(
                [*command, "up", "--port", "0", "--data-dir", str(directory), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            try:
                url = _ready(process, directory, began)
                yield ClusterProcess(process.pid, url, directory, time.monotonic() - began)
            finally:
                _stop(process)


def _ready(process: subprocess.Popen[bytes], directory: Path, began: float) -> str:
    """Wait for the file that says where it listens, then for /readyz; the URL."""
    opener = None
    url = ""
    while time.monotonic() - began < START_SECONDS:
        if process.poll() is not None:
            raise RuntimeError(f"the cluster ended: {(directory / 'said').read_text()}")
        if opener is None and (url := _url(directory)):
            context = ssl.create_default_context(cafile=str(directory / "pki" / "ca.crt"))
            opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
            )
        if opener is not None:
            try:
                with opener.open(f"{url}/readyz", timeout=5) as response:
                    if response.status == 200:
                        return url
            except urllib.error.HTTPError as error:
                error.close()  # not ready yet
        time.sleep(LOOK_SECONDS)
    raise TimeoutError(f"not ready after {START_SECONDS:.0f} s")


def _url(directory: Path) -> str:
    """Where the cluster says that it listens; "" as long as it does not."""
    try:
        url: str = json.loads((directory / "cluster.json").read_bytes()).get("url", "")
    except FileNotFoundError:
        return ""
    return url


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
