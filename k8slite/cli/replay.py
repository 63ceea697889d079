"""`k8slite replay DIR`: a recorded cluster as it was at any moment, to be looked at."""

from __future__ import annotations

import argparse
import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from k8slite.cli.place import Complaint, reason

if TYPE_CHECKING:
    from k8slite.live.recorded import Recorded

_BODY_MOST: Final = 200  # characters of a refusal that are printed


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `replay` takes."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="what `up --record` wrote to")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--revision", type=int, help="as of this resourceVersion (default: the last)")
    when.add_argument("--time", help="as of this moment (2026-01-31T12:00:00Z)")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--print", action="store_true", help="print what happened, serve nothing")


def run(parsed: argparse.Namespace) -> int:
    """Serve the past until interrupted, or print it."""
    from k8slite.live.recorded import BadRecord, Recorded

    try:
        recorded = Recorded.read(parsed.directory)
        past = recorded.until(parsed.revision, _moment(parsed.time))
    except (BadRecord, OSError) as error:
        raise Complaint(reason(error)) from None
    if parsed.print:
        return _print(recorded, past.revision)
    import trio

    from k8slite.live.data_directory import DirectoryInUse, ForeignDirectory
    from k8slite.live.run import PortTaken, Wanted
    from k8slite.live.run import run as run_cluster

    wanted = Wanted.of_past(parsed.directory / "replay", parsed.port, recorded.minor, past)

    def ready(running: Any) -> None:
        print(f"Revision {past.revision} of {past.moment:%Y-%m-%d %H:%M:%S} at {running.url}")
        print(f"  export KUBECONFIG={shlex.quote(str(running.directory.kubeconfig))}")
        print("  kubectl get pods -A", flush=True)

    try:
        early = trio.run(run_cluster, wanted, ready)
    except* (DirectoryInUse, ForeignDirectory, PortTaken, OSError, ValueError) as group:
        raise Complaint(reason(group)) from None
    return 128 + early if early else 0


def _moment(text: str | None) -> datetime | None:
    from k8slite.objects.meta import parse_timestamp

    try:
        return parse_timestamp(text) if text is not None else None
    except ValueError:
        raise Complaint(f"--time {text} is not a moment as 2026-01-31T12:00:00Z is") from None


def _print(recorded: Recorded, revision: int) -> int:
    """One line a commit, request and answer, up to a revision."""
    for one in recorded.entries:
        if one["type"] == "commit":
            if one["revision"] > revision:
                break
            change = "deleted" if one["value"] is None else "written"
            print(f"{one['time']}  {one['revision']:>8}  {one['key']} {change}")
        elif one["type"] == "request":
            query = "&".join(f"{key}={value}" for key, value in one["query"])
            path = f"{one['path']}?{query}" if query else one["path"]
            agent = one["user_agent"].partition(" ")[0]
            print(f"{one['time']}  #{one['id']:<7}  {agent}: {one['method']} {path}")
        elif one["type"] == "reply":
            why = one.get("body", "")[:_BODY_MOST] if one["status"] >= 400 else ""
            print(f"{one['time']}  #{one['id']:<7}  {one['status']} {why}".rstrip())
    return 0
