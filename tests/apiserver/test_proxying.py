"""The subresource `proxy` of services, pods and nodes: where it leads, and what is passed on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, evolve, field

from k8slite.apiserver.calling.endpoint import Endpoint
from k8slite.messages import Handler, Request, Response
from tests.apiserver.oracle_server import Answer, Json, Server, request, running

DEFAULT = "/api/v1/namespaces/default"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
HTML = (("Content-Type", "text/html; charset=utf-8"),)
METHODS = ("DELETE", "OPTIONS", "PATCH", "POST", "PUT", "GET", "HEAD")


def echo(asked: Request) -> Response:
    body = json.dumps({"method": asked.method, "path": asked.path}).encode()
    return Response(200, b"" if asked.method == "HEAD" else body)


@define
class Outside:
    """Who answers at any address."""

    answer: Callable[[Request], Response] = echo
    endpoints: list[Endpoint] = field(factory=list)
    asked: list[Request] = field(factory=list)
    refuses: bool = False

    def __call__(self, endpoint: Endpoint) -> Handler:
        self.endpoints.append(endpoint)

        async def handle(asked: Request) -> Response:
            await trio.lowlevel.checkpoint()
            if self.refuses:
                raise ConnectionRefusedError("dial tcp: connection refused")
            self.asked.append(asked)
            return self.answer(asked)

        return handle


async def serve_web(server: Server, **endpoint: Any) -> None:
    ports = [{"name": "web", "port": 80}, {"name": "tls", "port": 443}]
    await server.create(
        f"{DEFAULT}/services", {"metadata": {"name": "s"}, "spec": {"ports": ports}}
    )
    await server.create(
        SLICES,
        {
            "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
            "addressType": "IPv4",
            "ports": [{"name": "web", "port": 8080}, {"name": "tls", "port": 8443}],
            "endpoints": [{"addresses": ["192.0.2.7"], **endpoint}],
        },
    )


async def run_pod(server: Server, *, node: str = "far") -> None:
    container = {"name": "c", "image": "i", "ports": [{"containerPort": 8080}]}
    spec = {"nodeName": node, "containers": [container]}
    await server.create(f"{DEFAULT}/pods", {"metadata": {"name": "p"}, "spec": spec})
    status = {"phase": "Running", "podIP": "192.0.2.7", "podIPs": [{"ip": "192.0.2.7"}]}
    patch = {"status": status}
    merge = "application/merge-patch+json"
    answer = await server.ask("PATCH", f"{DEFAULT}/pods/p/status", patch, merge)
    assert answer.status == 200, answer.json


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_reaches_a_service(autojump_clock: object, method: str) -> None:
    outside = Outside()
    async with running(controllers=False, webhooks=outside) as server:
        await serve_web(server)
        path = f"{DEFAULT}/services/s:web/proxy/some/path/?a=1&b=2"
        answer = await server.ask(method, path, b"body" if method == "POST" else None)
        assert answer.status == 200
        if method != "HEAD":
            assert answer.json == {"method": method, "path": "/some/path/"}
        [asked] = outside.asked
        assert asked.query == (("a", "1"), ("b", "2"))
        assert asked.body == (b"body" if method == "POST" else b"")
        assert asked.headers["x-forwarded-uri"] == path.partition("?")[0]
        assert outside.endpoints[0].url == "http://192.0.2.7:8080"
        bare = await server.ask(method, f"{DEFAULT}/services/s:web/proxy?a=1")
        if method in ("GET", "HEAD"):
            assert bare.status == 301
            assert dict(bare.headers)["Location"] == f"{DEFAULT}/services/s:web/proxy/?a=1"
        else:
            assert bare.json == {"method": method, "path": "/"}


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("s:80", "http://192.0.2.7:8080"),
        ("http:s:web", "http://192.0.2.7:8080"),
        ("https:s:tls", "https://192.0.2.7:8443"),
        ("https:s:443", "https://192.0.2.7:8443"),
    ],
)
async def test_names_of_services(autojump_clock: object, name: str, url: str) -> None:
    outside = Outside()
    async with running(controllers=False, webhooks=outside) as server:
        await serve_web(server)
        assert (await server.ask("GET", f"{DEFAULT}/services/{name}/proxy/")).status == 200
        assert outside.endpoints[0].url == url
        assert not outside.endpoints[0].verified and outside.endpoints[0].streams


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("none", 404, 'services "none" not found'),
        ("s", 503, 'no endpoints available for service "s"'),
        ("s:81", 503, 'no service port 81 found for service "s"'),
        ("s:other", 503, 'no endpoints available for service "s:other"'),
        ("ftp:s:web", 400, 'invalid service request "ftp:s:web"'),
        ("a:b:c:d", 400, 'invalid service request "a:b:c:d"'),
    ],
)
async def test_services_that_lead_nowhere(
    autojump_clock: object, name: str, status: int, message: str
) -> None:
    async with running(controllers=False, webhooks=Outside()) as server:
        await serve_web(server)
        answer = await server.ask("GET", f"{DEFAULT}/services/{name}/proxy/")
        assert (answer.status, answer.json["message"]) == (status, message)


async def test_an_endpoint_must_be_of_the_pod_that_it_names(autojump_clock: object) -> None:
    outside = Outside()
    reference = {"kind": "Pod", "namespace": "default", "name": "p"}
    async with running(webhooks=outside) as server:
        await trio.sleep(1)
        await serve_web(server, targetRef=reference)
        path = f"{DEFAULT}/services/s:web/proxy/"
        refused = await server.ask("GET", path)
        assert refused.json["message"] == 'no endpoints available for service "s:web"'
        await run_pod(server)
        assert (await server.ask("GET", path)).status == 200
        outside.refuses = True
        gone = await server.ask("GET", path)
        assert (gone.status, gone.json["reason"]) == (503, "ServiceUnavailable")
        assert gone.json["message"] == (
            "error trying to reach service: dial tcp: connection refused"
        )


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("p", "http://192.0.2.7:8080"),
        ("p:9", "http://192.0.2.7:9"),
        ("https:p:9", "https://192.0.2.7:9"),
    ],
)
async def test_names_of_pods(autojump_clock: object, name: str, url: str) -> None:
    outside = Outside()
    async with running(webhooks=outside) as server:
        await trio.sleep(1)
        await run_pod(server)
        answer = await server.ask("POST", f"{DEFAULT}/pods/{name}/proxy/x")
        assert answer.json == {"method": "POST", "path": "/x"}
        assert outside.endpoints[0].url == url


async def test_pods_that_cannot_be_reached(autojump_clock: object) -> None:
    outside = Outside()
    async with running(nodes=1, scheduler=True, webhooks=outside) as server:
        await trio.sleep(2)
        container = {"name": "c", "image": "i", "ports": [{"containerPort": 80}]}
        pod = {"metadata": {"name": "f"}, "spec": {"containers": [container]}}
        await server.create(f"{DEFAULT}/pods", pod)
        missing = await server.ask("GET", f"{DEFAULT}/pods/f/proxy/")
        assert (missing.status, missing.json["message"]) == (400, "address not allowed")
        await trio.sleep(10)
        ip = (await server.get(f"{DEFAULT}/pods/f"))["status"]["podIP"]
        for target, why in (
            ("f:8080", f"dial tcp {ip}:8080: connect: connection refused"),
            ("f:web", "dial tcp: lookup tcp/web: unknown port"),
            ("f:65536", "dial tcp: address 65536: invalid port"),
            ("https:f:80", "http: server gave HTTP response to HTTPS client"),
        ):
            answer = await server.ask("GET", f"{DEFAULT}/pods/{target}/proxy/")
            assert answer.status == 503
            assert answer.json["message"] == f"error trying to reach service: {why}"
        answer = await server.ask("GET", f"{DEFAULT}/pods/f/proxy/")
        assert answer.body == b"k8slite: pod default/f, container c, port 80\n"
        assert outside.asked == [], "its address may be somebody else's"
        [node] = (await server.get("/api/v1/nodes"))["items"]
        name = node["metadata"]["name"]
        logs = f"/api/v1/nodes/{name}/proxy/containerLogs/default/f/c"
        assert (await server.ask("GET", logs)).status == 200
        assert (await server.ask("GET", logs.replace(name, f"https:{name}:10250"))).status == 200
        other = await server.ask("GET", f"/api/v1/nodes/{name}:9/proxy/")
        assert "connect: connection refused" in other.json["message"]
        refused = await server.ask("GET", logs, user="nobody")
        assert refused.status == 403


async def test_links_are_seen_from_outside(autojump_clock: object) -> None:
    page = b'<a href="/rewriteme">test</a><img src="x.png"><p title="/no">/no</p><a href="//e/x">'
    outside = Outside(lambda _asked: Response(200, page, HTML))
    async with running(controllers=False, webhooks=outside) as server:
        await serve_web(server)
        before = f"{DEFAULT}/services/s:web/proxy"
        answer = await server.ask("GET", f"{before}/", accept="text/html")
        seen = page.replace(b'"/rewriteme"', f'"{before}/rewriteme"'.encode())
        assert answer.body == seen
        packed = (*HTML, ("Content-Encoding", "gzip"))
        outside.answer = lambda _asked: Response(200, gzip.compress(page), packed)
        answer = await server.ask("GET", f"{before}/deep/page")
        assert gzip.decompress(answer.body) == seen
        outside.answer = lambda _asked: Response(200, b"no gzip", packed)
        assert (await server.ask("GET", f"{before}/")).body == b"no gzip"
        for location, shown in (
            ("/other?x=1", f"{before}/other?x=1"),
            ("https://elsewhere.e.com/", "https://elsewhere.e.com/"),
            ("next", "next"),
        ):
            moved = Response(302, b"", (("Location", location),))
            outside.answer = lambda _asked, moved=moved: moved  # type: ignore[misc]
            answer = await server.ask("GET", f"{before}/")
            assert (answer.status, dict(answer.headers)["Location"]) == (302, shown)


async def test_what_proves_who_asks_stays_here(autojump_clock: object) -> None:
    outside = Outside()
    async with running(controllers=False, webhooks=outside) as server:
        await serve_web(server)
        one = request("GET", f"{DEFAULT}/services/s:web/proxy/")
        given = {"authorization": "Bearer t", "cookie": "c=1", "impersonate-user": "admin"}
        asked = evolve(one, headers={**one.headers, **given})
        answer = Answer(await server.cluster.handler(asked))
        assert answer.status == 403, "and who is played must have the right"
        asked = evolve(one, headers={**one.headers, "authorization": "Bearer t", "cookie": "c=1"})
        assert Answer(await server.cluster.handler(asked)).status == 200
        assert outside.asked[0].headers["cookie"] == "c=1"
        assert "authorization" not in outside.asked[0].headers


async def test_admission_sees_connections(autojump_clock: object) -> None:
    def answer(asked: Request) -> Response:
        if asked.path != "/admit":
            return echo(asked)
        review: Json = json.loads(asked.body)
        seen.append(review["request"])
        response = {"uid": review["request"]["uid"], "allowed": False}
        return Response(200, json.dumps({**review, "response": response}).encode())

    seen: list[Json] = []
    hook = {
        "name": "a.e.com",
        "clientConfig": {"url": "https://hooks.e.com/admit"},
        "rules": [
            {
                "operations": ["CONNECT"],
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "resources": ["services/proxy"],
            }
        ],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    async with running(controllers=False, webhooks=Outside(answer)) as server:
        await serve_web(server)
        await server.create(path, {"metadata": {"name": "c"}, "webhooks": [hook]})
        refused = await server.ask("GET", f"{DEFAULT}/services/s:web/proxy/x")
        assert refused.status == 400
        [asked] = seen
        assert (asked["operation"], asked["subResource"]) == ("CONNECT", "proxy")
        assert asked["object"]["kind"] == "ServiceProxyOptions" and asked["object"]["path"] == "/x"
