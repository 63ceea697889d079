"""How fast the stores are, in lines of JSON: `python -m tests.benchmarks.bench_store`."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import trio
from trio.testing import wait_all_tasks_blocked

from k8slite.store.memory import MemoryStore
from k8slite.store.sqlite import open_sqlite
from k8slite.store.store import Store

VALUE = b"x" * 1000


def show(figure: str, value: float, unit: str) -> None:
    print(json.dumps({"figure": figure, "value": round(value, 2), "unit": unit}), flush=True)


async def puts(name: str, store: Store, putters: int, each: int) -> None:
    async def put(putter: int) -> None:
        for number in range(each):
            await store.put(f"pods/{putters}-{putter}/{number}", lambda _: VALUE, expect=0)

    began, worked = time.perf_counter(), time.process_time()
    async with trio.open_nursery() as nursery:
        for putter in range(putters):
            nursery.start_soon(put, putter)
    count = putters * each
    show(f"{name}, {putters} putters", count / (time.perf_counter() - began), "puts/s")
    show(f"{name}, {putters} putters", (time.process_time() - worked) / count * 1e6, "CPU us/put")


async def lists() -> None:
    store = MemoryStore()
    for number in range(10_000):
        await store.put(f"pods/a/{number}", lambda _: VALUE, expect=0)
    began = time.perf_counter()
    for _ in range(20):
        store.list("pods/")
    show("list of 10,000", (time.perf_counter() - began) / 20 * 1e3, "ms")


async def fan_out(watches: int, changes: int) -> None:
    store = MemoryStore()
    received = 0

    async def follow() -> None:
        nonlocal received
        watch = store.watch("pods/", after=0)
        while True:
            events = await watch.receive()
            received += len(events)

    async with trio.open_nursery() as nursery:
        for _ in range(watches):
            nursery.start_soon(follow)
        await wait_all_tasks_blocked()
        began = time.perf_counter()
        for number in range(changes):
            await store.put(f"pods/a/{number}", lambda _: VALUE, expect=0)
        await wait_all_tasks_blocked()
        elapsed = time.perf_counter() - began
        assert received == watches * changes
        show(f"fan-out to {watches} watches", received / elapsed, "events/s")
        nursery.cancel_scope.cancel()


async def main() -> None:
    await puts("memory", MemoryStore(), 1, 20_000)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        async with open_sqlite(Path(folder) / "store.db") as store:
            for putters, each in ((1, 1000), (16, 500), (64, 200)):
                await puts("sqlite", store, putters, each)
    await lists()
    await fan_out(1000, 50)


if __name__ == "__main__":
    trio.run(main)
