"""`k8slite reset`: delete a stopped cluster's files."""

from __future__ import annotations

import argparse

from k8slite.cli import place
from k8slite.cli.place import Complaint
from k8slite.live.data_directory import DirectoryInUse


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `reset` takes."""
    place.arguments(parser)


def run(parsed: argparse.Namespace) -> int:
    """Delete them, unless the cluster runs."""
    directory = place.directory(parsed)
    if directory.running():
        raise Complaint(f"the cluster on {directory.path} is running; `k8slite down` stops it")
    try:
        directory.remove()
    except (DirectoryInUse, OSError) as error:
        raise Complaint(place.reason(error)) from None
    print(f"The cluster's files in {directory.path} are deleted.")
    return 0
