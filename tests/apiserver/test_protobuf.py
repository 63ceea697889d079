"""Protobuf in requests, answers, errors and watches, as clients written in Go use it."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.objects import protobuf
from tests.apiserver.oracle_server import Server, request, running

PROTOBUF = "application/vnd.kubernetes.protobuf"
# What kubectl and client-go's typed clients send.
ACCEPT = f"{PROTOBUF},application/json"
MAPS = "/api/v1/namespaces/default/configmaps"


async def ask(
    server: Server, method: str, path: str, body: dict[str, Any] | None = None, accept: str = ACCEPT
) -> tuple[int, dict[str, Any]]:
    """Asked in protobuf, and answered so."""
    data = protobuf.encode(body) if body else b""
    answer = await server.ask(method, path, data, PROTOBUF, accept=accept)
    assert dict(answer.headers)["Content-Type"] == PROTOBUF
    return answer.status, protobuf.decode(answer.body)


def config_map(name: str = "a") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"k": "v"},
    }


async def test_an_object_through_its_life(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        status, made = await ask(server, "POST", MAPS, config_map())
        assert (status, made["data"], made["kind"]) == (201, {"k": "v"}, "ConfigMap")
        status, again = await ask(server, "POST", MAPS, config_map())
        assert (status, again["kind"], again["reason"]) == (409, "Status", "AlreadyExists")
        made["data"]["k"] = "w"
        assert (await ask(server, "PUT", f"{MAPS}/a", made))[1]["data"] == {"k": "w"}
        in_json = await server.ask("GET", f"{MAPS}/a")
        assert in_json.json == (await ask(server, "GET", f"{MAPS}/a"))[1]
        status, listed = await ask(server, "GET", MAPS)
        assert listed["kind"] == "ConfigMapList"
        assert [item["metadata"]["name"] for item in listed["items"]] == ["a"]
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        status, gone = await ask(server, "DELETE", f"{MAPS}/a", options)
        assert (status, gone["kind"], gone["status"]) == (200, "Status", "Success")
        assert (await ask(server, "GET", f"{MAPS}/a"))[0] == 404


async def test_metadata_only(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await ask(server, "POST", MAPS, config_map())
        for version in ("v1", "v1beta1"):
            accept = f"{PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v={version}"
            _, listed = await ask(server, "GET", MAPS, accept=accept)
            assert listed["apiVersion"] == f"meta.k8s.io/{version}"
            assert [item["metadata"]["name"] for item in listed["items"]] == ["a"]


async def test_questions_and_their_answers(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        _, found = await ask(server, "POST", path, asked)
        assert found["status"]["userInfo"]["username"] == "admin"
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        attributes = {"verb": "create", "resource": "pods"}
        asked = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        _, found = await ask(server, "POST", path, asked)
        assert (found["status"]["allowed"], found["spec"]) == (True, asked["spec"])


async def test_a_watch_sends_frames(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await ask(server, "POST", MAPS, config_map())
        watched = request("GET", f"{MAPS}?watch=true&timeoutSeconds=1", accept=ACCEPT)
        response = await server.cluster.handler(watched)
        assert dict(response.headers)["Content-Type"] == f"{PROTOBUF};stream=watch"
        assert not isinstance(response.body, bytes)
        frame = await response.body.receive()
        response.body.close()
        assert int.from_bytes(frame[:4], "big") == len(frame) - 4
        assert frame[4:11] == b"\x0a\x05ADDED"
        found = protobuf.decode(frame[frame.index(b"k8s\0") :])
        assert (found["kind"], found["metadata"]["name"]) == ("ConfigMap", "a")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            b"",
            "the object provided is unrecognized (must be of type ConfigMap): empty data (<empty>)",
        ),
        (
            b"k8s\0\xff",
            "the object provided is unrecognized (must be of type ConfigMap): unexpected EOF "
            "(6b387300ff)",
        ),
    ],
)
async def test_bodies_that_are_none(body: bytes, message: str, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("POST", MAPS, body, PROTOBUF)
        assert (answer.status, answer.json["message"]) == (400, message)


async def test_a_body_of_another_kind_is_refused(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        secret = protobuf.encode({"apiVersion": "v1", "kind": "Secret"})
        answer = await server.ask("POST", MAPS, secret, PROTOBUF)
        assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
