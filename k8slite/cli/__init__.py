"""The command line: one command a file.

In: arguments. Out: text for a person, an exit code. Never here: what a command does beyond
reading its arguments and printing what came of it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Final

from k8slite.cli.place import Complaint


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="k8slite", description="The instant, embeddable, testable Kubernetes."
    )
    parser.add_argument("--version", action="version", version=f"k8slite {version('k8slite')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in _COMMANDS.items():
        module = import_module(f"k8slite.cli.{name}")
        command = commands.add_parser(name, help=summary, description=summary)
        module.arguments(command)
        command.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = parsed.run
    try:
        return run(parsed)
    except Complaint as complaint:
        print(f"k8slite: {complaint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


_COMMANDS: Final = {
    "up": "start a cluster",
    "down": "stop a cluster",
    "status": "say how a cluster is",
    "reset": "delete a stopped cluster's files",
    "kubeconfig": "print how to reach a cluster, or add it to your own kubeconfig",
    "backup": "copy a cluster's store to a file, while it runs",
    "restore": "put a backup in the place of a stopped cluster's store",
}
