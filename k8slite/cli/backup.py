"""`k8slite backup FILE`: copy a cluster's store to a file, while it runs."""

from __future__ import annotations

import argparse

from k8slite.cli import place
from k8slite.cli.place import Complaint


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `backup` takes."""
    place.arguments(parser)
    parser.add_argument("file", metavar="FILE", help="a file that is not there yet")


def run(parsed: argparse.Namespace) -> int:
    """Copy it."""
    import sqlite3

    from k8slite.store.backup import backup
    from k8slite.store.store import StoreError

    try:
        revision = backup(place.directory(parsed).store, parsed.file)
    except (StoreError, OSError, sqlite3.Error) as error:
        raise Complaint(place.reason(error)) from None
    print(f"{parsed.file} holds the store at revision {revision}.")
    return 0
