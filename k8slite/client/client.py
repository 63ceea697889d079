"""Requests to a Kubernetes API, whichever way its Handler is reached.

Every call answers with decoded objects (plain dicts, the caller's to change) or raises the
ApiError that the Status stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from k8slite.client.resource import Resource
from k8slite.messages import Handler, Request, Response, Stream, read_all
from k8slite.objects.codec import dumps, loads
from k8slite.objects.errors import ApiError, from_status

Json = dict[str, Any]

MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH: Final = "application/strategic-merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"


@frozen
class Client:
    """A component's way to the API; `user_agent` becomes the field manager's name."""

    handler: Handler
    user_agent: str = "k8slite"
    token: str = ""
    wired: bool = True  # whether a connection may die without a word

    async def get(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        subresource: str = "",
        resource_version: str = "",
    ) -> Json:
        """Read one object, or one subresource of it; "0" for `resource_version` takes any version
        that the server has at hand, however old, "" the newest."""
        parameters = {"resourceVersion": resource_version} if resource_version else None
        path = resource.path(namespace, name, subresource)
        return await self._call("GET", path, parameters=parameters)

    async def list(self, resource: Resource, namespace: str = "", **parameters: str | int) -> Json:
        """Read a collection, whole or the page that `limit` and `continue_` name.

        Other parameters: labelSelector, fieldSelector, resourceVersion, resourceVersionMatch.
        """
        return await self._call("GET", resource.path(namespace), parameters=parameters)

    async def create(
        self,
        resource: Resource,
        obj: Json,
        namespace: str = "",
        *,
        name: str = "",
        subresource: str = "",
    ) -> Json:
        """Create an object, or post to the subresource (`binding`, `eviction`) of one."""
        path = resource.path(namespace, name, subresource)
        return await self._call("POST", path, body=dumps(obj))

    async def update(self, resource: Resource, obj: Json, *, subresource: str = "") -> Json:
        """Replace an object, or one subresource of it; a resourceVersion in it is expected."""
        metadata = obj["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"], subresource)
        return await self._call("PUT", path, body=dumps(obj))

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        subresource: str = "",
        patch_type: str = MERGE_PATCH,
    ) -> Json:
        """Change an object by a patch of the given media type."""
        path = resource.path(namespace, name, subresource)
        return await self._call("PATCH", path, body=dumps(patch), content_type=patch_type)

    async def apply(
        self, resource: Resource, obj: Json, manager: str, *, subresource: str = ""
    ) -> Json:
        """Apply fields of an object in the server, as this manager, whoever else owns them."""
        metadata = obj["metadata"]
        return await self._call(
            "PATCH",
            resource.path(metadata.get("namespace", ""), metadata["name"], subresource),
            parameters={"fieldManager": manager, "force": "true"},
            body=dumps(obj),
            content_type=APPLY_PATCH,
        )

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", options: Json | None = None
    ) -> Json:
        """Delete an object; `options` is a DeleteOptions without its kind."""
        return await self._call(
            "DELETE", resource.path(namespace, name), body=dumps(options) if options else b""
        )

    async def watch(
        self, resource: Resource, namespace: str = "", **parameters: str | int
    ) -> Stream:
        """Open a watch: a stream of JSON lines, to be closed by the caller."""
        response = await self.request(
            "GET", resource.path(namespace), parameters={**parameters, "watch": "true"}
        )
        if isinstance(response.body, bytes):
            raise TypeError("a watch was answered without a stream")
        return response.body

    async def request(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str | int] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
    ) -> Response:
        """Send a request and return the response as it is; raises ApiError for 400 and above."""
        headers = {"user-agent": self.user_agent, "accept": "application/json"}
        if body:
            headers["content-type"] = content_type
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        query = tuple((key.rstrip("_"), str(value)) for key, value in (parameters or {}).items())
        response = await self.handler(Request(method, path, query, headers, body))
        if response.status >= 400:
            raise await _error(response)
        return response

    async def _call(self, method: str, path: str, **options: Any) -> Json:
        response = await self.request(method, path, **options)
        found: Json = loads(await read_all(response))
        return found


async def _error(response: Response) -> ApiError:
    body = await read_all(response)
    try:
        status = loads(body)
    except ValueError:
        status = {"message": body.decode(errors="replace")}
    if not isinstance(status, dict):
        status = {"message": str(status)}
    return from_status(status, response.status)
