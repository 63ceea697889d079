"""Controllers against a cluster that somebody else runs: the Handler that leads there.

What a controller meets on its way is what it meets in a simulation: answers of the API, and
ConnectionErrors where there is none.
"""

from __future__ import annotations

import logging
import os
import signal
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

import trio
from attrs import evolve

from k8slite.actors import Supervisor
from k8slite.client.client import Client
from k8slite.client.mirrors import Mirrors
from k8slite.controllers import Context
from k8slite.controllers.custom import Controller
from k8slite.live.access import Access, NoAccess
from k8slite.live.credentials import Credential
from k8slite.live.world import LiveWorld
from k8slite.messages import Request, Response, read_all
from k8slite.objects.codec import loads
from k8slite.objects.errors import ApiError
from k8slite.wire.client import HttpClient

log = logging.getLogger(__name__)

_UNAUTHORIZED: Final = 401


class Remote:
    """The way to an API server that an Access describes; a Handler. Use it as `with`."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._shown: Credential | None = None
        self._http: HttpClient | None = None

    async def __call__(self, request: Request) -> Response:
        """Raises ConnectionError where there is no answer."""
        response = await self._send(request)
        if response.status == _UNAUTHORIZED and self._access.credentials.refused():
            await read_all(response)
            return await self._send(request)
        return response

    async def _send(self, request: Request) -> Response:
        access = self._access
        credential = await access.credentials.current()
        headers = {**access.headers, **request.headers}
        if credential.authorization:
            headers["authorization"] = credential.authorization
        return await self._client(credential)(evolve(request, headers=headers))

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        if self._http is not None:
            self._http.close()

    def _client(self, credential: Credential) -> HttpClient:
        """Connections that show the credential's certificate."""
        shown = self._shown
        if (
            self._http is None
            or shown is None
            or (shown.certificate, shown.key) != (credential.certificate, credential.key)
        ):
            if self._http is not None:
                self._http.close()
            context = _tls(self._access, credential)
            name = self._access.server_name
            self._http = HttpClient(self._access.server, context, server_name=name)
            self._shown = credential
        return self._http


def _tls(access: Access, credential: Credential) -> ssl.SSLContext:
    """Raises NoAccess for certificates that are none."""
    try:
        context = ssl.create_default_context(cadata=access.authorities or None)
    except ssl.SSLError as error:
        raise NoAccess(f"the cluster's certificate authority cannot be read: {error}") from None
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if credential.certificate:
        _load_pair(context, credential)
    return context


def _load_pair(context: ssl.SSLContext, credential: Credential) -> None:
    """OpenSSL's certificates come from files only."""
    with tempfile.TemporaryDirectory(prefix="k8slite-") as folder:
        path = Path(folder) / "client.pem"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{credential.certificate.rstrip()}\n{credential.key}")
        try:
            context.load_cert_chain(path)
        except ssl.SSLError as error:
            raise NoAccess(f"the client certificate cannot be used: {error}") from None


async def run(
    controllers: Sequence[type[Controller]], access: Access, ready: Callable[[str], None]
) -> None:
    """Run controllers until SIGINT or SIGTERM; `ready` is told the server's version when all
    their caches have synced.

    Raises NoAccess, ConnectionError or ApiError when the server does not answer at the start.
    """
    world, supervisor = LiveWorld(), Supervisor()
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, Remote(access) as way:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_end_at_a_signal, signals, nursery.cancel_scope)
            version = await _version(Client(way))

            def client(name: str) -> Client:
                return Client(way, name)

            for controller in controllers:
                # Its mirrors are its own: the cluster's are not ours.
                context = Context(client, world, Mirrors(client(controller.name), world, "none"))
                await nursery.start(supervisor.keep, controller(context))
            ready(version)


async def _end_at_a_signal(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for number in signals:
        log.info("%s: ending", signal.Signals(number).name)
        scope.cancel()


async def _version(client: Client) -> str:
    """Which Kubernetes answers; and whether it lets us in, which /version does not tell."""
    await client.request("GET", "/api")
    found = loads(await read_all(await client.request("GET", "/version")))
    try:
        return str(found["gitVersion"])
    except (KeyError, TypeError):
        raise ApiError("what answers is no Kubernetes API server") from None
