"""Other servers under faults: an extension API server, a converter; swept like the others."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import trio
from attrs import evolve

from k8slite.apiserver.calling.endpoint import Endpoint
from k8slite.client.resource import (
    API_SERVICES,
    CUSTOM_RESOURCE_DEFINITIONS,
    ENDPOINT_SLICES,
    NAMESPACES,
    SERVICES,
    Resource,
)
from k8slite.cluster import Settings
from k8slite.messages import Handler, Request, Response
from k8slite.objects.errors import ApiError, NotFound
from k8slite.objects.meta import find_condition
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation
from tests.apiserver.extension import NAME, ROOT, api_service, endpoint_slice
from tests.apiserver.extension import service as backend

Json = dict[str, Any]

HOSTS = {v: Resource("e.com", v, "hosts", "Host", namespaced=True) for v in ("v1", "v2")}
FIELDS = {"v1": ("hostPort",), "v2": ("host", "port")}


class Outside:
    """An extension API server, and a converter, that are well or not."""

    def __init__(self) -> None:
        self.well = True

    def __call__(self, endpoint: Endpoint) -> Handler:
        async def handle(request: Request) -> Response:
            await trio.sleep(0.01)
            if not self.well:
                raise ConnectionRefusedError("connection refused")
            if request.method == "POST":
                return _converted(json.loads(request.body))
            return _extension(request)

        return handle


def _extension(request: Request) -> Response:
    """Objects that the garbage collector does not care for, and namespaces do."""
    if request.path == ROOT:
        one = {
            "name": "flunders",
            "singularName": "flunder",
            "namespaced": True,
            "kind": "Flunder",
            "verbs": ["delete", "deletecollection", "list"],
        }
        return Response(200, json.dumps({"resources": [one]}).encode())
    if request.path.startswith("/openapi"):
        return Response(404, b"{}")
    listed = {"metadata": {"resourceVersion": "1"}, "items": []}
    return Response(200, json.dumps(listed).encode())


def _converted(review: Json) -> Response:
    asked = review["request"]
    wanted = asked["desiredAPIVersion"]
    converted = []
    for one in asked["objects"]:
        new = {**one, "apiVersion": wanted}
        if wanted == "e.com/v2":
            new["host"], _, new["port"] = new.pop("hostPort", ":").partition(":")
        else:
            new["hostPort"] = f"{new.pop('host', '')}:{new.pop('port', '')}"
        converted.append(new)
    result = {"status": "Success"}
    response = {"uid": asked["uid"], "result": result, "convertedObjects": converted}
    return Response(200, json.dumps({**review, "response": response}).encode())


class Behind(Scenario):
    """A scenario with others around the cluster, new ones in each run."""

    nodes = 0
    scheduler = False
    outside: Outside

    @classmethod
    def settings(cls) -> Settings:
        cls.outside = Outside()
        return evolve(super().settings(), webhooks=cls.outside)


class Extended(Behind):
    """An extension API server comes, fails while a namespace is to go, and is well again."""

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        await client.create(API_SERVICES, api_service())
        await client.create(NAMESPACES, {"metadata": {"name": "n"}})
        await client.create(SERVICES, backend(), "default")
        await client.create(ENDPOINT_SLICES, endpoint_slice(), "default")
        await sim.until(lambda: available(sim) == "True", 120)
        self.outside.well = False
        await sim.until(lambda: available(sim) == "False", 120)
        with suppress(NotFound):
            await client.delete(NAMESPACES, "n")
        await trio.sleep(60)
        self.outside.well = True

    def check(self, sim: Simulation) -> Sequence[str]:
        found = [] if available(sim) == "True" else [f"the server is well, and {available(sim)}"]
        names = [one["metadata"]["name"] for one in sim.objects(NAMESPACES)]
        return [*found, *(["the namespace is left"] if "n" in names else [])]


def available(sim: Simulation) -> str:
    for one in sim.objects(API_SERVICES):
        if one["metadata"]["name"] == NAME:
            conditions = (one.get("status") or {}).get("conditions") or ()
            found = find_condition(conditions, "Available")
            return str(found["status"]) if found else ""
    return ""


def hosts(kept: str) -> Json:
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == kept,
            "schema": {
                "openAPIV3Schema": {
                    "type": "object",
                    "properties": {field: {"type": "string"} for field in fields},
                }
            },
        }
        for name, fields in FIELDS.items()
    ]
    client = {"url": "https://converter.e.com/"}
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    return {
        "metadata": {"name": "hosts.e.com"},
        "spec": {
            "group": "e.com",
            "scope": "Namespaced",
            "names": {"kind": "Host", "plural": "hosts"},
            "versions": versions,
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }


class Converted(Behind):
    """Objects are written in two versions while the one that is kept changes, and the converter
    fails for a while; in the end each is as it was written last, in the version that is kept."""

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        await client.create(CUSTOM_RESOURCE_DEFINITIONS, hosts("v1"))
        await sim.rest()
        await self.write(sim, "v1", "a", hostPort="a:1")
        await self.write(sim, "v2", "b", host="b", port="1")
        versions = {"spec": {"versions": hosts("v2")["spec"]["versions"]}}
        await client.patch(CUSTOM_RESOURCE_DEFINITIONS, "hosts.e.com", versions)
        self.outside.well = False
        for name in ("a", "b"):
            with suppress(ApiError):
                await client.patch(HOSTS["v1"], name, {"hostPort": "never:9"}, "default")
        await trio.sleep(30)
        self.outside.well = True
        await self.write(sim, "v1", "a", hostPort="a:2")
        await self.write(sim, "v2", "b", host="b", port="2")

    async def write(self, sim: Simulation, version: str, name: str, **fields: str) -> None:
        """Have it so, as soon as it can be had."""
        for _ in range(60):
            try:
                await sim.apply(
                    {
                        "apiVersion": f"e.com/{version}",
                        "kind": "Host",
                        "metadata": {"name": name},
                        **fields,
                    }
                )
            except (ApiError, ValueError):
                await trio.sleep(1)
            else:
                return

    def check(self, sim: Simulation) -> Sequence[str]:
        found = []
        for one in sim.objects(HOSTS["v2"], "default"):
            name = one["metadata"]["name"]
            seen = (one["apiVersion"], one.get("host"), one.get("port"))
            if seen != ("e.com/v2", name, "2"):
                found.append(f"{name} is {seen}")
        return found


SERVERS = (Extended, Converted)
