"""How a node gets at the ports of its pods: for probes, and for hooks over HTTP.

Programs really listen, on the loopback; everybody else within the network of pretended containers.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote

import trio
from attrs import evolve, frozen

from k8slite.kinds.core.probe_models import HttpGetAction
from k8slite.kubelet.pod import Container
from k8slite.kubelet.runtimes.network import Network
from k8slite.messages import Peer, Request, Response, read_all
from k8slite.wire.client import ConnectionFailed, HttpClient


class Reach(Protocol):
    """A way to a pod's ports; `host` is the pod's own address."""

    @property
    def host(self) -> str: ...

    async def http(self, host: str, port: int, request: Request, *, tls: bool) -> Response:
        """Ask once. Raises OSError where there is no answer."""
        ...

    async def tcp(self, host: str, port: int) -> None:
        """Connect, and let go. Raises OSError where nobody listens."""
        ...

    async def health(self, port: int, service: str, seconds: float) -> str:
        """Ask for a service's health over gRPC: why it is not well, "" where it is."""
        ...


@frozen
class OverSockets:
    """To a program of this process."""

    host: str

    async def http(self, host: str, port: int, request: Request, *, tls: bool) -> Response:
        context = None
        if tls:  # upstream does not look at the certificate either
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        url = f"{'https' if tls else 'http'}://{_joined(host, port)}"
        with HttpClient(url, context) as client:
            try:
                return await client(request)
            except ConnectionFailed as failed:
                raise OSError(str(failed)) from None

    async def tcp(self, host: str, port: int) -> None:
        stream = await trio.open_tcp_stream(host, port)
        await stream.aclose()

    async def health(self, port: int, service: str, seconds: float) -> str:
        from k8slite.kubelet.runtimes import grpc_health  # HTTP/2 is for these alone

        return await grpc_health.complaint(self.host, port, service, AGENT, seconds)


@frozen
class Within:
    """To a pretended container, from its node."""

    network: Network
    host: str

    async def http(self, host: str, port: int, request: Request, *, tls: bool) -> Response:
        asked = evolve(request, peer=Peer(self.network.source(self.host)))
        return await self.network.call(host, port, asked, tls=tls)

    async def tcp(self, host: str, port: int) -> None:
        await trio.lowlevel.checkpoint()
        self.network.find(host, port)

    async def health(self, port: int, service: str, seconds: float) -> str:
        await trio.lowlevel.checkpoint()
        try:
            listener = self.network.find(self.host, port)
        except ConnectionRefusedError:
            # Upstream tries again until its time is over.
            waited = f"within {seconds:g}s: context deadline exceeded"
            return f'timeout: failed to connect service "{_joined(self.host, port)}" {waited}'
        if listener.health is None:
            return "error: health rpc probe failed: rpc error: code = Unavailable desc = EOF"
        found = listener.health(service)
        if found is None:
            told = "rpc error: code = NotFound desc = unknown service"
            return f"error: health rpc probe failed: {told}"
        return "" if found == "SERVING" else f'service unhealthy (responded with "{found}")'


async def get(reach: Reach, action: HttpGetAction, container: Container, agent: str) -> Response:
    """Do what a probe or a hook over HTTP says, redirects on the same host followed.

    Raises OSError where there is no answer, in Go's words. Upstream: `pkg/probe/http`.
    """
    host, port = action.host or reach.host, port_of(action.port, container)
    tls = (action.scheme or "HTTP") == "HTTPS"
    headers = {"user-agent": agent, "accept": "*/*", "host": _joined(host, port)}
    headers.update((one.name.lower(), one.value) for one in action.http_headers)
    scheme = "https" if tls else "http"
    target = f"/{(action.path or '').removeprefix('/')}"
    for _ in range(_REDIRECTS_MOST):
        try:
            response = await reach.http(host, port, _request(target, headers), tls=tls)
        except OSError as error:
            url = f"{scheme}://{_joined(host, port)}{target}"
            raise OSError(f'Get "{url}": {error}') from None
        location = next((v for k, v in response.headers if k.lower() == "location"), "")
        if not (300 <= response.status < 400 and location):
            return response
        here = f"{scheme}://{_joined(host, port)}"
        if location.startswith(f"{here}/"):
            location = location.removeprefix(here)
        if not location.startswith("/"):
            return response  # elsewhere: that is good enough
        await read_all(response)
        target = location
    raise OSError(f'Get "{target}": stopped after {_REDIRECTS_MOST} redirects')


def port_of(port: int | str, container: Container) -> int:
    """A port's number; its name is that of one of the container's. Raises OSError."""
    if isinstance(port, int) or port.isdecimal():
        return int(port)
    for one in container.ports:
        if one.name == port:
            return one.container_port
    raise OSError(f"couldn't find port: {port}")


def _request(target: str, headers: Mapping[str, str]) -> Request:
    path, _, query = target.partition("?")
    pairs = tuple(parse_qsl(query, keep_blank_values=True))
    return Request("GET", unquote(path), pairs, dict(headers))


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_REDIRECTS_MOST: Final = 10
AGENT: Final = "kube-probe/1.37"
