"""--scheduler-config: the KubeSchedulerConfiguration of a cluster that is to be started."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from k8slite.cli.place import Complaint, reason

if TYPE_CHECKING:
    from k8slite.scheduler.configuration import Configuration


def scheduler_configuration(path: str) -> Configuration:
    """What a file says, or without one the default. The current folder can be imported from.

    Raises Complaint.
    """
    from k8slite.scheduler.configuration import Configuration, read_configuration
    from k8slite.sim.manifests import documents

    if not path:
        return Configuration()
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = documents(Path(path).read_text())
        if len(found) != 1:
            raise ValueError("it holds not one object")
        return read_configuration(found[0])
    except (OSError, ValueError, ImportError) as error:
        raise Complaint(f"--scheduler-config {path}: {reason(error)}") from None
