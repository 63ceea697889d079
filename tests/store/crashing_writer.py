"""Writes to a store with many writers and prints each acknowledged write at once, until killed."""

from __future__ import annotations

import os
import random
import sys

import trio

from k8slite.store.sqlite import open_sqlite


async def main(path: str, seed: int) -> None:
    chance = random.Random(seed)
    async with open_sqlite(path) as store, trio.open_nursery() as nursery:
        os.write(1, b"opened 0\n")

        async def write(writer: int) -> None:
            while True:
                key = f"pods/{writer}/{chance.randrange(4)}"
                found = store.get(key)
                delete = found is not None and chance.random() < 0.2
                stored = await store.put(
                    key,
                    None if delete else lambda revision: b"%d " % revision * 50,
                    expect=found.revision if found else 0,
                )
                os.write(1, f"{'-' if delete else '+'}{key} {stored.revision}\n".encode())

        async def compact() -> None:
            while True:
                await store.wait(store.revision + 50)
                await store.compact(store.revision - 10)

        for writer in range(16):
            nursery.start_soon(write, writer)
        nursery.start_soon(compact)


if __name__ == "__main__":
    trio.run(main, sys.argv[1], int(sys.argv[2]))
