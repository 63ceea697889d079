"""What the operating system knows of this process."""

from __future__ import annotations

import os

from k8slite.live.measures import process_families
from k8slite.objects.measures import exposition


def test_this_process() -> None:
    lines = exposition(process_families()).splitlines()
    found = dict(line.split(" ", 1) for line in lines if not line.startswith("#"))
    assert float(found["process_cpu_seconds_total"]) > 0
    assert float(found["process_max_fds"]) >= float(found["process_open_fds"]) > 2
    assert float(found["process_resident_memory_bytes"]) > 1 << 20
    assert float(found["process_virtual_memory_bytes"]) > 1 << 20
    started = os.stat("/proc/self").st_ctime
    assert abs(float(found["process_start_time_seconds"]) - started) < 86400
