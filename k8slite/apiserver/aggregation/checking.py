"""Whether an extension API server answers, and what it says that it serves.

The list of resources, which it must have to be available, is what discovery tells of a server that
has no aggregated discovery. Upstream asks for each by itself, in `kube-aggregator`:
`pkg/controllers/status/remote`, `pkg/apiserver/handler_discovery.go`, `pkg/controllers/openapi`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import trio
from attrs import define

from k8slite.apiserver.aggregation.described import (
    ACCEPT,
    from_resource_list,
    is_aggregated,
    read_aggregated,
    version_of,
)
from k8slite.apiserver.aggregation.forwarding import Forwarder
from k8slite.apiserver.aggregation.known import Known, KnownResources
from k8slite.apiserver.calling.endpoint import CallFailed
from k8slite.messages import Handler, Request, Response, User, read_all
from k8slite.objects.codec import loads

Json = dict[str, Any]

SECONDS: Final = 5.0  # "the request should happen quickly"
_ASKER: Final = User("system:kube-aggregator", ("system:masters",))
_NO_HEADERS: Final[Mapping[str, str]] = {}


@define(eq=False)
class Checker:
    """Asks extension API servers."""

    forwarder: Forwarder
    known: KnownResources

    async def check(self, service: Json) -> str:
        """Why the server of an APIService is not available; "" where it is.

        What it serves is known afterwards.
        """
        spec = service["spec"]
        at = (spec.get("group", ""), spec["version"])
        path = f"/apis/{at[0]}/{at[1]}"
        try:
            handler, url = self._way(service)
            response = await self._get(handler, path, f"{url}{path}")
        except CallFailed as failure:
            self.known.forget(at)
            return str(failure)
        if not 200 <= response.status < 300:
            self.known.forget(at)
            text = f"bad status from {url}{path}: {response.status}"
            return f"failing or missing response from {url}{path}: {text}"
        uid = service["metadata"].get("uid", "")
        tag, description = "", None
        try:
            tag, description = await self._discovered(handler, at, url, self.known.of(at, uid))
            if description is None:
                description = from_resource_list(at[1], _json(response))
        except (CallFailed, ValueError):
            pass  # the server is there, but does not say what it has: that is what None tells
        openapi, swagger = await self._described(handler, path)
        self.known.learn(at, Known(uid, description, openapi, swagger, tag))
        return ""

    def _way(self, service: Json) -> tuple[Handler, str]:
        endpoint = self.forwarder.endpoint(service, checks=True)
        if self.forwarder.way is None:
            raise CallFailed("there is no way to other API servers from here")
        try:
            return self.forwarder.way(endpoint), endpoint.url
        except ValueError as error:
            raise CallFailed(str(error)) from None

    async def _discovered(
        self, handler: Handler, at: tuple[str, str], url: str, before: Known | None
    ) -> tuple[str, Json | None]:
        """A group and version in the server's aggregated discovery, and that document's tag; None
        where it has no such document. Raises CallFailed or ValueError."""
        headers = {"if-none-match": before.tag} if before is not None and before.tag else {}
        response = await self._get(handler, "/apis", f"{url}/apis", ACCEPT, headers)
        if response.status == 304 and before is not None:
            return before.tag, before.description
        if response.status == 503:
            raise CallFailed(f"service {url} returned non-success response code: 503")
        if response.status != 200 or not is_aggregated(_header(response, "content-type")):
            return "", None
        assert isinstance(response.body, bytes)
        versions = read_aggregated(loads(response.body))
        return _header(response, "etag"), versions.get(at) or version_of(at[1])

    async def _described(self, handler: Handler, path: str) -> tuple[dict[str, str], Json]:
        """What it serves in OpenAPI v3 and v2; nothing of a server that has none."""
        try:
            index = _json(await self._get(handler, "/openapi/v3", "/openapi/v3"))
            swagger = _json(await self._get(handler, "/openapi/v2", "/openapi/v2"))
        except CallFailed:
            return {}, {}
        paths = index.get("paths")
        name = path.removeprefix("/")
        one = paths.get(name) if isinstance(paths, dict) else None
        address = one.get("serverRelativeURL") if isinstance(one, dict) else None
        return ({name: address} if isinstance(address, str) else {}), swagger

    async def _get(
        self,
        handler: Handler,
        path: str,
        shown: str,
        accept: str = "application/json",
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> Response:
        """Raises CallFailed."""
        request = Request("GET", path, (), {"accept": accept, **headers})
        asked = self.forwarder.asked_for(_ASKER, request)
        try:
            with trio.fail_after(SECONDS):
                response = await handler(asked)
                return Response(response.status, await read_all(response), response.headers)
        except trio.TooSlowError:
            why = f'Get "{shown}": context deadline exceeded'
        except (OSError, ValueError) as error:
            why = f'Get "{shown}": {error}'
        raise CallFailed(f"failing or missing response from {shown}: {why}")


def _json(response: Response) -> Json:
    """An answer that should be an object; {} for what is none."""
    assert isinstance(response.body, bytes)
    try:
        found = loads(response.body) if response.status == 200 else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _header(response: Response, name: str) -> str:
    return next((value for key, value in response.headers if key.lower() == name), "")
