"""FlowSchemas say whether the priority level that they name is there."""

from __future__ import annotations

import trio

from k8slite.objects.meta import find_condition
from tests.apiserver.oracle_server import Json, Server, running

GROUP = "/apis/flowcontrol.apiserver.k8s.io/v1"
SCHEMAS, LEVELS = f"{GROUP}/flowschemas", f"{GROUP}/prioritylevelconfigurations"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
ABOUT = "This FlowSchema references the PriorityLevelConfiguration object named"


def schema(level: str = "mine") -> Json:
    reference = {"name": level}
    return {"metadata": {"name": "s"}, "spec": {"priorityLevelConfiguration": reference}}


def level() -> Json:
    limited = {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}
    return {"metadata": {"name": "mine"}, "spec": {"type": "Limited", "limited": limited}}


async def dangling(server: Server, name: str = "s") -> Json:
    await trio.sleep(1)
    found = find_condition(
        (await server.get(f"{SCHEMAS}/{name}"))["status"]["conditions"], "Dangling"
    )
    assert found is not None
    return dict(found)


async def test_a_level_that_comes_and_goes(autojump_clock: object) -> None:
    async with running() as server:
        await server.create(SCHEMAS, schema())
        found = await dangling(server)
        began = found.pop("lastTransitionTime")
        assert found == {
            "type": "Dangling",
            "status": "True",
            "reason": "NotFound",
            "message": f'{ABOUT} "mine" but there is no such object',
        }
        await trio.sleep(5)
        await server.create(LEVELS, level())
        found = await dangling(server)
        assert found.pop("lastTransitionTime") > began
        assert found == {
            "type": "Dangling",
            "status": "False",
            "reason": "Found",
            "message": f'{ABOUT} "mine" and it exists',
        }
        assert (await server.ask("DELETE", f"{LEVELS}/mine")).status == 200
        assert (await dangling(server))["status"] == "True"


async def test_another_level_that_exists_changes_the_message_alone(autojump_clock: object) -> None:
    async with running() as server:
        await server.create(SCHEMAS, schema("exempt"))
        before = await dangling(server)
        await trio.sleep(5)
        patch = {"spec": {"priorityLevelConfiguration": {"name": "catch-all"}}}
        assert (await server.ask("PATCH", f"{SCHEMAS}/s", patch, MERGE)).status == 200
        after = await dangling(server)
        assert after == {**before, "message": f'{ABOUT} "catch-all" and it exists'}


async def test_conditions_of_others_stay_theirs(autojump_clock: object) -> None:
    """Upstream: TestConditionIsolation."""
    theirs = {
        "type": "test-ssa",
        "status": "True",
        "reason": "SSA test",
        "message": "for testing",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    async with running() as server:
        await server.create(SCHEMAS, schema())
        await dangling(server)
        applied = {
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": "FlowSchema",
            "metadata": {"name": "s"},
            "status": {"conditions": [theirs]},
        }
        path = f"{SCHEMAS}/s/status?fieldManager=ssa-test"
        assert (await server.ask("PATCH", path, applied, APPLY)).status == 200
        await server.create(LEVELS, level())
        assert (await dangling(server))["status"] == "False"
        found = await server.get(f"{SCHEMAS}/s")
        assert theirs in found["status"]["conditions"]
        manager = "api-priority-and-fairness-config-consumer-v1"
        (entry,) = [one for one in found["metadata"]["managedFields"] if one["manager"] == manager]
        assert (entry["operation"], entry["subresource"]) == ("Apply", "status")


async def test_a_condition_that_is_taken_away_comes_back(autojump_clock: object) -> None:
    async with running() as server:
        path = f"{SCHEMAS}/exempt/status"
        answer = await server.ask("PATCH", path, {"status": {"conditions": None}}, MERGE)
        assert answer.status == 200
        assert (await dangling(server, "exempt"))["reason"] == "Found"
