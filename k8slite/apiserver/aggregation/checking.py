"""Whether an extension API server answers, and what it says that it serves.

The list of resources, which it must have to be available, is what discovery tells of it, so that
one question does for both. Upstream asks for each by itself, in `kube-aggregator`:
`pkg/controllers/status/remote`, `pkg/apiserver/handler_discovery.go`, `pkg/controllers/openapi`.
"""

from __future__ import annotations

from typing import Any, Final

import trio
from attrs import define

from k8slite.apiserver.aggregation.forwarding import Forwarder
from k8slite.apiserver.aggregation.known import Known, KnownResources
from k8slite.apiserver.calling.endpoint import CallFailed
from k8slite.messages import Handler, Request, Response, User, read_all
from k8slite.objects.codec import loads

Json = dict[str, Any]

SECONDS: Final = 5.0  # "the request should happen quickly"
_ASKER: Final = User("system:kube-aggregator", ("system:masters",))


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
        found = _json(response)
        resources = found.get("resources")
        resources = resources if isinstance(resources, list) else []
        listed = [one for one in resources if _is_resource(one)]
        openapi, swagger = await self._described(handler, path)
        uid = service["metadata"].get("uid", "")
        self.known.learn(at, Known(uid, tuple(listed), openapi, swagger))
        return ""

    def _way(self, service: Json) -> tuple[Handler, str]:
        endpoint = self.forwarder.endpoint(service, checks=True)
        if self.forwarder.way is None:
            raise CallFailed("there is no way to other API servers from here")
        try:
            return self.forwarder.way(endpoint), endpoint.url
        except ValueError as error:
            raise CallFailed(str(error)) from None

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

    async def _get(self, handler: Handler, path: str, shown: str) -> Response:
        """Raises CallFailed."""
        request = Request("GET", path, (), {"accept": "application/json"})
        asked = self.forwarder.asked_for(_ASKER, request)
        try:
            with trio.fail_after(SECONDS):
                response = await handler(asked)
                return Response(response.status, await read_all(response))
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


def _is_resource(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and all(isinstance(one.get(key), str) for key in ("name", "kind"))
        and isinstance(one.get("verbs"), list)
    )
