"""The fake API with what the controllers that care for all resources need: discovery, deletion of
collections, finalization, and the finalizer of an orphaning deletion."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import trio

from k8slite.client.client import Client
from k8slite.client.mirrors import Mirrors
from k8slite.client.resource import (
    CONFIG_MAPS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Resource,
)
from k8slite.controllers.controller import Context, Controller
from k8slite.messages import Request, Response
from k8slite.objects.meta import timestamp
from tests.client.fake_api import FakeApi

Json = dict[str, Any]

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
RESOURCES = (
    CONFIG_MAPS,
    ENDPOINTS,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    REPLICA_SETS,
    LEASES,
    ENDPOINT_SLICES,
)


class WholeApi:
    """A FakeApi that answers for `resources` as a server does; `api` is for looking inside."""

    def __init__(self, resources: Sequence[Resource] = RESOURCES) -> None:
        self.resources = list(resources)
        self.api = FakeApi(before=self._before)

    def context(self) -> Context:
        world = self.api.world
        client = self.api.client("mirrors")
        return Context(self.api.client, world, Mirrors(client, world, "mirrors"))

    def client(self) -> Client:
        return self.api.client("user")

    def events(self) -> list[tuple[str, str, str, str]]:
        """What was recorded: object, type, reason, message."""
        found = []
        for event in self.api.list("/api/v1/events"):
            about = event["involvedObject"]["name"]
            found.append((about, event["type"], event["reason"], event["message"]))
        return found

    async def _before(self, request: Request) -> Response | None:
        path, api = request.path, self.api
        if path in ("/api", "/apis"):
            return _json(self._discovery(grouped=path == "/apis"))
        parts = path.strip("/").split("/")
        if parts[:3] == ["api", "v1", "namespaces"] and len(parts) == 5:
            if request.method == "PUT":
                return _json(self._namespace(parts[3], parts[4], orjson.loads(request.body)))
            if request.method == "DELETE":
                for obj in api.list(path):
                    await Client(api.handle).delete(
                        self._resource("", parts[4]), obj["metadata"]["name"], parts[3]
                    )
                return _json({})
        if parts[0] == "apis" and len(parts) == 6 and request.method == "DELETE":
            for obj in api.list(path):
                resource = self._resource(parts[1], parts[5])
                await Client(api.handle).delete(resource, obj["metadata"]["name"], parts[4])
            return _json({})
        if request.method == "DELETE" and request.body:
            options = orjson.loads(request.body)
            if options.get("propagationPolicy") == "Orphan" and api.get(path):
                api.change(path, lambda obj: _finalize(obj, "orphan"))
        return None

    def _resource(self, group: str, plural: str) -> Resource:
        return next(one for one in self.resources if (one.group, one.plural) == (group, plural))

    def _namespace(self, name: str, subresource: str, wanted: Json) -> Json:
        path = f"/api/v1/namespaces/{name}"
        found = self.api.get(path)
        assert found is not None
        assert wanted["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
        if subresource == "status":
            return self.api.put(path, {**found, "status": wanted["status"]})
        assert subresource == "finalize"
        if not wanted["spec"]["finalizers"]:
            return self.api.put(path, None)
        return self.api.put(path, {**found, "spec": wanted["spec"]})

    def _discovery(self, *, grouped: bool) -> Json:
        groups: dict[str, list[Json]] = {}
        for one in self.resources:
            if bool(one.group) == grouped:
                groups.setdefault(one.group, []).append(
                    {
                        "resource": one.plural,
                        "responseKind": {"group": "", "version": "", "kind": one.kind},
                        "scope": "Namespaced" if one.namespaced else "Cluster",
                        "verbs": VERBS,
                    }
                )
        items = [
            {
                "metadata": {"name": name} if name else {},
                "versions": [{"version": "v1", "resources": found, "freshness": "Current"}],
            }
            for name, found in groups.items()
        ]
        return {"kind": "APIGroupDiscoveryList", "items": items}


@asynccontextmanager
async def running(
    whole: WholeApi, *makers: Callable[[Context], Controller]
) -> AsyncIterator[list[Controller]]:
    """Controllers at work, with mirrors that have synced."""
    context = whole.context()
    controllers = [make(context) for make in makers]
    async with trio.open_nursery() as nursery:
        await nursery.start(context.mirrors.run)
        for controller in controllers:
            await nursery.start(controller.run)
        yield controllers
        nursery.cancel_scope.cancel()


def add(whole: WholeApi, resource: Resource, name: str, namespace: str = "", **rest: Any) -> Json:
    """Store an object as another client would have; `metadata` adds to what every one has."""
    api = whole.api
    metadata = {
        "name": name,
        "uid": api.world.uid(),
        "generation": 1,
        "creationTimestamp": timestamp(api.world.now()),
        **rest.pop("metadata", {}),
    }
    if namespace:
        metadata["namespace"] = namespace
    obj = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **rest}
    return api.put(resource.path(namespace, name), obj)


def _finalize(obj: Json, finalizer: str) -> None:
    obj["metadata"].setdefault("finalizers", []).append(finalizer)


def _json(value: Json) -> Response:
    return Response(200, orjson.dumps(value))
