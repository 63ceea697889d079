"""Answers about the server itself, and to requests that no resource can serve."""

from __future__ import annotations

import pytest

from tests.apiserver.oracle_server import running

MAPS = "/api/v1/namespaces/default/configmaps"
YAML = "application/yaml"
APPLY = "application/apply-patch+yaml"


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("PUT", MAPS, 405, "MethodNotAllowed"),
        ("PATCH", MAPS, 405, "MethodNotAllowed"),
        ("POST", f"{MAPS}/a", 405, "MethodNotAllowed"),
        ("POST", "/api/v1/configmaps", 405, "MethodNotAllowed"),
        ("DELETE", "/api/v1/componentstatuses/etcd-0", 405, "MethodNotAllowed"),
        ("GET", "/apis/authentication.k8s.io/v1/tokenreviews", 405, "MethodNotAllowed"),
        ("GET", "/api/v1/configmaps/a", 404, "NotFound"),
        ("GET", "/apis/example.com/v1/things", 404, "NotFound"),
        ("GET", f"{MAPS}/a/scale", 404, "NotFound"),
        ("GET", "/nothing", 404, "NotFound"),
    ],
)
async def test_paths_and_methods(
    method: str, path: str, status: int, reason: str, autojump_clock: object
) -> None:
    async with running(controllers=False) as server:
        body = {"metadata": {"name": "a"}} if method in ("PUT", "POST", "PATCH") else None
        answer = await server.ask(method, path, body, "application/merge-patch+json")
        assert (answer.status, answer.json["reason"]) == (status, reason)


async def test_media_types(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        xml = await server.ask("POST", MAPS, b"<a/>", "application/xml")
        assert (xml.status, xml.json["reason"]) == (415, "UnsupportedMediaType")
        odd = await server.ask("GET", MAPS, accept="image/png")
        assert (odd.status, odd.json["reason"]) == (406, "NotAcceptable")
        yaml = b"metadata: {name: a}\ndata: {k: v}\n"
        made = await server.ask("POST", MAPS, yaml, "application/yaml")
        assert (made.status, made.json["data"]) == (201, {"k": "v"})
        written = await server.ask("GET", f"{MAPS}/a", accept="application/yaml")
        assert b"name: a\n" in written.body


async def test_a_body_may_not_be_too_large(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        body = b'{"data":{"k":"' + b"x" * 3 * 1024 * 1024 + b'"}}'
        answer = await server.ask("POST", MAPS, body)
        assert (answer.status, answer.json["reason"]) == (413, "RequestEntityTooLarge")
        assert answer.json["message"] == "Request entity too large: limit is 3145728"


async def test_health(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        for path in ("/healthz", "/livez", "/readyz"):
            answer = await server.ask("GET", path)
            assert (answer.status, answer.body) == (200, b"ok")
            verbose = await server.ask("GET", f"{path}?verbose")
            lines = verbose.body.decode().splitlines()
            assert lines[0] == "[+]ping ok"
            assert lines[-1] == f"{path[1:]} check passed"
        assert (await server.ask("GET", "/livez/etcd")).body == b"ok"
        assert (await server.ask("GET", "/livez/nothing")).status == 404
        excluded = await server.ask("GET", "/readyz?verbose&exclude=etcd")
        assert b"[+]etcd excluded: ok" in excluded.body


async def test_metrics_and_version(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.get(MAPS)
        text = (await server.ask("GET", "/metrics")).body.decode()
        assert "# TYPE apiserver_request_total counter" in text
        assert 'resource="configmaps"' in text
        version = await server.get("/version")
        assert (version["major"], version["minor"]) == ("1", "36")
        # Upstream has a route for the one, and exact paths for the others.
        assert await server.get("/version/") == version
        for path in ("/metrics/", "/healthz/", "/livez/", "/readyz/"):
            assert (await server.ask("GET", path)).status == 404


async def test_errors_are_objects_with_their_own_code(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("GET", f"{MAPS}/none")
        assert answer.json == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": 'configmaps "none" not found',
            "reason": "NotFound",
            "details": {"name": "none", "kind": "configmaps"},
            "code": 404,
        }


async def test_the_root_lists_the_paths(autojump_clock: object) -> None:
    async with running() as server:
        answer = await server.ask("GET", "/")
        assert answer.status == 200
        assert {"/api/v1", "/apis/apps", "/apis/apps/v1", "/readyz"} <= set(answer.json["paths"])


async def test_a_timeout_is_a_number(autojump_clock: object) -> None:
    async with running() as server:
        answer = await server.ask("GET", "/api/v1/pods?watch=1&timeoutSeconds=soon")
        assert answer.status == 400
        assert answer.json["reason"] == "BadRequest"


async def test_what_is_never_kept_is_no_table(autojump_clock: object) -> None:
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    review = {"spec": {"nonResourceAttributes": {"path": "/", "verb": "get"}}}
    async with running(controllers=False) as server:
        refused = await server.ask("POST", path, review, accept=table)
        assert (refused.status, refused.json["reason"]) == (406, "NotAcceptable")
        plain = await server.ask("POST", path, review, accept=f"{table},application/json")
        assert (plain.status, plain.json["kind"]) == (201, "SelfSubjectAccessReview")
        listed = await server.ask("GET", MAPS, accept=table)
        assert listed.json["kind"] == "Table"


async def test_keys_that_come_twice_in_yaml(autojump_clock: object) -> None:
    twice = b"metadata: {name: a}\ndata:\n  k: one\n  k: two\n"
    async with running(controllers=False) as server:
        strict = await server.ask("POST", f"{MAPS}?fieldValidation=Strict", twice, YAML)
        assert strict.status == 400
        assert strict.json["message"].endswith(
            'strict decoding error: yaml: unmarshal errors:\n  line 4: key "k" already set in map'
        )
        # The last one counts, for who does not mind.
        made = await server.ask("POST", f"{MAPS}?fieldValidation=Ignore", twice, YAML)
        assert (made.status, made.json["data"]) == (201, {"k": "two"})
        apply = f"{MAPS}/a?fieldManager=m&force=true&fieldValidation="
        body = b"apiVersion: v1\nkind: ConfigMap\n" + twice
        refused = await server.ask("PATCH", f"{apply}Strict", body, APPLY)
        assert (refused.status, refused.json["message"]) == (
            400,
            "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n"
            '  line 6: key "k" already set in map',
        )
        assert (await server.ask("PATCH", f"{apply}Warn", body, APPLY)).status == 200
