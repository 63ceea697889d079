"""Tokens in Secrets: when each was used last, and what their users are told."""

from __future__ import annotations

import base64

import pytest
import trio

from tests.apiserver.oracle_server import Json, Server, running
from tests.apiserver.test_tokens import DEFAULT, ROBOT, SECRETS, review, token_secret, who

USED = "kubernetes.io/legacy-token-last-used"
INVALID = "kubernetes.io/legacy-token-invalid-since"
TRACKING = (
    "/api/v1/namespaces/kube-system/configmaps/kube-apiserver-legacy-service-account-token-tracking"
)
MERGE = "application/merge-patch+json"
WARNING = (
    '299 - "Use tokens from the TokenRequest API or manually created secret-based tokens instead '
    'of auto-generated secret-based tokens."'
)


async def shown(server: Server, *, generated: bool = False) -> str:
    """The token of a Secret that is, or is not, named by its account."""
    account = {"metadata": {"name": "robot"}, "secrets": [{"name": "long"}] if generated else []}
    await server.create(f"{DEFAULT}/serviceaccounts", account)
    await server.create(SECRETS, token_secret("long"))
    await trio.sleep(5)
    data = (await server.get(f"{SECRETS}/long"))["data"]
    return base64.b64decode(data["token"]).decode()


async def labels(server: Server) -> Json:
    await trio.sleep(1)
    metadata: Json = (await server.get(f"{SECRETS}/long"))["metadata"]
    return dict(metadata.get("labels") or {})


def today(server: Server) -> str:
    return server.cluster.world.now().date().isoformat()


async def test_the_day_of_the_last_use_is_kept(autojump_clock: object) -> None:
    async with running() as server:
        token = await shown(server)
        assert await labels(server) == {}
        answer = await who(server, token)
        assert answer.status == 201 and not answer.warnings
        assert await labels(server) == {USED: today(server)}
        before = (await server.get(f"{SECRETS}/long"))["metadata"]["resourceVersion"]
        assert (await who(server, token)).status == 201
        await trio.sleep(5)
        assert (await server.get(f"{SECRETS}/long"))["metadata"]["resourceVersion"] == before
        await trio.sleep(86_400)
        assert (await review(server, token))["user"]["username"] == ROBOT
        assert await labels(server) == {USED: today(server)}


async def test_who_uses_a_generated_token_is_warned(autojump_clock: object) -> None:
    async with running() as server:
        token = await shown(server, generated=True)
        answer = await who(server, token)
        assert (answer.status, answer.warnings) == (201, [WARNING])
        refused = await server.ask("GET", SECRETS, token=token)
        assert (refused.status, refused.warnings) == (403, [WARNING])


async def test_a_token_that_is_marked_is_good_no_more(autojump_clock: object) -> None:
    async with running() as server:
        token = await shown(server)
        marked = {"metadata": {"labels": {INVALID: "2026-01-01"}}}
        await server.ask("PATCH", f"{SECRETS}/long", marked, MERGE)
        assert (await who(server, token)).status == 401
        assert (
            "service account default/robot has been marked invalid. Use tokens from"
            in ((await review(server, token))["error"])
        )
        assert (await labels(server))[USED] == today(server)
        free = {"metadata": {"labels": {INVALID: None}}}
        await server.ask("PATCH", f"{SECRETS}/long", free, MERGE)
        assert (await who(server, token)).status == 201


@pytest.mark.parametrize("said", [None, "yesterday", "2026-1-1", "20260101"])
async def test_since_when_is_said_again(said: str | None, autojump_clock: object) -> None:
    async with running() as server:
        since = (await server.get(TRACKING))["data"]
        assert since == {"since": today(server)}
        if said is None:
            await server.ask("DELETE", TRACKING)
        else:
            await server.ask("PATCH", TRACKING, {"data": {"since": said}}, MERGE)
        await trio.sleep(86_400)
        assert (await server.get(TRACKING))["data"] == since


async def test_another_day_that_is_said_stays(autojump_clock: object) -> None:
    async with running() as server:
        await server.ask("PATCH", TRACKING, {"data": {"since": "2020-02-02"}}, MERGE)
        await trio.sleep(5)
        assert (await server.get(TRACKING))["data"] == {"since": "2020-02-02"}
