"""Extension API servers: available or not, seen in discovery, asked under the user's identity."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import trio
from attrs import evolve

from k8slite.messages import Peer, User
from tests.apiserver.extension import (
    API_SERVICES,
    FLUNDERS,
    NAME,
    ROOT,
    Extension,
    api_service,
    condition,
    endpoint_slice,
    register,
    service,
)
from tests.apiserver.oracle_server import Answer, Json, Server, request, running

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
MERGE = "application/merge-patch+json"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def test_availability_step_by_step(autojump_clock: object) -> None:
    extension = Extension()
    async with running(webhooks=extension) as server:
        await server.create(API_SERVICES, api_service())
        await trio.sleep(1)
        where = 'service/wardle in "default"'
        assert await condition(server) == (
            "False",
            "ServiceNotFound",
            f"{where} is not present",
        )
        await server.create(SERVICES, service(444))
        await trio.sleep(1)
        assert await condition(server) == (
            "False",
            "ServicePortError",
            f"{where} is not listening on port 443",
        )
        patch = {"spec": {"ports": [{"name": "https", "port": 443}]}}
        await server.ask("PATCH", f"{SERVICES}/wardle", patch, MERGE)
        await trio.sleep(1)
        assert await condition(server) == (
            "False",
            "EndpointsNotFound",
            f"cannot find endpointslices for {where}",
        )
        await server.create(SLICES, endpoint_slice(ready=False))
        await trio.sleep(1)
        assert await condition(server) == (
            "False",
            "MissingEndpoints",
            f'endpointslices for {where} have no addresses with port name "https"',
        )
        extension.status = 403
        await server.ask("DELETE", f"{SLICES}/wardle-1")
        await server.create(SLICES, endpoint_slice())
        await trio.sleep(1)
        url = f"https://192.0.2.77:8443{ROOT}"
        assert await condition(server) == (
            "False",
            "FailedDiscoveryCheck",
            f"failing or missing response from {url}: bad status from {url}: 403",
        )
        text = (await server.ask("GET", "/metrics")).body.decode()
        unavailable = "aggregator_unavailable_apiservice"
        assert f'{unavailable}{{name="{NAME}"}} 1' in text
        assert f'{unavailable}{{name="v1."}} 0' in text
        assert f'{unavailable}_total{{name="{NAME}",reason="ServiceNotFound"}} 1' in text
        extension.status = 200
        await trio.sleep(31)
        assert await condition(server) == ("True", "Passed", "all checks passed")
        since = (await server.get(f"{API_SERVICES}/{NAME}"))["status"]["conditions"][0]
        extension.refuses = True
        await trio.sleep(31)
        told = await condition(server)
        assert told[:2] == ("False", "FailedDiscoveryCheck")
        assert told[2].startswith(f'failing or missing response from {url}: Get "{url}": ')
        later = (await server.get(f"{API_SERVICES}/{NAME}"))["status"]["conditions"][0]
        assert later["lastTransitionTime"] > since["lastTransitionTime"]


async def test_a_server_that_hangs_is_not_available_and_holds_nobody(
    autojump_clock: object,
) -> None:
    extension = Extension(sleep_seconds=3600)
    async with running(webhooks=extension) as server:
        await register(server)
        await server.create(API_SERVICES, local("v1.other.example.com"))
        await trio.sleep(1)
        assert (await condition(server, "v1.other.example.com"))[1] == "Local"
        await trio.sleep(6)
        assert (await condition(server))[:2] == ("False", "FailedDiscoveryCheck")
        began = trio.current_time()
        answer = await server.ask("GET", FLUNDERS)
        assert (answer.status, answer.body) == (503, b"service unavailable\n")
        assert trio.current_time() == began


def local(name: str) -> Json:
    version, _, group = name.partition(".")
    spec = {
        "group": group,
        "version": version,
        "groupPriorityMinimum": 100,
        "versionPriority": 10,
    }
    return {"metadata": {"name": name}, "spec": spec}


async def asked(server: Server, user: User, method: str, path: str, **headers: str) -> Answer:
    one = request(method, path)
    given = {**one.headers, **headers}
    peer = Peer("192.0.2.9:4711", user)
    return Answer(await server.cluster.handler(evolve(one, headers=given, peer=peer)))


async def test_requests_are_passed_on_with_the_identity_of_who_asks(
    autojump_clock: object,
) -> None:
    extension = Extension()
    bundle = base64.b64encode(b"PEM").decode()
    async with running(webhooks=extension) as server:
        await register(server, caBundle=bundle, insecureSkipTLSVerify=False)
        made = await server.create(FLUNDERS, {"metadata": {"name": "a"}})
        assert made["metadata"]["name"] == "a"
        checking, passing = extension.endpoints[0], extension.endpoints[-1]
        assert not checking.verified and checking.front_proxy
        assert passing.url == "https://192.0.2.77:8443"
        assert (passing.ca_bundle, passing.server_name) == ("PEM", "wardle.default.svc")
        assert passing.verified and passing.front_proxy and passing.streams
        user = User(
            "jane",
            ("system:masters", "a, b", "system:authenticated"),
            "u-1",
            {"scopes.e.com/x": ("one", "two")},
        )
        answer = await asked(
            server,
            user,
            "GET",
            f"{FLUNDERS}/a?pretty=1",
            **{
                "x-remote-user": "root",
                "x-remote-extra-y": "z",
                "authorization": "Bearer t",
                "connection": "keep-alive, x-hop",
                "x-hop": "h",
                "x-forwarded-for": "198.51.100.1",
                "x-else": "e",
            },
        )
        assert answer.status == 200 and answer.json == made
        assert ("X-Served-By", "wardle") in answer.headers
        assert not any(name == "Keep-Alive" for name, _ in answer.headers)
        got = extension.asked_by("jane")[-1]
        assert (got.method, got.path, got.query) == ("GET", f"{FLUNDERS}/a", (("pretty", "1"),))
        assert got.headers["x-remote-user"] == "jane" and got.headers["x-remote-uid"] == "u-1"
        assert got.repeated == (
            ("x-remote-group", "system:masters"),
            ("x-remote-group", "a, b"),
            ("x-remote-group", "system:authenticated"),
            ("x-remote-extra-scopes.e.com%2Fx", "one"),
            ("x-remote-extra-scopes.e.com%2Fx", "two"),
        )
        assert not {"authorization", "connection", "x-hop", "x-remote-extra-y"} & set(got.headers)
        assert got.headers["x-forwarded-for"] == "198.51.100.1, 192.0.2.9"
        assert got.headers["x-else"] == "e"
        played = await server.ask("GET", FLUNDERS, user="nobody")
        assert played.status == 403, "what may be asked is decided here"
        missing = await server.ask("GET", f"{FLUNDERS}/none")
        assert (missing.status, missing.json["code"]) == (404, 404)
        moved = await server.ask("GET", f"{FLUNDERS}/moved")
        assert moved.status == 502
        text = b"the backend attempted to redirect this request, which is not permitted"
        assert moved.body == text


async def test_a_watch_is_passed_on_piece_by_piece(autojump_clock: object) -> None:
    extension = Extension()
    async with running(webhooks=extension) as server:
        await register(server)
        watch = await server.watch(FLUNDERS)
        [pieces] = extension.watches
        event = {"type": "ADDED", "object": {"metadata": {"name": "a"}}}
        await pieces.sending.send(json.dumps(event).encode() + b"\n")
        assert await watch.next() == event
        await trio.sleep(3600)
        await pieces.sending.send(json.dumps(event).encode() + b"\n")
        assert await watch.next() == event
        watch.close()
        assert pieces.closed


async def test_requests_end_in_time(autojump_clock: object) -> None:
    extension = Extension()
    async with running(webhooks=extension) as server:
        await register(server)
        await trio.sleep(25)
        extension.sleep_seconds = 3600
        began = trio.current_time()
        answer = await server.ask("GET", FLUNDERS)
        assert trio.current_time() - began == 60
        assert (answer.status, answer.json["reason"]) == (504, "Timeout")
        extension.sleep_seconds, extension.refuses = 0, True
        await server.ask("PATCH", f"{API_SERVICES}/{NAME}/status", available("True"), MERGE)
        answer = await server.ask("GET", FLUNDERS)
        assert answer.status == 503
        assert answer.body == b"error trying to reach service: connection refused\n"


def available(status: str) -> Json:
    one = {"type": "Available", "status": status, "reason": "Passed", "message": ""}
    return {"status": {"conditions": [one]}}


async def test_discovery_tells_of_it(autojump_clock: object) -> None:
    extension = Extension()
    async with running(webhooks=extension) as server:
        await register(server)
        groups = [one["name"] for one in (await server.get("/apis"))["groups"]]
        assert groups.index("apps") < groups.index("wardle.example.com")
        group = await server.get("/apis/wardle.example.com")
        assert group["preferredVersion"]["groupVersion"] == "wardle.example.com/v1alpha1"
        assert (await server.get(ROOT))["kind"] == "APIResourceList", "as its server says it"
        assert ROOT in (await server.get("/"))["paths"]
        answer = await server.ask("GET", "/apis", accept=AGGREGATED)
        tag = dict(answer.headers)["ETag"]
        [found] = [
            one for one in answer.json["items"] if one["metadata"]["name"] == "wardle.example.com"
        ]
        assert found["versions"] == [
            {
                "version": "v1alpha1",
                "freshness": "Current",
                "resources": [
                    {
                        "resource": "flunders",
                        "responseKind": {"group": "", "version": "", "kind": "Flunder"},
                        "scope": "Namespaced",
                        "singularResource": "flunder",
                        "verbs": [
                            "create",
                            "delete",
                            "deletecollection",
                            "get",
                            "list",
                            "watch",
                        ],
                        "shortNames": ["fl"],
                        "subresources": [
                            {
                                "subresource": "status",
                                "responseKind": {"group": "", "version": "", "kind": "Flunder"},
                                "verbs": ["get"],
                            }
                        ],
                    }
                ],
            }
        ]
        extension.refuses = True
        await trio.sleep(31)
        answer = await server.ask("GET", "/apis", accept=AGGREGATED)
        assert dict(answer.headers)["ETag"] != tag
        [found] = [
            one for one in answer.json["items"] if one["metadata"]["name"] == "wardle.example.com"
        ]
        assert found["versions"][0]["freshness"] == "Stale"
        assert (await server.ask("GET", ROOT)).status == 503
        await server.ask("DELETE", f"{API_SERVICES}/{NAME}")
        assert "wardle.example.com" not in (await server.ask("GET", "/apis")).body.decode()
        assert (await server.ask("GET", ROOT)).status == 404


async def test_openapi_tells_of_it(autojump_clock: object) -> None:
    async with running(webhooks=Extension()) as server:
        before = await server.ask("GET", "/openapi/v2")
        await register(server)
        index = await server.get("/openapi/v3")
        address = index["paths"][ROOT[1:]]["serverRelativeURL"]
        assert address == f"/openapi/v3{ROOT}?hash=F1"
        assert (await server.get(address))["openapi"] == "3.0.0"
        answer = await server.ask("GET", "/openapi/v2")
        assert dict(answer.headers)["ETag"] != dict(before.headers)["ETag"]
        assert f"{ROOT}/" in answer.json["paths"]
        assert answer.json["definitions"]["Flunder"]["properties"]["metadata"] == {
            "$ref": "#/definitions/io.k8s.Meta"
        }
        assert "Unused" not in answer.json["definitions"]
        assert answer.json["paths"].keys() >= before.json["paths"].keys()


async def test_a_server_that_tells_no_revisions_stops_no_controller(
    autojump_clock: object,
) -> None:
    async with running(webhooks=Extension(tells_revisions=False)) as server:
        await register(server)
        await trio.sleep(60)
        maps = "/api/v1/namespaces/default/configmaps"
        owner = await server.create(maps, {"metadata": {"name": "owner"}})
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner"}
        owners = [{**reference, "uid": owner["metadata"]["uid"]}]
        await server.create(maps, {"metadata": {"name": "owned", "ownerReferences": owners}})
        await server.ask("DELETE", f"{maps}/owner")
        await trio.sleep(30)
        assert (await server.ask("GET", f"{maps}/owned")).status == 404
        conditions = server.cluster.supervisor.conditions
        assert not any(one.restarts for one in conditions.values())


async def test_a_namespace_takes_its_objects_there_with_it(autojump_clock: object) -> None:
    extension = Extension()
    async with running(webhooks=extension) as server:
        await register(server)
        await server.create("/api/v1/namespaces", {"metadata": {"name": "n"}})
        inside = f"{ROOT}/namespaces/n/flunders"
        await server.create(inside, {"metadata": {"name": "a", "namespace": "n"}})
        await server.ask("DELETE", "/api/v1/namespaces/n")
        await trio.sleep(10)
        assert (await server.ask("GET", "/api/v1/namespaces/n")).status == 404
        asked = extension.asked_by("system:controller:namespace-controller")
        swept = [one for one in asked if one.method == "DELETE"]
        assert [one.path for one in swept] == [inside]
        extension.refuses = True
        await trio.sleep(31)
        await server.create("/api/v1/namespaces", {"metadata": {"name": "o"}})
        await server.ask("DELETE", "/api/v1/namespaces/o")
        await trio.sleep(10)
        found = await server.get("/api/v1/namespaces/o")
        reasons = {one["type"]: one["reason"] for one in found["status"]["conditions"]}
        assert reasons["NamespaceDeletionDiscoveryFailure"] == "DiscoveryFailed"
        extension.refuses = False
        await trio.sleep(120)
        assert (await server.ask("GET", "/api/v1/namespaces/o")).status == 404


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"caBundle": "eA=="},
            "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is "
            "present",
        ),
        (
            {"service": None},
            "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have "
            "insecureSkipTLSVerify",
        ),
        (
            {"service": None, "insecureSkipTLSVerify": False, "caBundle": "eA=="},
            'spec.caBundle: Invalid value: "1 bytes": local APIServices may not have a caBundle',
        ),
        (
            {"service": {"namespace": "n", "name": "s", "port": 0}},
            "spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, "
            "inclusive",
        ),
        ({"service": {"name": "s"}}, "spec.service.namespace: Required value"),
    ],
)
async def test_api_services_that_cannot_be(
    autojump_clock: object, spec: dict[str, Any], told: str
) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("POST", API_SERVICES, api_service(**spec))
        assert answer.status == 422
        assert told in answer.json["message"]
