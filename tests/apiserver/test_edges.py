"""Methods, paths and revisions that are not quite those that there are."""

from __future__ import annotations

import pytest
import trio

from tests.apiserver.oracle_server import Server, running

MAPS = "/api/v1/namespaces/default/configmaps"
JSON = "application/json"
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
ANSWERED = PROTOBUF.replace("@", ".")


METHODS = (
    ("HEAD", MAPS, 405),
    ("HEAD", "/api/v1/pods", 405),
    ("OPTIONS", f"{MAPS}/m", 405),
    ("TRACE", MAPS, 405),
    ("HEAD", "/api/v1/nothing", 404),
    ("HEAD", "/version", 405),
    ("HEAD", "/api", 405),
    ("HEAD", "/api/v1", 405),
    ("HEAD", "/apis/apps/v1", 405),
    ("HEAD", "/apis", 200),
    ("HEAD", "/apis/apps", 200),
    ("HEAD", "/openapi/v2", 200),
    ("HEAD", "/readyz", 200),
    ("GET", "/apis/", 200),
    ("GET", "/apis/apps/v1/", 200),
    ("GET", "/version/", 200),
    ("GET", "/openapi", 404),
    ("GET", "/openapi/", 404),
    ("GET", "/openapi/v2/", 404),
    ("GET", "/openapi/v3/", 404),
    ("GET", "/openapi/v3/apis/apps/v1/", 404),
    ("GET", "/metrics/", 404),
    ("GET", "/logs", 404),
    ("GET", "/logs/", 404),
)
FORMS = (
    ("", JSON),
    ("*/*", JSON),
    (f"{PROTOBUF}", ANSWERED),
    (f"{JSON};q=0.5,{PROTOBUF}", ANSWERED),
    (f"{PROTOBUF};q=0.5,{JSON}", JSON),
    (f"{PROTOBUF};q=0.5,*/*;q=0.1", ANSWERED),
    ("text/html,application/*;q=0.1", JSON),
    ("text/html", ""),
)


async def test_methods_and_slashes(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        for method, path, status in METHODS:
            answer = await server.ask(method, path)
            assert answer.status == status, (method, path)
            if status == 405:
                assert answer.json["reason"] == "MethodNotAllowed"


async def test_the_form_of_openapi_that_is_liked_best(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        for accept, wanted in FORMS:
            answer = await server.ask("GET", "/openapi/v2", accept=accept)
            assert answer.status == (200 if wanted else 406), accept
            if wanted:
                assert dict(answer.headers)["Content-Type"] == wanted, accept


@pytest.mark.parametrize("query", ["", "&resourceVersionMatch=NotOlderThan"])
async def test_a_list_waits_for_a_revision_that_comes_soon(
    autojump_clock: object, query: str
) -> None:
    async with running(controllers=False) as server:
        current = int((await server.get(MAPS))["metadata"]["resourceVersion"])
        began = trio.current_time()
        for path in (f"{MAPS}?resourceVersion={current + 2}{query}", f"{MAPS}/m"):
            if path.endswith("/m"):
                path += f"?resourceVersion={current + 2}"
            answer = await server.ask("GET", path)
            assert answer.status == 504
            assert answer.json == {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": f"Too large resource version: {current + 2}, current: {current}",
                "reason": "Timeout",
                "details": {
                    "causes": [
                        {
                            "reason": "ResourceVersionTooLarge",
                            "message": "Too large resource version",
                        }
                    ],
                    "retryAfterSeconds": 1,
                },
                "code": 504,
            }
        assert trio.current_time() - began == 6
        async with trio.open_nursery() as nursery:
            nursery.start_soon(written, server)
            path = f"{MAPS}?resourceVersion={current + 2}{query}"
            found = await server.get(path)
        assert [one["metadata"]["name"] for one in found["items"]] == ["a", "b"]


async def written(server: Server) -> None:
    for name in ("a", "b"):
        await trio.sleep(1)
        await server.create(MAPS, {"metadata": {"name": name}})


async def test_an_exact_revision_is_not_waited_for(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        began = trio.current_time()
        for query in ("&resourceVersionMatch=Exact", "&limit=1"):
            assert (await server.ask("GET", f"{MAPS}?resourceVersion=9999{query}")).status == 504
        assert trio.current_time() == began
