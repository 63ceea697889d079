"""What extension API servers serve, taken into what this server says of itself and passed on.

Like custom resources, APIServices are looked at when the next request comes.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field

from k8slite.apiserver.aggregation.checking import Checker
from k8slite.apiserver.aggregation.forwarding import Forwarder
from k8slite.apiserver.aggregation.known import KnownResources
from k8slite.apiserver.aggregation.merging import RemoteVersion
from k8slite.apiserver.aggregation.services import RemoteServices
from k8slite.apiserver.calling.endpoint import Way
from k8slite.apiserver.calling.services import Services
from k8slite.apiserver.discovery import Discovery
from k8slite.apiserver.openapi import OpenApi
from k8slite.apiserver.storage import Storage
from k8slite.messages import Request, Response, User

Json = dict[str, Any]

_OPENAPI: Final = "/openapi/v3"


@define(eq=False)
class Aggregation:
    """All parts of it."""

    storage: Storage
    services: Services
    way: Way | None
    minor: int
    discovery: Discovery
    openapi: OpenApi
    remote: RemoteServices = field(init=False)
    known: KnownResources = field(factory=KnownResources, init=False)
    forwarder: Forwarder = field(init=False)
    _told: tuple[int, int] = (0, 0)

    def __attrs_post_init__(self) -> None:
        self.remote = RemoteServices(self.storage)
        self.forwarder = Forwarder(self.services, self.way, self.minor)

    async def check(self, service: Json) -> str:
        """Why the server of an APIService is not available; "" where it is."""
        return await Checker(self.forwarder, self.known).check(service)

    def catch_up(self) -> None:
        """Have discovery and OpenAPI tell what is known now."""
        services = self.remote.all()
        now = (self.remote.changes, self.known.changes)
        if now == self._told:
            return
        self._told = now
        versions: list[RemoteVersion] = []
        addresses: dict[str, str] = {}
        swagger: list[tuple[str, Json]] = []
        for (group, version), service in services.items():
            spec = service["spec"]
            known = self.known.of((group, version), service["metadata"]["uid"])
            priorities = spec.get("groupPriorityMinimum", 0), spec.get("versionPriority", 0)
            described = known.description if known is not None else None
            versions.append(RemoteVersion(group, version, *priorities, described))
            if known is not None:
                addresses.update(known.openapi)
                swagger.append((f"/apis/{group}/{version}", known.swagger))
        self.discovery.update_remote(versions)
        self.openapi.update_remote(addresses, swagger)

    def server_of(self, path: str) -> Json | None:
        """The APIService whose server is to answer at a path; None where this server is."""
        return self.remote.of_path(path.removeprefix(_OPENAPI))

    async def forward(
        self, service: Json, request: Request, user: User, *, takes_long: bool
    ) -> Response:
        """Pass a request on to an APIService's server."""
        return await self.forwarder.forward(service, request, user, takes_long=takes_long)
