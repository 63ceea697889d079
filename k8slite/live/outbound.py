"""Ways out of the API server: connections to webhooks and extension API servers, kept open."""

from __future__ import annotations

import ssl
from typing import Final

from k8slite.apiserver.calling.endpoint import Endpoint
from k8slite.live.certificates import Pair
from k8slite.messages import Handler
from k8slite.wire.client import HttpClient
from k8slite.wire.limits import ClientLimits

# Webhooks come and go with their configurations; beyond this many the oldest way is closed.
_KEPT_MOST: Final = 64
# What a stranger may have us remember of one answer: a converted list of some ten thousand objects.
_LIMITS: Final = ClientLimits(max_body_bytes=128 * 1024 * 1024)
# Who is proxied to may think as long as his client waits: the client's going away ends it.
_PROXYING: Final = ClientLimits(header_seconds=24 * 3600.0)


class Outbound:
    """From an endpoint to the Handler that leads there. Use it as `with`."""

    def __init__(self) -> None:
        # Shown to extension API servers, which believe its bearer whom it asks for.
        self.front_proxy: Pair | None = None
        self._clients: dict[Endpoint, HttpClient] = {}

    def __call__(self, endpoint: Endpoint) -> Handler:
        """Raises ValueError where the authorities cannot be read."""
        client = self._clients.get(endpoint)
        if client is None:
            if len(self._clients) >= _KEPT_MOST:
                self._clients.pop(next(iter(self._clients))).close()
            client = HttpClient(
                endpoint.url,
                self._context(endpoint) if endpoint.url.startswith("https:") else None,
                server_name=endpoint.server_name,
                limits=_PROXYING if endpoint.streams else _LIMITS,
                streams=endpoint.streams,
            )
            self._clients[endpoint] = client
        return client

    def _context(self, endpoint: Endpoint) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cadata=endpoint.ca_bundle or None)
        except ssl.SSLError as error:
            raise ValueError(f"unable to load root certificates: {error}") from None
        if not endpoint.verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if endpoint.front_proxy and self.front_proxy is not None:
            context.load_cert_chain(self.front_proxy.certificate, self.front_proxy.key)
        return context

    def __enter__(self) -> Outbound:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
