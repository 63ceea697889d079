"""Ways out of the API server: TLS connections to webhooks, kept open between calls."""

from __future__ import annotations

import ssl
from typing import Final

from k8slite.apiserver.calling.endpoint import Endpoint
from k8slite.messages import Handler
from k8slite.wire.client import HttpClient

# Webhooks come and go with their configurations; beyond this many the oldest way is closed.
_KEPT_MOST: Final = 64


class Outbound:
    """From an endpoint to the Handler that leads there. Use it as `with`."""

    def __init__(self) -> None:
        self._clients: dict[Endpoint, HttpClient] = {}

    def __call__(self, endpoint: Endpoint) -> Handler:
        """Raises ValueError where the authorities cannot be read."""
        client = self._clients.get(endpoint)
        if client is None:
            try:
                context = ssl.create_default_context(cadata=endpoint.ca_bundle or None)
            except ssl.SSLError as error:
                raise ValueError(f"unable to load root certificates: {error}") from None
            if len(self._clients) >= _KEPT_MOST:
                self._clients.pop(next(iter(self._clients))).close()
            client = HttpClient(endpoint.url, context, server_name=endpoint.server_name)
            self._clients[endpoint] = client
        return client

    def __enter__(self) -> Outbound:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
