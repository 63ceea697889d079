"""`python -m tests.benchmarks [short] [NAME ...]`: one JSON line for each figure.

{"name", "value", "unit", "goal"} and details. Figures are for reading: none makes this fail. What
does fail (with 1, after the other benchmarks) is a benchmark that cannot be done.
"""

from __future__ import annotations

import sys
import traceback

from tests.benchmarks import (
    bench_deployment,
    bench_job,
    bench_list,
    bench_machinery,
    bench_parts,
    bench_requests,
    bench_rollover,
    bench_scheduler,
    bench_simulation,
    bench_startup,
    bench_testing,
)


def main(words: list[str]) -> int:
    """Run the benchmarks that are named, or all; the exit code."""
    names = [word for word in words if word != "short"] or list(_ALL)
    unknown = [name for name in names if name not in _ALL]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(_ALL)}")
        return 2
    failed = 0
    for name in names:
        try:
            _ALL[name](short="short" in words)
        except Exception:
            traceback.print_exc()
            failed = 1
    return failed


_ALL = {
    "startup": bench_startup.main,
    "requests": bench_requests.main,
    "list": bench_list.main,
    "machinery": bench_machinery.main,
    "deployment": bench_deployment.main,
    "rollover": bench_rollover.main,
    "scheduler": bench_scheduler.main,
    "job": bench_job.main,
    "parts": bench_parts.main,
    "simulation": bench_simulation.main,
    "testing": bench_testing.main,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
