"""A fresh cluster holds what a fresh recorded cluster held."""

from __future__ import annotations

from collections.abc import Callable

from tests.apiserver.oracle_server import differences, masked, need_oracle, recorded, running

# Differ by where the servers are reached.
ADDRESSES = ("192.0.2.2", "36443")


async def test_bootstrap(autojump_clock: object, score: Callable[[str, int, int], None]) -> None:
    need_oracle()
    wanted = recorded("bootstrap.json")
    lines, same, of = [], 0, 0
    async with running(controllers=False, address=ADDRESSES[0], port=int(ADDRESSES[1])) as server:
        for path, objects in wanted.items():
            if path.endswith("/componentstatuses"):
                continue  # the components of the recorded cluster ran elsewhere
            answer = await server.get(path)
            found = {_key(o): masked(o) for o in answer["items"]}
            for obj in objects:
                of += 1
                key = _key(obj)
                if key not in found:
                    lines.append(f"{path} {key}: missing")
                    continue
                differs = differences(found.pop(key), masked(obj))
                if path.endswith("/configmaps"):
                    differs = [one for one in differs if not one.startswith("data.since")]
                same += not differs
                lines += [f"{path} {key} {one}" for one in differs]
            lines += [f"{path} {key}: too much" for key in found]
    score("bootstrap.json", same, of)
    assert not lines, "\n".join(lines)


def _key(obj: dict) -> str:  # type: ignore[type-arg]
    metadata = obj["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"
