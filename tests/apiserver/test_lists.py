"""Lists: pages of one snapshot, old states, and what is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.apiserver.oracle_server import Json, Server, running

MAPS = "/api/v1/namespaces/default/configmaps"


async def fill(server: Server, names: str) -> list[str]:
    versions = []
    for name in names:
        made = await server.create(MAPS, {"metadata": {"name": name}})
        versions.append(made["metadata"]["resourceVersion"])
    return versions


def names(page: Json) -> str:
    return "".join(item["metadata"]["name"] for item in page["items"])


async def test_all_pages_show_one_snapshot(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await fill(server, "abcde")
        first = await server.get(f"{MAPS}?limit=2")
        assert names(first) == "ab"
        assert first["metadata"]["remainingItemCount"] == 3
        await server.ask("DELETE", f"{MAPS}/c")
        await fill(server, "cz")
        second = await server.get(f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
        assert names(second) == "cd"
        assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        last = await server.get(f"{MAPS}?limit=2&continue={second['metadata']['continue']}")
        assert names(last) == "e"
        assert "continue" not in last["metadata"]


async def test_a_forgotten_page_comes_with_a_token_to_go_on(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await fill(server, "abcde")
        first = await server.get(f"{MAPS}?limit=2")
        await fill(server, "xyz")
        await server.store.compact(server.store.revision)
        token = first["metadata"]["continue"]
        answer = await server.ask("GET", f"{MAPS}?limit=2&continue={token}")
        assert answer.status == 410
        assert answer.json["reason"] == "Expired"
        rest = await server.get(f"{MAPS}?continue={answer.json['metadata']['continue']}")
        assert names(rest) == "cdexyz"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("resourceVersion={0}&resourceVersionMatch=Exact", "a"),
        ("resourceVersion={0}&resourceVersionMatch=NotOlderThan", "abc"),
        ("resourceVersion={0}", "abc"),
        ("resourceVersion={1}&limit=5", "ab"),
        ("resourceVersion=0", "abc"),
    ],
)
async def test_which_state_a_revision_means(query: str, found: str, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        versions = await fill(server, "abc")
        assert names(await server.get(f"{MAPS}?{query.format(*versions)}")) == found


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("resourceVersionMatch=Exact", 422),
        ("resourceVersion=1&resourceVersionMatch=Nearly", 422),
        ("resourceVersion=0&resourceVersionMatch=Exact", 422),
        ("resourceVersion=999999", 504),
        ("resourceVersion=x", 400),
        ("limit=x", 400),
        ("timeoutSeconds=x", 400),
        ("sendInitialEvents=true", 422),
        ("continue=x", 400),
        ("labelSelector=a%20b", 400),
        ("fieldSelector=data.k%3Dv", 400),
    ],
)
async def test_what_is_refused(query: str, status: int, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("GET", f"{MAPS}?{query}")
        assert answer.status == status, answer.body
        if status == 422:
            assert [one["reason"] for one in answer.json["details"]["causes"]] != []


async def test_fields_select(autojump_clock: object) -> None:
    async with running() as server:
        pods = "/api/v1/namespaces/default/pods"
        for name, node in (("a", "n1"), ("b", "n2"), ("c", "n1")):
            spec = {"nodeName": node, "containers": [{"name": "c", "image": "x"}]}
            await server.create(pods, {"metadata": {"name": name}, "spec": spec})

        async def found(selector: str) -> str:
            return names(await server.get(f"{pods}?fieldSelector={selector}"))

        assert await found("spec.nodeName%3Dn1") == "ac"
        assert await found("spec.nodeName!%3Dn1") == "b"
        assert await found("spec.nodeName%3Dn1,metadata.name%3Dc") == "c"
        assert await found("status.phase%3DRunning") == ""
        everywhere: Any = await server.get(
            "/api/v1/pods?fieldSelector=metadata.namespace%3Ddefault"
        )
        assert names(everywhere) == "abc"


async def test_events_are_selected_by_the_names_of_either_group(autojump_clock: object) -> None:
    event = {
        "metadata": {"name": "a"},
        "regarding": {"kind": "Pod", "name": "web", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "action": "Do",
        "reason": "Test",
        "type": "Normal",
        "reportingController": "e.com/tester",
        "reportingInstance": "one",
    }
    newer = "/apis/events.k8s.io/v1/namespaces/default/events"
    core = "/api/v1/namespaces/default/events"
    async with running(controllers=False) as server:
        await server.create(newer, event)
        for path, selector in (
            (newer, "reportingController=e.com/tester,regarding.name=web,type=Normal"),
            (newer, "source=e.com/tester,regarding.kind!=Node"),
            (core, "source=e.com/tester,reportingComponent=e.com/tester,involvedObject.name=web"),
        ):
            asked = f"{path}?fieldSelector={quote(selector)}"
            assert names(await server.get(asked)) == "a", selector
            none = f"{path}?fieldSelector={quote(selector + ',reason=Other')}"
            assert names(await server.get(none)) == ""
        odd = await server.ask("GET", f"{newer}?fieldSelector=involvedObject.name%3Dweb")
        assert odd.json["message"].endswith("field label not supported: involvedObject.name")
        asked = f"{newer}?fieldSelector=reportingController%3De.com/tester"
        assert (await server.ask("DELETE", asked)).status == 200
        assert names(await server.get(newer)) == ""
