"""`k8slite down`: stop a cluster and wait until it has stopped."""

from __future__ import annotations

import argparse
import os
import signal
import time
from typing import Final

from k8slite.cli import place
from k8slite.cli.place import Complaint
from k8slite.live.data_directory import NoCluster

_WAIT_SECONDS: Final = 30.0  # more than the grace that running requests get
_LOOK_SECONDS: Final = 0.02


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `down` takes."""
    place.arguments(parser)


def run(parsed: argparse.Namespace) -> int:
    """Ask the cluster's process to stop."""
    directory = place.directory(parsed)
    try:
        pid = directory.state()["pid"]
    except NoCluster as error:
        raise Complaint(str(error)) from None
    # The directory is held, so the process that wrote its id there still lives, or has just ended.
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise Complaint(f"process {pid} belongs to another user") from None
    deadline = time.monotonic() + _WAIT_SECONDS
    while directory.running():
        if time.monotonic() > deadline:
            raise Complaint(f"process {pid} has not stopped in {_WAIT_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)
    print(f"The cluster on {directory.path} has stopped.")
    return 0
