"""An extension API server in the test's own process, and the objects that make it known."""

from __future__ import annotations

import json
from typing import Any

import trio
from attrs import define, field

from k8slite.apiserver.calling.endpoint import Endpoint
from k8slite.messages import Handler, Request, Response
from tests.apiserver.oracle_server import Json, Server

API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
NAME = "v1alpha1.wardle.example.com"
ROOT = "/apis/wardle.example.com/v1alpha1"
FLUNDERS = f"{ROOT}/namespaces/default/flunders"
ADDRESS = "192.0.2.77"
AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
RESOURCES: list[Json] = [
    {
        "name": "flunders",
        "singularName": "flunder",
        "namespaced": True,
        "kind": "Flunder",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "watch"],
        "shortNames": ["fl"],
    },
    {
        "name": "flunders/status",
        "singularName": "",
        "namespaced": True,
        "kind": "Flunder",
        "verbs": ["get"],
    },
]


class Pieces:
    """A stream that a test feeds."""

    def __init__(self) -> None:
        self.sending, self._receiving = trio.open_memory_channel[bytes](10)
        self.closed = False

    async def receive(self) -> bytes:
        try:
            return await self._receiving.receive()
        except trio.EndOfChannel:
            return b""

    def close(self) -> None:
        self.closed = True


@define
class Extension:
    """Serves flunders, as long as it is told to be well."""

    endpoints: list[Endpoint] = field(factory=list)
    asked: list[Request] = field(factory=list)
    watches: list[Pieces] = field(factory=list)
    objects: dict[str, Json] = field(factory=dict)
    status: int = 200  # of its answer to who only looks whether it is well
    sleep_seconds: float = 0
    refuses: bool = False
    tells_revisions: bool = True
    aggregated: Any = None  # what it answers whoever asks for aggregated discovery
    aggregated_type: str = AGGREGATED_TYPE

    def __call__(self, endpoint: Endpoint) -> Handler:
        self.endpoints.append(endpoint)

        async def handle(request: Request) -> Response:
            self.asked.append(request)
            if self.refuses:
                raise ConnectionRefusedError("connection refused")
            await trio.sleep(self.sleep_seconds)
            return self._answer(request)

        return handle

    def asked_by(self, user: str) -> list[Request]:
        """What somebody has asked."""
        return [one for one in self.asked if one.headers.get("x-remote-user") == user]

    def _answer(self, request: Request) -> Response:
        path, method = request.path, request.method
        if path == ROOT:
            listed = {"kind": "APIResourceList", "apiVersion": "v1", "resources": RESOURCES}
            return _json(listed, self.status)
        if path == "/apis" and self.aggregated is not None:
            tag = f'"{hash(json.dumps(self.aggregated))}"'
            headers = (("Content-Type", self.aggregated_type), ("ETag", tag))
            if request.headers.get("if-none-match") == tag:
                return Response(304, b"", headers)
            return Response(200, json.dumps(self.aggregated).encode(), headers)
        if path == "/openapi/v3":
            return _json({"paths": {ROOT[1:]: {"serverRelativeURL": f"{path}{ROOT}?hash=F1"}}})
        if path == f"/openapi/v3{ROOT}":
            return _json({"openapi": "3.0.0", "paths": {}})
        if path == "/openapi/v2":
            return _json(SWAGGER)
        name = path.partition("/flunders")[2].strip("/")
        if request.parameter("watch"):
            self.watches.append(Pieces())
            return Response(200, self.watches[-1], JSON_TYPE)
        if method == "POST":
            made: Json = json.loads(request.body)
            made["metadata"]["resourceVersion"] = "1"
            self.objects[made["metadata"]["name"]] = made
            return _json(made, 201)
        if method == "DELETE" and (not name or self.objects.pop(name, None)):
            if not name:
                self.objects.clear()
            return _json({"kind": "Status", "status": "Success"})
        if not name:
            items = list(self.objects.values())
            metadata = {"resourceVersion": "1"} if self.tells_revisions else {}
            return _json({"kind": "FlunderList", "metadata": metadata, "items": items})
        if name == "moved":
            return Response(302, b"", (("Location", "https://elsewhere.e.com/"),))
        if name not in self.objects:
            return Response(404, b'{"kind":"Status","code":404}', JSON_TYPE)
        return _json(self.objects[name])


JSON_TYPE = (("Content-Type", "application/json"), ("X-Served-By", "wardle"), ("Keep-Alive", "5"))
SWAGGER: Json = {
    "swagger": "2.0",
    "paths": {
        f"{ROOT}/": {"get": {"responses": {"200": {"schema": {"$ref": "#/definitions/Flunder"}}}}},
        "/apis/": {"get": {}},
    },
    "definitions": {
        "Flunder": {"properties": {"metadata": {"$ref": f"#/definitions/{(M := 'io.k8s.')}Meta"}}},
        f"{M}Meta": {"type": "object"},
        "Unused": {"type": "object"},
    },
}


def _json(obj: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(obj).encode(), JSON_TYPE)


def api_service(**spec: Any) -> Json:
    """The APIService of flunders."""
    return {
        "metadata": {"name": NAME},
        "spec": {
            "group": "wardle.example.com",
            "version": "v1alpha1",
            "service": {"namespace": "default", "name": "wardle", "port": 443},
            "groupPriorityMinimum": 2000,
            "versionPriority": 200,
            "insecureSkipTLSVerify": True,
            **spec,
        },
    }


def service(port: int = 443) -> Json:
    """Its Service, without a selector."""
    ports = [{"name": "https", "port": port}]
    return {"metadata": {"name": "wardle"}, "spec": {"ports": ports}}


def endpoint_slice(*, ready: bool = True, address: str = ADDRESS, port: int = 8443) -> Json:
    """Where its Service leads to."""
    return {
        "metadata": {"name": "wardle-1", "labels": {"kubernetes.io/service-name": "wardle"}},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": port}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": ready}}],
    }


async def register(server: Server, **spec: Any) -> None:
    """Make it known, with all that it needs, and wait until it is looked at."""
    await server.create("/api/v1/namespaces/default/services", service())
    path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    await server.create(path, endpoint_slice())
    await server.create(API_SERVICES, api_service(**spec))
    await trio.sleep(1)


async def condition(server: Server, name: str = NAME) -> tuple[str, str, str]:
    """Whether it is available, and why."""
    found = await server.get(f"{API_SERVICES}/{name}")
    [one] = found["status"]["conditions"]
    assert one["type"] == "Available"
    return one["status"], one["reason"], one["message"]
