"""Which clusters of this process run, and where they were started: nobody is to forget one."""

from __future__ import annotations

import atexit
import sys
from typing import Any, Final

from k8slite.live.loop import Loop

_RUNNING: Final[dict[Loop[Any], str]] = {}


def started(loop: Loop[Any], where: str) -> None:
    """A cluster is about to run; `where` is the line that asked for it."""
    _RUNNING[loop] = where


def stopped(loop: Loop[Any]) -> None:
    """It is about to end, as it should."""
    _RUNNING.pop(loop, None)


def running() -> dict[Loop[Any], str]:
    """Those that run, by the lines that asked for them."""
    return dict(_RUNNING)


def stop(loop: Loop[Any]) -> str:
    """Stop one that was forgotten; returns what to tell about it."""
    where = _RUNNING.pop(loop)
    loop.close().result()
    loop.join()
    return (
        f"the k8slite cluster started at {where} was not stopped (it is now): use "
        "`with k8slite.testing.start() as cluster`, call cluster.stop(), or take a fixture"
    )


@atexit.register
def _at_exit() -> None:
    for loop in running():
        sys.stderr.write(f"k8slite: {stop(loop)}\n")
