"""Pods and the account that they run as."""

from __future__ import annotations

import pytest
import trio

from tests.apiserver.oracle_server import Server, running

POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
SPACE = {"metadata": {"name": "new"}}
PODS = "/api/v1/namespaces/new/pods"
ACCOUNTS = "/api/v1/namespaces/new/serviceaccounts"


async def make_later(server: Server, seconds: float) -> None:
    await trio.sleep(seconds)
    await server.create(ACCOUNTS, {"metadata": {"name": "default"}})


async def test_a_pod_waits_for_the_default_account(autojump_clock: object) -> None:
    async with running(controllers=False) as server, trio.open_nursery() as nursery:
        await server.create("/api/v1/namespaces", SPACE)
        began = trio.current_time()
        nursery.start_soon(make_later, server, 0.7)
        assert (await server.create(PODS, POD))["spec"]["serviceAccountName"] == "default"
        assert 0.7 <= trio.current_time() - began < 1.0


async def test_it_does_not_wait_for_ever(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create("/api/v1/namespaces", SPACE)
        began = trio.current_time()
        answer = await server.ask("POST", PODS, POD)
        assert answer.status == 403
        assert answer.json["message"].endswith('serviceaccount "default" not found')
        assert 0.9 <= trio.current_time() - began <= 1.8


async def test_other_accounts_are_not_waited_for(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create("/api/v1/namespaces", SPACE)
        began = trio.current_time()
        pod = {**POD, "spec": {**POD["spec"], "serviceAccountName": "other"}}
        assert (await server.ask("POST", PODS, pod)).status == 403
        assert trio.current_time() == began


@pytest.mark.parametrize("force", [False, True])
async def test_a_namespace_that_goes_meanwhile_takes_nothing(
    force: bool, autojump_clock: object
) -> None:
    async with running(controllers=False) as server, trio.open_nursery() as nursery:
        await server.create("/api/v1/namespaces", SPACE)

        async def delete() -> None:
            await trio.sleep(0.3)
            await server.ask("DELETE", "/api/v1/namespaces/new", None)
            if force:
                gone = {"metadata": {"name": "new"}, "spec": {"finalizers": []}}
                await server.ask("PUT", "/api/v1/namespaces/new/finalize", gone)
            # Made past the API: admission would refuse the account itself.
            store = server.cluster.api.storage.store
            value = b'{"metadata":{"name":"default","namespace":"new"}}'
            await store.put("serviceaccounts/new/default", lambda revision: value, expect=0)

        nursery.start_soon(delete)
        answer = await server.ask("POST", PODS, POD)
        assert answer.status == (404 if force else 403)
        assert await server.ask("GET", f"{PODS}/p", None)
