"""Patches with fields that nobody knows, or that come twice, and with values of a wrong type."""

from __future__ import annotations

import json

import pytest

from tests.apiserver.oracle_server import Json, Server, running

MAP = "/api/v1/namespaces/default/configmaps/a"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

TWICE = b'{"data":{"k":"x","k":"y"},"more":1}'
OPERATION = b'[{"op":"add","path":"/x","path":"/data/k","value":"y","why":"so"}]'
OF_OPERATIONS = ['json patch unknown field "[0].why"', 'json patch duplicate field "[0].path"']

CASES = pytest.mark.parametrize(
    ("content_type", "patch", "odd"),
    [
        (MERGE, TWICE, ['duplicate field "data.k"', 'unknown field "more"']),
        (STRATEGIC, TWICE, ['duplicate field "data.k"', 'unknown field "more"']),
        (JSON_PATCH, OPERATION, OF_OPERATIONS),
    ],
    ids=["merge", "strategic", "operations"],
)


async def with_map(server: Server) -> None:
    body = {"metadata": {"name": "a"}, "data": {"k": "v"}}
    await server.create("/api/v1/namespaces/default/configmaps", body)


@CASES
async def test_odd_fields_of_a_patch_are_refused_when_strict(
    content_type: str, patch: bytes, odd: list[str], autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        await with_map(server)
        answer = await server.ask("PATCH", f"{MAP}?fieldValidation=Strict", patch, content_type)
        assert answer.status == 422
        details = answer.json["details"]
        assert list(details) == ["causes"]  # a patch has neither kind nor name
        (cause,) = details["causes"]
        assert answer.json["message"] == f' "" is invalid: patch: {cause["message"]}'
        assert cause["message"].endswith(f": strict decoding error: {', '.join(odd)}")
        assert (await server.get(MAP))["data"] == {"k": "v"}


@CASES
async def test_odd_fields_of_a_patch_are_warned_of(
    content_type: str, patch: bytes, odd: list[str], autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        await with_map(server)
        answer = await server.ask("PATCH", MAP, patch, content_type)
        assert (answer.status, answer.json["data"]) == (200, {"k": "y"})
        assert answer.warnings == [f"299 - {json.dumps(one)}" for one in odd]
        ignored = await server.ask("PATCH", f"{MAP}?fieldValidation=Ignore", patch, content_type)
        assert (ignored.status, ignored.warnings) == (200, [])


async def test_a_refused_patch_is_shown_as_it_was_applied(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await with_map(server)

        async def refused(content_type: str, patch: Json) -> str:
            answer = await server.ask("PATCH", MAP, patch, content_type)
            assert (answer.status, answer.json["reason"]) == (422, "Invalid")
            said: str = answer.json["details"]["causes"][0]["message"]
            return said

        said = await refused(STRATEGIC, {"data": {"k": {"a": None}}, "immutable": True})
        assert said.startswith('Invalid value: "map[data:map[k:map[a:<nil>]] immutable:true]": ')
        said = await refused(MERGE, {"data": {"k": 1}})
        assert said.startswith('Invalid value: "{\\"apiVersion\\":\\"v1\\",\\"data\\":{\\"k\\":1},')
        assert "json: cannot unmarshal number into Go struct field ConfigMap.data of" in said
