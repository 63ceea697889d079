"""How long a request may take, and what is said of one that took longer."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from k8slite.messages import Request, Response
from k8slite.store.memory import MemoryStore
from tests.apiserver.oracle_server import Server, running
from tests.apiserver.test_webhooks import MAPS, MUTATING, Hooks, hook, register, settings

SERVICES = "/api/v1/namespaces/default/services"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
LATE = "Timeout: request did not complete within requested timeout - context deadline exceeded"


async def took(server: Server, *asked: Any) -> tuple[int, str, float]:
    """Status, message, and seconds of one request."""
    began = trio.current_time()
    answer = await server.ask(*asked)
    message = answer.json.get("message", "") if answer.status >= 400 else ""
    return answer.status, message, trio.current_time() - began


async def test_a_write_that_takes_too_long(autojump_clock: object) -> None:
    hooks = Hooks()
    hooks.answers["/a"] = hooks.answers["/b"] = lambda _: {"sleep": 20}
    async with running(controllers=False, webhooks=hooks) as server:
        slow = [hook(name, timeoutSeconds=30) for name in "ab"]
        await register(server, MUTATING, *slow)
        for timeout, seconds in (("5s", 5), ("1h", 34), ("0s", 34), ("-1s", 34)):
            path = f"{MAPS}?timeout={timeout}"
            assert await took(server, "POST", path, settings()) == (504, LATE, seconds)
        answer = await server.ask("POST", MAPS, settings())
        assert answer.json["reason"] == "Timeout" and answer.json["details"] == {}
        assert (await server.ask("GET", f"{MAPS}/m")).status == 404


async def test_a_read_that_takes_too_long(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        late = "Timeout: request did not complete within the allotted timeout"
        server.cluster.api.own_paths["/slow"] = slow
        for timeout, seconds in (("1500ms", 1.5), ("1h", 60)):
            asked = f"/slow?timeout={timeout}"
            assert await took(server, "GET", asked) == (504, late, seconds)


async def slow(_request: Request) -> Response:
    """An answer that is never given."""
    await trio.sleep_forever()


@pytest.mark.parametrize("path", ["/version", MAPS, "/nothing"])
async def test_a_time_that_cannot_be_read(path: str, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        for user in ("", "system:anonymous"):
            answer = await server.ask("GET", f"{path}?timeout=invalid", user=user)
            assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
            assert answer.json["message"] == (
                'invalid timeout specified in the request URL - time: invalid duration "invalid"'
            )


async def test_what_takes_long_is_not_timed(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        watching = await server.watch(f"{MAPS}?timeout=1s")
        await trio.sleep(100)
        await server.create(MAPS, settings())
        assert await watching.next() is not None


async def test_a_write_that_was_given_up_keeps_what_it_may_have_got(
    autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = MemoryStore.put

    async def slowly(self: MemoryStore, key: str, *rest: Any, **more: Any) -> Any:
        stored = await put(self, key, *rest, **more)
        if key.startswith("services/"):
            await trio.sleep(10)
        return stored

    async with running(controllers=False) as server:
        before = {one["metadata"]["name"] for one in await listed(server, ADDRESSES)}
        monkeypatch.setattr(MemoryStore, "put", slowly)
        body = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
        assert (await took(server, "POST", f"{SERVICES}?timeout=1s", body))[::2] == (504, 1)
        made = (await server.ask("GET", f"{SERVICES}/s")).json
        after = {one["metadata"]["name"] for one in await listed(server, ADDRESSES)}
        assert after - before == {made["spec"]["clusterIP"]}


async def listed(server: Server, path: str) -> list[Any]:
    items: list[Any] = (await server.ask("GET", path)).json["items"]
    return items
