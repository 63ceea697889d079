"""Web pages of other origins: which may ask, and what their browsers are told."""

from __future__ import annotations

import pytest
from attrs import evolve

from k8slite.apiserver.cross_origin import CrossOrigin
from k8slite.messages import Peer
from tests.apiserver.oracle_server import Answer, request, running

ALLOWED = CrossOrigin.of([r"^https://[a-z]+\.example\.com$", "//localhost(:|$)"])
ALLOW = "Access-Control-Allow-Origin"


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://a.example.com", True),
        ("http://localhost:3000", True),
        ("https://a.example.com.evil.org", False),
        ("http://localhosts", False),
        ("", False),
    ],
)
async def test_who_may_ask(origin: str, is_allowed: bool, autojump_clock: object) -> None:
    async with running(controllers=False, cross_origin=ALLOWED) as server:
        for method, status in (("GET", 403), ("OPTIONS", 204 if is_allowed else 403)):
            # Nobody is known yet: browsers ask first without credentials.
            asked = evolve(request(method, "/api/v1/pods"), peer=Peer("192.0.2.1:9"))
            sent = {"origin": origin} if origin else {}
            asked = evolve(asked, headers={**asked.headers, **sent})
            answer = Answer(await server.cluster.handler(asked))
            assert answer.status == status
            found = dict(answer.headers)
            assert found.get(ALLOW, "") == (origin if is_allowed else "")
            assert found["Audit-Id"]
            if is_allowed:
                assert found["Access-Control-Allow-Credentials"] == "true"
                assert "PATCH" in found["Access-Control-Allow-Methods"]


async def test_nobody_is_allowed_where_nothing_is_said(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        asked = request("OPTIONS", "/api/v1/pods")
        asked = evolve(asked, headers={**asked.headers, "origin": "https://a.example.com"})
        answer = Answer(await server.cluster.handler(asked))
        assert answer.status == 405 and ALLOW not in dict(answer.headers)


@pytest.mark.parametrize("text", ["example.com", "^a", "a$", "(^//:"])
def test_expressions_must_be_pinned(text: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        CrossOrigin.of([text])
