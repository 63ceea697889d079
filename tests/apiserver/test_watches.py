"""Watches: where they start, what they say, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from k8slite.client.resource import CONFIG_MAPS
from tests.apiserver.oracle_server import Json, Server, running

MAPS = "/api/v1/namespaces/default/configmaps"


async def make(server: Server, name: str, labels: Json | None = None, **data: str) -> Any:
    return await server.create(
        MAPS, {"metadata": {"name": name, "labels": labels or {}}, "data": data}
    )


async def change(server: Server, name: str, patch: Json) -> Any:
    answer = await server.ask("PATCH", f"{MAPS}/{name}", patch, "application/merge-patch+json")
    assert answer.status == 200, answer.body
    return answer.json


def told(events: list[Json]) -> list[tuple[str, str]]:
    return [(e["type"], e["object"]["metadata"].get("name", "")) for e in events]


async def test_a_watch_from_a_revision_tells_what_came_after_it(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        first = await make(server, "a")
        await make(server, "b")
        await change(server, "a", {"data": {"k": "v"}})
        await server.ask("DELETE", f"{MAPS}/b")
        version = first["metadata"]["resourceVersion"]
        watching = await server.watch(f"{MAPS}?resourceVersion={version}")
        events = await watching.all()
        assert told(events) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
        versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in events]
        assert versions == sorted(set(versions))
        resumed = await server.watch(f"{MAPS}?resourceVersion={versions[0]}")
        assert told(await resumed.all()) == told(events)[1:]


async def test_without_a_revision_it_starts_with_what_is_there(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await make(server, "a")
        watching = await server.watch(MAPS)
        assert told(await watching.all()) == [("ADDED", "a")]
        from_zero = await server.watch(f"{MAPS}?resourceVersion=0")
        assert told(await from_zero.all()) == [("ADDED", "a")]


async def test_bookmarks_come_each_minute_to_those_who_asked(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        made = await make(server, "a")
        version = made["metadata"]["resourceVersion"]
        path = f"{MAPS}?resourceVersion={version}&timeoutSeconds=200"
        watching = await server.watch(f"{path}&allowWatchBookmarks=true")
        silent = await server.watch(path)
        other = await server.create(
            "/api/v1/namespaces/default/secrets", {"metadata": {"name": "elsewhere"}}
        )
        events = await watching.all(500)
        assert len(events) == 4  # each minute, and shortly before the end
        for event in events:
            assert event["type"] == "BOOKMARK"
            assert event["object"]["kind"] == "ConfigMap"
            assert "name" not in event["object"]["metadata"]
            reached = int(event["object"]["metadata"]["resourceVersion"])
            assert reached >= int(other["metadata"]["resourceVersion"])
        assert await silent.all(500) == []


async def test_an_idle_watch_of_this_process_brings_nothing_and_lasts(
    autojump_clock: object,
) -> None:
    async with running(controllers=False) as server:
        made = await make(server, "a")
        client = server.cluster.client("controller:one")
        assert not client.wired
        asked = {"resourceVersion": made["metadata"]["resourceVersion"]}
        asked["allowWatchBookmarks"] = "true"
        stream = await client.watch(CONFIG_MAPS, "default", **asked)
        with trio.move_on_after(2 * 3600.0) as waiting:
            await stream.receive()
        assert waiting.cancelled_caught
        await make(server, "b")
        assert (await stream.receive()).startswith(b'{"type":"ADDED"')
        stream.close()
        # One that is to end has its bookmark just before.
        began = trio.current_time()
        stream = await client.watch(CONFIG_MAPS, "default", timeoutSeconds=100, **asked)
        assert (await stream.receive()).startswith(b'{"type":"ADDED"')
        assert (await stream.receive()).startswith(b'{"type":"BOOKMARK"')
        assert trio.current_time() - began == pytest.approx(98.0)
        assert await stream.receive() == b""
        stream.close()


async def test_a_watch_ends_after_its_timeout(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        watching = await server.watch(f"{MAPS}?timeoutSeconds=3")
        assert await watching.next(10) is None
        await make(server, "late")
        assert await watching.next(10) is None


async def test_a_forgotten_revision_is_an_error_event(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        first = await make(server, "a")
        for number in range(5):
            await change(server, "a", {"data": {"k": str(number)}})
        await server.store.compact(server.store.revision)
        version = first["metadata"]["resourceVersion"]
        watching = await server.watch(f"{MAPS}?resourceVersion={version}")
        event = await watching.next()
        assert event is not None
        assert event["type"] == "ERROR"
        status = event["object"]
        assert (status["code"], status["reason"]) == (410, "Expired")
        assert status["message"].startswith(f"too old resource version: {version} (")
        assert await watching.next() is None


async def test_initial_events_end_with_a_bookmark_that_says_so(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await make(server, "a")
        await make(server, "b")
        watching = await server.watch(
            f"{MAPS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
            "&allowWatchBookmarks=true"
        )
        events = [await watching.next() for _ in range(3)]
        assert [e["type"] for e in events if e] == ["ADDED", "ADDED", "BOOKMARK"]
        end = events[2]
        assert end is not None
        assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        await make(server, "c")
        assert told([await watching.next() or {}]) == [("ADDED", "c")]
        refused = await server.ask("GET", f"{MAPS}?watch=1&sendInitialEvents=true")
        assert refused.status == 422


async def test_what_leaves_a_selection_is_deleted_to_its_watcher(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        start = server.store.revision
        watching = await server.watch(f"{MAPS}?labelSelector=x%3D1&resourceVersion={start}")
        await make(server, "a", {"x": "2"})
        await change(server, "a", {"metadata": {"labels": {"x": "1"}}})
        await change(server, "a", {"data": {"k": "v"}})
        left = await change(server, "a", {"metadata": {"labels": {"x": "2"}}})
        await change(server, "a", {"data": {"k": "w"}})
        events = await watching.all()
        assert told(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
        gone = events[2]["object"]["metadata"]
        assert gone["labels"] == {"x": "1"}  # as it was when it was last seen
        assert gone["resourceVersion"] == left["metadata"]["resourceVersion"]


async def test_fields_select_in_watches(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        start = server.store.revision
        path = f"{MAPS}?fieldSelector=metadata.name%3Db&resourceVersion={start}"
        watching = await server.watch(path)
        for name in "abc":
            await make(server, name)
        assert told(await watching.all()) == [("ADDED", "b")]


async def test_a_watch_may_be_of_metadata_or_a_table(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await make(server, "a", k="v")
        from tests.apiserver.oracle_server import Watching, request

        for form, kind in (("PartialObjectMetadata", "PartialObjectMetadata"), ("Table", "Table")):
            accept = f"application/json;as={form};v=v1;g=meta.k8s.io"
            response = await server.cluster.handler(
                request("GET", f"{MAPS}?watch=1", accept=accept)
            )
            event = await Watching(response.body).next()
            assert event is not None
            assert event["object"]["kind"] == kind
            assert "data" not in event["object"]


async def test_the_old_path_of_watches_is_served(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await make(server, "a")
        from tests.apiserver.oracle_server import Watching, request

        response = await server.cluster.handler(
            request("GET", "/api/v1/watch/namespaces/default/configmaps")
        )
        assert told([await Watching(response.body).next() or {}]) == [("ADDED", "a")]


async def test_a_watch_that_begins_as_a_list_is_no_table(autojump_clock: object) -> None:
    from tests.apiserver.oracle_server import Watching, request

    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    path = f"{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    async with running(controllers=False) as server:
        await make(server, "a")
        refused = await server.ask("GET", path, accept=table)
        assert (refused.status, refused.json["reason"]) == (406, "NotAcceptable")
        either = request("GET", path, accept=f"{table},application/json")
        event = await Watching((await server.cluster.handler(either)).body).next()
        assert event is not None and event["object"]["kind"] == "ConfigMap"
