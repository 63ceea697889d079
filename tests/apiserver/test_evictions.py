"""Evictions keep to disruption budgets."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.apiserver.oracle_server import Answer, Server, running

Json = dict[str, Any]
SPACE = "/api/v1/namespaces/default"
PODS = f"{SPACE}/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
SETS = "/apis/apps/v1/namespaces/default/replicasets"
MERGE = "application/merge-patch+json"
LABELS = {"app": "web"}


def pod(name: str) -> Json:
    container = {"name": "c", "image": "x"}
    return {"metadata": {"name": name, "labels": LABELS}, "spec": {"containers": [container]}}


async def ready(server: Server, name: str, value: str = "True") -> None:
    condition = {
        "type": "Ready",
        "status": value,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {"status": {"phase": "Running", "conditions": [condition]}}
    answer = await server.ask("PATCH", f"{PODS}/{name}/status", status, MERGE)
    assert answer.status == 200


async def budget(server: Server, **spec: Any) -> None:
    wanted = {"selector": {"matchLabels": LABELS}, **spec}
    await server.create(BUDGETS, {"metadata": {"name": "b"}, "spec": wanted})
    await trio.sleep(1)


async def status(server: Server) -> Json:
    await trio.sleep(1)
    found: Json = (await server.get(f"{BUDGETS}/b"))["status"]
    return found


async def evict(server: Server, name: str, query: str = "") -> Answer:
    obj = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    return await server.ask("POST", f"{PODS}/{name}/eviction{query}", obj)


async def two_pods(server: Server) -> None:
    await trio.sleep(1)
    for name in ("a", "b"):
        await server.create(PODS, pod(name))
        await ready(server, name)


async def test_an_eviction_is_taken_off_the_budget(autojump_clock: object) -> None:
    async with running() as server:
        await two_pods(server)
        await budget(server, minAvailable=1)
        found = await status(server)
        condition = found.pop("conditions")[0]
        assert found == {
            "currentHealthy": 2,
            "desiredHealthy": 1,
            "expectedPods": 2,
            "disruptionsAllowed": 1,
            "observedGeneration": 1,
        }
        assert (condition["type"], condition["reason"]) == ("DisruptionAllowed", "SufficientPods")
        assert (await evict(server, "a", "?dryRun=All")).status == 201
        assert (await evict(server, "a")).status == 201
        refused = await evict(server, "b")
        assert refused.status == 429
        assert refused.json["message"] == (
            "Cannot evict pod as it would violate the pod's disruption budget."
        )
        assert refused.json["reason"] == "TooManyRequests"
        [cause] = refused.json["details"]["causes"]
        assert cause["reason"] == "DisruptionBudget"
        assert cause["message"].startswith("The disruption budget b needs 1 healthy pods and has ")
        assert (await status(server))["disruptionsAllowed"] == 0
        await server.ask("PATCH", f"{BUDGETS}/b", {"spec": {"minAvailable": 0}}, MERGE)
        await trio.sleep(1)
        assert (await evict(server, "b")).status == 201


async def test_evictions_that_race_take_no_more_than_is_allowed(autojump_clock: object) -> None:
    async with running() as server:
        await two_pods(server)
        await budget(server, minAvailable=1)
        codes: list[int] = []

        async def try_it(name: str) -> None:
            codes.append((await evict(server, name)).status)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(try_it, "a")
            nursery.start_soon(try_it, "b")
        assert sorted(codes) == [201, 429]


async def test_what_is_not_counted_yet_is_not_evicted(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        accounts = f"{SPACE}/serviceaccounts"
        await server.create(accounts, {"metadata": {"name": "default"}})
        await server.create(PODS, pod("a"))
        await ready(server, "a")
        await budget(server, maxUnavailable=1)
        refused = await evict(server, "a")
        assert refused.status == 429
        assert ("Retry-After", "10") in refused.headers
        assert "is still being processed" in refused.json["details"]["causes"][0]["message"]


@pytest.mark.parametrize(("policy", "code"), [("AlwaysAllow", 201), ("IfHealthyBudget", 429)])
async def test_pods_that_are_not_ready(policy: str, code: int, autojump_clock: object) -> None:
    async with running() as server:
        await two_pods(server)
        await ready(server, "b", "False")
        await budget(server, minAvailable=2, unhealthyPodEvictionPolicy=policy)
        assert (await evict(server, "b")).status == code
        assert (await evict(server, "a")).status == 429


async def test_a_share_is_of_what_the_controllers_ask_for(autojump_clock: object) -> None:
    async with running() as server:
        await trio.sleep(1)
        template = {"metadata": {"labels": LABELS}, "spec": pod("x")["spec"]}
        spec = {"replicas": 4, "selector": {"matchLabels": LABELS}, "template": template}
        await server.create(SETS, {"metadata": {"name": "web"}, "spec": spec})
        await trio.sleep(1)
        names = [one["metadata"]["name"] for one in (await server.get(PODS))["items"]]
        for name in names[:3]:
            await ready(server, name)
        await budget(server, maxUnavailable="50%")
        found = await status(server)
        assert (found["expectedPods"], found["desiredHealthy"]) == (4, 2)
        assert (found["currentHealthy"], found["disruptionsAllowed"]) == (3, 1)


async def test_two_budgets_are_too_many(autojump_clock: object) -> None:
    async with running() as server:
        await two_pods(server)
        await budget(server, minAvailable=0)
        wanted = {"selector": {"matchLabels": LABELS}, "minAvailable": 0}
        await server.create(BUDGETS, {"metadata": {"name": "c"}, "spec": wanted})
        assert (await evict(server, "a")).status == 500


async def test_an_eviction_that_comes_to_nothing_is_forgotten(autojump_clock: object) -> None:
    async with running() as server:
        await two_pods(server)
        await budget(server, minAvailable=1)
        disrupted = {"status": {"disruptedPods": {"a": "2026-01-01T00:00:05Z"}}}
        await server.ask("PATCH", f"{BUDGETS}/b/status", disrupted, MERGE)
        assert (await status(server))["currentHealthy"] == 1
        await trio.sleep(200)
        found = await status(server)
        assert (found["currentHealthy"], "disruptedPods" in found) == (2, False)


async def test_an_eviction_of_a_version_that_is_old_is_refused(autojump_clock: object) -> None:
    async with running() as server:
        await two_pods(server)
        version = (await server.get(f"{PODS}/a"))["metadata"]["resourceVersion"]
        await ready(server, "a", "False")
        obj = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": "a"},
            "deleteOptions": {"preconditions": {"resourceVersion": version}},
        }
        refused = await server.ask("POST", f"{PODS}/a/eviction", obj)
        assert (refused.status, refused.json["reason"]) == (409, "Conflict")
        newest = (await server.get(f"{PODS}/a"))["metadata"]["resourceVersion"]
        obj["deleteOptions"]["preconditions"]["resourceVersion"] = newest
        assert (await server.ask("POST", f"{PODS}/a/eviction", obj)).status == 201
