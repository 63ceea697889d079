"""Minimal objects come back with the defaults that the recorded server filled in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.apiserver.oracle_server import (
    Json,
    differences,
    masked,
    need_oracle,
    recorded,
    running,
)

# Kind and place in the answer: why it is meant to differ.
MEANT: dict[tuple[str, str], str] = {}


async def test_defaults(autojump_clock: object, score: Callable[[str, int, int], None]) -> None:
    need_oracle()
    cases = recorded("defaults.json")
    lines, same = [], 0
    async with running(controllers=True) as server:
        for case in cases:
            asked = case["request"]
            answer = await server.ask(asked["method"], asked["path"], asked["body"])
            kind = asked["body"]["kind"]
            differs = differences(
                without_chosen(masked(answer.json)), without_chosen(masked(case["response"]))
            )
            same += not differs
            differs = [line for line in differs if (kind, line.partition(":")[0]) not in MEANT]
            lines += [f"{kind} {asked['path']}: {line}" for line in differs]
    score("defaults.json", same, len(cases))
    assert not lines, "\n".join(lines)


def without_chosen(obj: Json) -> Any:
    """Without the addresses and ports that a server chooses freely, and without the managers,
    which were not recorded."""
    obj["metadata"].pop("managedFields", None)
    if obj.get("kind") != "Service":
        return obj
    spec: Json = obj["spec"]
    if spec.get("clusterIP", "None") != "None":
        spec["clusterIP"], spec["clusterIPs"] = "IP", ["IP" for _ in spec["clusterIPs"]]
    for port in spec.get("ports", ()):
        if "nodePort" in port:
            port["nodePort"] = "PORT"
    return obj
