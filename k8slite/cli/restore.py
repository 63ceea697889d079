"""`k8slite restore FILE`: put a backup in the place of a stopped cluster's store."""

from __future__ import annotations

import argparse

from k8slite.cli import place
from k8slite.cli.place import Complaint


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `restore` takes."""
    place.arguments(parser)
    parser.add_argument("file", metavar="FILE", help="what `k8slite backup` wrote")


def run(parsed: argparse.Namespace) -> int:
    """Put it in place."""
    import sqlite3

    from k8slite.live.data_directory import DirectoryInUse, ForeignDirectory
    from k8slite.store.backup import restore
    from k8slite.store.store import StoreError

    directory = place.directory(parsed)
    try:
        with directory.held():
            revision = restore(parsed.file, directory.store)
    except (DirectoryInUse, ForeignDirectory, StoreError, OSError, sqlite3.Error) as error:
        raise Complaint(place.reason(error)) from None
    print(f"The store in {directory.path} is restored and goes on from revision {revision}.")
    return 0
