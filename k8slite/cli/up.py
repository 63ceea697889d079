"""`k8slite up`: start a cluster, in this process or detached from the terminal."""

from __future__ import annotations

import argparse
import logging
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from k8slite.cli import place
from k8slite.cli.place import Complaint

if TYPE_CHECKING:
    from k8slite.live.run import Running, Wanted


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `up` takes."""
    place.arguments(parser)
    parser.add_argument("--nodes", type=int, default=3, help="how many nodes (default: 3)")
    parser.add_argument("--runtime", choices=["fake"], default="fake", help="what runs containers")
    parser.add_argument("--store", choices=["sqlite", "memory"], default="sqlite")
    parser.add_argument("--port", type=int, default=6443, help="0 takes any free one")
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--kubernetes-version", default="1.37", metavar="1.NN")
    parser.add_argument("--detach", action="store_true", help="return when the API is ready")
    parser.add_argument("--ready-fd", type=int, default=-1, help=argparse.SUPPRESS)


def run(parsed: argparse.Namespace) -> int:
    """Start the cluster."""
    minor = _minor(parsed.kubernetes_version)
    if parsed.nodes < 0:
        raise Complaint("--nodes cannot be negative")
    if not 0 <= parsed.port <= 65535:
        raise Complaint(f"--port {parsed.port} is not a port")
    if parsed.detach:
        return _detached(parsed)
    # What `up` needs is imported here, so that the other commands start at once.
    import trio

    from k8slite.cluster import Settings
    from k8slite.live.data_directory import DirectoryInUse
    from k8slite.live.run import PortTaken, Wanted
    from k8slite.live.run import run as run_cluster
    from k8slite.store.store import StoreError

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    wanted = Wanted(
        place.directory(parsed).path,
        place.context_name(parsed),
        parsed.bind,
        parsed.port,
        parsed.store,
        Settings(minor=minor, nodes=parsed.nodes),
    )

    async def live() -> None:
        await run_cluster(wanted, lambda running: _say_ready(parsed, wanted, running))

    try:
        trio.run(live)
    except* (DirectoryInUse, PortTaken, StoreError, OSError, ValueError) as group:
        raise Complaint(_first_line(group)) from None
    return 0


def _say_ready(parsed: argparse.Namespace, wanted: Wanted, running: Running) -> None:
    if parsed.ready_fd >= 0:
        os.write(parsed.ready_fd, b"ready\n")
        os.close(parsed.ready_fd)
    nodes = wanted.settings.nodes
    print(f"Kubernetes 1.{wanted.settings.minor} with {nodes} nodes at {running.url}")
    print(f"  export KUBECONFIG={running.directory.kubeconfig}")
    print("  kubectl get nodes", flush=True)


def _detached(parsed: argparse.Namespace) -> int:
    """Start a process of its own and wait until it says that the API is ready."""
    directory = place.directory(parsed)
    try:
        directory.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = directory.log.open("wb") if not directory.running() else None
    except OSError as error:
        raise Complaint(f"{error.strerror}: {error.filename}") from None
    if log is None:
        raise Complaint(f"{directory.path} is in use by a running cluster; `k8slite down` stops it")
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "k8slite"]
    if getattr(sys, "frozen", False):
        command = [sys.executable]  # a single executable starts itself
    command += ["up", "--ready-fd", str(writing), "--name", parsed.name]
    command += ["--data-dir", str(directory.path), "--nodes", str(parsed.nodes)]
    command += ["--store", parsed.store, "--port", str(parsed.port), "--bind", parsed.bind]
    command += ["--kubernetes-version", parsed.kubernetes_version]
    with log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writing],
            start_new_session=True,
        )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        ready = pipe.read() == "ready\n"
    text = directory.log.read_text(errors="replace")
    if not ready:
        child.wait()
        lines = text.strip().splitlines() or ["the cluster ended without a word"]
        raise Complaint(lines[-1].removeprefix("k8slite: "))
    print(text, end="")
    return 0


def _minor(text: str) -> int:
    from k8slite.kinds.table import NEWEST_MINOR, OLDEST_MINOR

    found = re.fullmatch(r"v?1\.(\d+)(\.\d+)?", text)
    if found is None or not OLDEST_MINOR <= int(found[1]) <= NEWEST_MINOR:
        raise Complaint(
            f"--kubernetes-version {text} is not one of 1.{OLDEST_MINOR} to 1.{NEWEST_MINOR}"
        )
    return int(found[1])


def _first_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error).splitlines()[0] if str(error) else type(error).__name__
