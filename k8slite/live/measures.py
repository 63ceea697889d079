"""What the operating system knows of this process, as Prometheus' client libraries tell it."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from k8slite.objects.measures import Family, Reading

_STAT: Final = Path("/proc/self/stat")
# Fields of /proc/self/stat after the name in parentheses, counted from 0 (proc(5)).
_STARTED, _VIRTUAL, _RESIDENT = 19, 20, 21


def process_families() -> Iterable[Family]:
    """CPU time and open files, and, where there is /proc, memory and the start."""
    yield _one(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
        time.process_time(),
        "counter",
    )
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    yield _one("process_max_fds", "Maximum number of open file descriptors.", float(most_files))
    try:
        fields = _STAT.read_text().rpartition(")")[2].split()
        open_files = len(os.listdir("/proc/self/fd"))
        booted = next(
            float(line.split()[1])
            for line in Path("/proc/stat").read_text().splitlines()
            if line.startswith("btime")
        )
    except (OSError, StopIteration):
        return  # another system than Linux
    resident = int(fields[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE")
    started = booted + int(fields[_STARTED]) / os.sysconf("SC_CLK_TCK")
    for name, help_text, amount in (
        ("open_fds", "Number of open file descriptors.", open_files),
        ("resident_memory_bytes", "Resident memory size in bytes.", resident),
        ("virtual_memory_bytes", "Virtual memory size in bytes.", int(fields[_VIRTUAL])),
        ("start_time_seconds", "Start time of the process since unix epoch in seconds.", started),
    ):
        yield _one(f"process_{name}", help_text, float(amount))


def _one(name: str, help_text: str, amount: float, sort: str = "gauge") -> Family:
    return Reading(name, help_text, lambda: [((), amount)], sort=sort)
