"""One question to a webhook, in JSON, and its answer within a time.

Upstream: `apiserver/pkg/util/webhook` (ClientManager).
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import trio
from attrs import frozen

from k8slite.apiserver.calling.endpoint import CallFailed, Endpoint, Way
from k8slite.apiserver.calling.services import Services
from k8slite.messages import Request, read_all
from k8slite.objects.codec import dumps, loads

Json = dict[str, Any]


@frozen
class Caller:
    """Calls webhooks."""

    services: Services
    way: Way | None

    async def ask(self, client: Json, review: Json, *, seconds: float) -> Json:
        """Send a review to where a `clientConfig` points, and return the answered one.

        Raises CallFailed.
        """
        if self.way is None:
            raise CallFailed("there is no way to webhooks from here")
        endpoint, path, shown = self._endpoint(client)
        query = (("timeout", f"{int(seconds)}s"),)
        headers = {"content-type": "application/json", "accept": "application/json"}
        request = Request("POST", path, query, headers, dumps(review))
        shown = f'Post "{shown}?timeout={int(seconds)}s"'
        try:
            with trio.fail_after(seconds):
                response = await self.way(endpoint)(request)
                body = await read_all(response)
        except trio.TooSlowError:
            raise CallFailed(f"{shown}: context deadline exceeded") from None
        except (OSError, ValueError) as error:
            raise CallFailed(f"{shown}: {error}") from None
        if response.status != 200:
            raise CallFailed(f"the server rejected our request: {response.status}")
        try:
            found = loads(body)
        except ValueError as error:
            raise CallFailed(f"{shown}: {error}") from None
        if not isinstance(found, dict):
            raise CallFailed(f"{shown}: the answer is no object")
        return found

    def _endpoint(self, client: Json) -> tuple[Endpoint, str, str]:
        """Where, which path, and how both are told of together."""
        bundle = read_bundle(client.get("caBundle") or "")
        url = client.get("url")
        if url:
            host, slash, path = url.removeprefix("https://").partition("/")
            where = host if ":" in host.rpartition("]")[2] else f"{host}:443"
            return Endpoint(f"https://{where}", bundle), slash + path or "/", url
        service = client["service"]
        name, namespace = service["name"], service["namespace"]
        port = service.get("port", 443)
        path = service.get("path") or "/"
        server = f"{name}.{namespace}.svc"
        address = self.services.address(namespace, name, port)
        shown = f"https://{server}:{port}{path}"
        return Endpoint(f"https://{address}", bundle, server), path, shown


def read_bundle(bundle: str) -> str:
    """The PEM in a `caBundle`. Raises CallFailed."""
    try:
        return base64.b64decode(bundle, validate=True).decode()
    except (ValueError, binascii.Error):
        raise CallFailed("the CA bundle is not base64 of PEM") from None
