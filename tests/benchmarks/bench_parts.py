"""The parts alone: the figures of `bench_store` and `bench_wire`, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.benchmarks.figure import show

MOST_SECONDS = 120.0


def main(*, short: bool) -> None:
    for line in _said("bench_store"):
        show(f"store: {line['figure']}", line["value"], line["unit"], None)
    for line in _said("bench_wire", "0.5" if short else "2"):
        show(
            f"wire: trivial handler, {line['benchmark'].removeprefix('wire_')}",
            line["requests_per_second"],
            "requests/s",
            None,
            connections=line["connections"],
            server_cpu_microseconds=line["server_cpu_microseconds"],
        )


def _said(module: str, *arguments: str) -> list[dict]:  # type: ignore[type-arg]
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    said = subprocess.run(command, stdout=subprocess.PIPE, timeout=MOST_SECONDS, check=True)
    return [json.loads(line) for line in said.stdout.splitlines()]
