"""Upstream's conformance test of the aggregator, with its sample server: the whole dialogue.

[sig-api-machinery] Aggregator Should be able to support the Sample API Server using the current
Aggregator: flunders come and go, and its APIService is read, changed and deleted by every verb.
"""

from __future__ import annotations

from tests.apiserver.extension import API_SERVICES, FLUNDERS, NAME, Extension, register
from tests.apiserver.oracle_server import running

PRIORITY = [{"op": "replace", "path": "/spec/versionPriority", "value": 400}]


async def test_the_sample_server(autojump_clock: object) -> None:
    async with running(webhooks=Extension()) as server:
        await register(server)
        made = await server.create(FLUNDERS, {"metadata": {"name": "rest-flunder"}})
        assert (await server.get(FLUNDERS))["items"] == [made]
        await server.ask("DELETE", f"{FLUNDERS}/rest-flunder")
        assert (await server.get(FLUNDERS))["items"] == []

        status = f"{API_SERVICES}/{NAME}/status"
        conditions = (await server.get(status))["status"]["conditions"]
        assert conditions[0]["reason"] == "Passed"
        patched = await server.ask("PATCH", f"{API_SERVICES}/{NAME}", PRIORITY, JSON_PATCH)
        assert patched.json["spec"]["versionPriority"] == 400
        [listed] = [
            one
            for one in (await server.get(API_SERVICES))["items"]
            if one["metadata"]["name"] == NAME
        ]
        assert listed["spec"]["versionPriority"] == 400

        told = {"type": "StatusUpdated", "status": "True", "reason": "E2E", "message": "Set here"}
        found = await server.get(status)
        found["status"]["conditions"].append(told)
        replaced = await server.ask("PUT", status, found)
        assert replaced.json["status"]["conditions"][-1]["reason"] == "E2E"
        found = await server.get(f"{API_SERVICES}/{NAME}")
        found["metadata"]["labels"] = {"e2e": "wardle"}
        assert (await server.ask("PUT", f"{API_SERVICES}/{NAME}", found)).status == 200
        again = {"metadata": {"annotations": {"patched": "yes"}}}
        await server.ask("PATCH", status, again, "application/merge-patch+json")

        watch = await server.watch(f"{API_SERVICES}?labelSelector=e2e%3Dwardle")
        assert (await watch.next())["type"] == "ADDED"
        await server.ask("DELETE", f"{API_SERVICES}?labelSelector=e2e%3Dwardle")
        assert (await watch.next())["type"] == "DELETED"
        watch.close()
        assert (await server.ask("GET", FLUNDERS)).status == 404


JSON_PATCH = "application/json-patch+json"
