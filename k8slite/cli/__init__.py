"""The command line: one command a file.

In: arguments. Out: text for a person, an exit code. Never here: what a command does beyond
reading its arguments and printing what came of it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

from k8slite.cli.place import Complaint


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="k8slite", description="The instant, embeddable, testable Kubernetes."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((one for one in arguments if not one.startswith("-")), "")
    for name, summary in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        if name == asked:  # the others are not even imported
            module = import_module(f"k8slite.cli.{name}")
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
        return 130  # what a shell says of a command that SIGINT has ended


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"k8slite {version('k8slite')}")
        parser.exit()


_COMMANDS: Final = {
    "up": "start a cluster",
    "down": "stop a cluster",
    "status": "say how a cluster is",
    "reset": "delete a stopped cluster's files",
    "kubeconfig": "print how to reach a cluster, or add it to your own kubeconfig",
    "run": "run controllers of your own against any cluster",
    "sim": "run manifests in a simulated cluster, hours in seconds",
    "fuzz": "look for the faults that break a controller",
    "backup": "copy a cluster's store to a file, while it runs",
    "replay": "show a recorded cluster as it was at any moment",
    "restore": "put a backup in the place of a stopped cluster's store",
}
