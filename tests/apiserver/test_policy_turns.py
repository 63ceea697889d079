"""Others have their turn while the expressions of a policy are worked out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from k8slite.objects.cel.environment import SLICE
from tests.apiserver.oracle_server import Json, Server, running
from tests.apiserver.test_policies import (
    MAPS,
    ON_MAPS,
    in_force,
    mutating,
    patch,
    settings,
    validating,
)

# As many rounds as there are letters, squared.
LONG = "object.data.k.split('').all(x, object.data.k.split('').all(y, x != y + 'b'))"
CHANGE = patch(f"{LONG} ? [JSONPatch{{op: 'add', path: '/data/long', value: 'yes'}}] : []")

ALWAYS = patch("[JSONPatch{op: 'add', path: '/data/always', value: 'yes'}]")


@pytest.mark.parametrize(
    "policy",
    [
        validating({"expression": LONG}),
        mutating(CHANGE, rule=ON_MAPS),
        mutating(ALWAYS, rule=ON_MAPS, matchConditions=[{"name": "long", "expression": LONG}]),
    ],
    ids=["validating", "mutating", "condition"],
)
async def test_a_long_expression_gives_way(policy: Json, autojump_clock: object) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with running(controllers=False) as server, trio.open_nursery() as nursery:
        await in_force(server, policy)
        nursery.start_soon(count)
        short = await _turns_of(server, "a", lambda: turns)
        long = await _turns_of(server, "a" * 250, lambda: turns)
        assert long >= short + 250 * 250 * 4 // SLICE
        nursery.cancel_scope.cancel()


async def _turns_of(server: Server, letters: str, turns: Callable[[], int]) -> int:
    before = turns()
    made = await server.ask("POST", MAPS, settings(f"m{len(letters)}", k=letters))
    assert made.status == 201, made.json
    return turns() - before
