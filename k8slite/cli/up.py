"""`k8slite up`: start a cluster, in this process or detached from the terminal."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from k8slite.cli import api_server, auditing, authentication, place
from k8slite.cli.place import Complaint
from k8slite.cli.scheduler_config import scheduler_configuration
from k8slite.live.data_directory import DirectoryInUse, ForeignDirectory

if TYPE_CHECKING:
    from k8slite.faults.plan import Plan
    from k8slite.live.run import Running, Wanted

# A log that is longer when a cluster is started is begun anew.
_LOG_MOST_BYTES: Final = 16 * 1024 * 1024

# New objects that start a collection of the youngest (CPython's own choice is 700).
_YOUNG_OBJECTS: Final = 20_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `up` takes."""
    place.arguments(parser)
    parser.add_argument("--nodes", type=int, default=3, help="how many nodes (default: 3)")
    parser.add_argument("--runtime", choices=["fake"], default="fake", help="what runs containers")
    parser.add_argument("--store", choices=["sqlite", "memory"], default="sqlite")
    parser.add_argument("--port", type=int, default=6443, help="0 takes any free one")
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--controllers",
        default="*",
        metavar="NAMES",
        help="which controllers run, by commas: * for all, NAME for one, -NAME for all but one",
    )
    parser.add_argument(
        "--leader-elect",
        action="store_true",
        help="controllers and scheduler work only while they hold their leases",
    )
    parser.add_argument(
        "--scheduler-config",
        default="",
        metavar="FILE",
        help="a KubeSchedulerConfiguration: profiles, plugins and their arguments",
    )
    parser.add_argument("--kubernetes-version", default="1.37", metavar="1.NN")
    parser.add_argument(
        "--faults", type=Path, metavar="PLAN", help="what goes wrong for clients, and when (YAML)"
    )
    parser.add_argument(
        "--record", type=Path, metavar="DIR", help="write down all that happens, for `replay`"
    )
    parser.add_argument("--detach", action="store_true", help="return when the API is ready")
    parser.add_argument("--ready-fd", type=int, default=-1, help=argparse.SUPPRESS)
    api_server.FLAGS.add_to(parser)
    authentication.FLAGS.add_to(parser)
    auditing.FLAGS.add_to(parser)


def run(parsed: argparse.Namespace) -> int:
    """Start the cluster."""
    minor = _minor(parsed.kubernetes_version)
    if parsed.nodes < 0:
        raise Complaint("--nodes cannot be negative")
    if not 0 <= parsed.port <= 65535:
        raise Complaint(f"--port {parsed.port} is not a port")
    faults = _plan(parsed.faults) if parsed.faults else None
    if parsed.detach:
        return _detached(parsed)
    # A collector that runs while some hundred modules are loaded finds nothing to collect.
    gc.disable()
    # What `up` needs is imported here, so that the other commands start at once.
    import sqlite3

    import trio

    from k8slite.cluster import Settings
    from k8slite.live.recording import NotEmpty
    from k8slite.live.run import PortTaken, Wanted
    from k8slite.live.run import run as run_cluster
    from k8slite.store.store import StoreError

    scheduling = scheduler_configuration(parsed.scheduler_config)
    try:
        names = parsed.controllers.split(",")
        settings = Settings(
            minor=minor,
            nodes=parsed.nodes,
            controllers=names,
            scheduler_configuration=scheduling,
            leader_elect=parsed.leader_elect,
            legacy_tokens_unused=api_server.legacy_tokens_unused(parsed),
            cross_origin=api_server.cross_origin(parsed),
        )
    except ValueError as error:
        raise Complaint(f"--controllers: {error}") from None
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    wanted = Wanted(
        place.directory(parsed).path,
        place.context_name(parsed),
        parsed.bind,
        parsed.port,
        parsed.store,
        settings,
        auditing.auditing(parsed),
        api_server.front_proxies(parsed),
        authentication.asked(parsed),
        faults,
        parsed.record,
    )

    async def live() -> int:
        early = await run_cluster(wanted, lambda running: _say_ready(parsed, wanted, running))
        return 128 + early if early else 0

    code = 1
    try:
        code = trio.run(live)
    except* (
        *(DirectoryInUse, ForeignDirectory, PortTaken, StoreError, NotEmpty),
        *(OSError, ValueError, sqlite3.Error),
    ) as group:
        raise Complaint(place.reason(group)) from None
    return code


def _say_ready(parsed: argparse.Namespace, wanted: Wanted, running: Running) -> None:
    # What has been loaded stays, and need not be looked at again.
    gc.freeze()
    # Full collections are rarer than CPython would have them: each looks at every object of the
    # cluster and stops all actors meanwhile (measured: 420 pods/s instead of 320).
    gc.set_threshold(_YOUNG_OBJECTS, 20, 100)
    gc.enable()
    nodes = wanted.settings.nodes
    noun = "node" if nodes == 1 else "nodes"
    print(f"Kubernetes 1.{wanted.settings.minor} with {nodes} {noun} at {running.url}")
    print(f"  export KUBECONFIG={shlex.quote(str(running.directory.kubeconfig))}")
    print("  kubectl get nodes", flush=True)
    if parsed.ready_fd >= 0:
        os.write(parsed.ready_fd, b"ready\n")
        os.close(parsed.ready_fd)


def _detached(parsed: argparse.Namespace) -> int:
    """Start a process of its own and wait until it says that the API is ready."""
    directory = place.directory(parsed)
    try:
        directory.claim()
        log = _opened_log(directory.log)
    except (ForeignDirectory, OSError) as error:
        raise Complaint(place.reason(error)) from None
    reading, writing = os.pipe()
    with log, os.fdopen(reading) as pipe:
        begin = log.tell()
        child = subprocess.Popen(
            _command(parsed, writing, str(directory.path)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writing],
            start_new_session=True,
            # A single executable would else go on with the files that this process unpacked.
            env={**os.environ, "PYINSTALLER_RESET_ENVIRONMENT": "1"},
        )
        os.close(writing)
        try:
            # A line, not all of it: a single executable's loader keeps the pipe open.
            ready = pipe.readline() == "ready\n"
        except KeyboardInterrupt:
            child.terminate()
            child.wait()
            raise
    with directory.log.open(errors="replace") as file:
        file.seek(begin)
        text = file.read()
    if not ready:
        child.wait()
        lines = text.strip().splitlines() or ["the cluster ended without a word"]
        raise Complaint(lines[-1].removeprefix("k8slite: "))
    print(text, end="")
    child.returncode = 0  # it is nobody's child any more: nothing is to be waited for
    return 0


def _plan(path: Path) -> Plan:
    from k8slite.faults.files import read_plan
    from k8slite.live.wire_faults import playable

    try:
        return playable(read_plan(path.read_bytes()))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Complaint(f"--faults {path}: {why}") from None


def _opened_log(path: Path) -> BinaryIO:
    """The log, to write on at its end; begun anew when it has become too long."""
    log = path.open("ab")
    if log.tell() > _LOG_MOST_BYTES:
        log.truncate(0)
    return log


def _command(parsed: argparse.Namespace, ready_fd: int, path: str) -> list[str]:
    itself = [sys.executable, "-m", "k8slite"]
    if getattr(sys, "frozen", False):
        itself = [sys.executable]  # a single executable starts itself
    files = [f"--faults={parsed.faults.absolute()}"] if parsed.faults else []
    files += [f"--record={parsed.record.absolute()}"] if parsed.record else []
    return [
        *itself,
        "up",
        *files,
        f"--ready-fd={ready_fd}",
        f"--name={parsed.name}",
        f"--data-dir={path}",
        f"--nodes={parsed.nodes}",
        f"--runtime={parsed.runtime}",
        f"--store={parsed.store}",
        f"--port={parsed.port}",
        f"--bind={parsed.bind}",
        f"--controllers={parsed.controllers}",
        f"--scheduler-config={parsed.scheduler_config}",
        *(["--leader-elect"] if parsed.leader_elect else []),
        f"--kubernetes-version={parsed.kubernetes_version}",
        *api_server.FLAGS.given(parsed),
        *authentication.FLAGS.given(parsed),
        *auditing.FLAGS.given(parsed),
    ]


def _minor(text: str) -> int:
    from k8slite.kinds.table import NEWEST_MINOR, OLDEST_MINOR

    found = re.fullmatch(r"v?1\.(\d+)(\.\d+)?", text)
    if found is None or not OLDEST_MINOR <= int(found[1]) <= NEWEST_MINOR:
        raise Complaint(
            f"--kubernetes-version {text} is not one of 1.{OLDEST_MINOR} to 1.{NEWEST_MINOR}"
        )
    return int(found[1])
