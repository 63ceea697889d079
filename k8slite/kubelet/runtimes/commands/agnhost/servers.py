"""Subcommands that answer at ports of their own, without saying much."""

from __future__ import annotations

import posixpath
from contextlib import ExitStack
from functools import partial
from typing import Final

import trio

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.commands.agnhost.flags import Flags
from k8slite.kubelet.runtimes.commands.command import Command, complain
from k8slite.kubelet.runtimes.commands.serving import (
    Ending,
    as_json,
    error,
    listener,
    log,
    routed,
    text,
    type_of,
)
from k8slite.kubelet.runtimes.network import Listener, Protocol
from k8slite.kubelet.runtimes.session import Session
from k8slite.messages import Disconnected, Request, Response

ALIVE_SECONDS: Final = 10.0  # of `liveness`
LINGERING_SECONDS: Final = 60.0  # what `serve-hostname` goes on after SIGTERM


async def _serve_hostname(command: list[str], box: Box, session: Session) -> int:
    flags = Flags(command[2:], booleans="tcp udp http close")
    try:
        port = flags.number("port", 9376)
    except ValueError as wrong:
        return await complain(session, f"Error: {wrong}")

    async def answer(request: Request) -> Response:
        await log(box, session, f"HTTP request from {request.peer.address}")
        return text(box.hostname)

    def datagram(data: bytes, source: str) -> bytes:
        return box.hostname.encode()

    async def stop() -> int:
        await log(box, session, "Shutting down after receiving signal: terminated.")
        await log(box, session, "Awaiting pod deletion.")
        await trio.sleep(LINGERING_SECONDS)
        return 0

    udp = flags.true("udp")
    listening: tuple[Listener, Protocol] = (listener(box, answer), "TCP")
    if udp:
        listening = (Listener(datagram=datagram), "UDP")
    with box.interface.listening(port, *listening):
        await log(box, session, f"Serving on port {port}.")
        return await Ending().wait(session, stop)


async def _test_web_server(command: list[str], box: Box, session: Session) -> int:
    """All files that there are, as Go's FileServer shows them."""
    try:
        port = Flags(command[2:]).number("port", 80)
    except ValueError as wrong:
        return await complain(session, f"Error: {wrong}")

    async def answer(request: Request) -> Response:
        return _file(box, request.path)

    with box.interface.listening(port, listener(box, answer)):
        return await Ending().wait(session)


def _file(box: Box, path: str) -> Response:
    whole = posixpath.normpath(path)
    content = box.files.get(whole)
    if content is not None:
        if whole.endswith("/index.html"):
            return text("", 301, ("Location", "./"), *_SHARED)
        return text(content, 200, ("Content-Type", type_of(whole)), *_SHARED)
    if not box.is_directory(whole):
        return error("404 page not found", 404)
    if not path.endswith("/"):
        return text("", 301, ("Location", f"{posixpath.basename(whole)}/"), *_SHARED)
    index = box.files.get(posixpath.join(whole, "index.html"))
    if index is not None:
        return text(index, 200, ("Content-Type", "text/html; charset=utf-8"), *_SHARED)
    names = [
        f"{name}/" if box.is_directory(posixpath.join(whole, name)) else name
        for name in box.inside(whole)
    ]
    links = "".join(f'<a href="{name}">{name}</a>\n' for name in names)
    page = f'<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n{links}'
    typed = ("Content-Type", "text/html; charset=utf-8")
    return text(f"{page}</pre>\n", 200, typed, *_SHARED)


async def _liveness(command: list[str], box: Box, session: Session) -> int:
    """Well for ten seconds; or as ill as a path asks for."""
    began = trio.current_time()

    async def started(request: Request) -> Response:
        return text(f"{trio.current_time() - began:.9f}s")

    async def health(request: Request) -> Response:
        seconds = trio.current_time() - began
        return text(f"error: {seconds}", 500) if seconds > ALIVE_SECONDS else text("ok")

    async def redirect(request: Request) -> Response:
        return text("", 302, ("Location", request.parameter("loc")))

    async def slow(request: Request) -> Response:
        numbers = {name: request.parameter(name) for name in ("code", "time", "size", "interval")}
        for name, value in numbers.items():
            if value and not value.isdecimal():
                return error(f"parameter '{name}' is invalid: {value}", 400)
        seconds, kilobytes = int(numbers["time"] or 0), int(numbers["size"] or 0)
        pauses = 0 if request.path == "/sleep-headers" else int(numbers["interval"] or 0)
        await trio.sleep(seconds + kilobytes * pauses)
        body = f"Slept for {seconds} secs\n" if request.path.startswith("/sleep") else ""
        return text(body + 1024 * kilobytes * "0", int(numbers["code"] or 500))

    async def disconnect(request: Request) -> Response:
        raise Disconnected

    routes = {
        "/disconnect-body": disconnect,
        "/disconnect-headers": disconnect,
        "/healthz": health,
        "/redirect": redirect,
        "/sleep-body": slow,
        "/sleep-headers": slow,
        "/slow-response": slow,
        "/started": started,
    }
    with box.interface.listening(8080, listener(box, routed(routes))):
        return await Ending().wait(session)


async def _porter(command: list[str], box: Box, session: Session) -> int:
    """A port for each variable SERVE_PORT_N, SERVE_TCP_PORT_N, SERVE_TLS_PORT_N, SERVE_UDP_PORT_N;
    its value is what is answered."""
    told = Flags(command[2:], booleans="json-response").true("json-response")

    async def answer(value: str, request: Request) -> Response:
        if not told:
            return text(value)
        body = as_json({"Method": request.method, "Body": value})
        return text(body, 200, ("Content-Type", "application/json"))

    def datagram(value: str, data: bytes, source: str) -> bytes:
        return value.encode()

    with ExitStack() as stack:
        for name, value in box.environment.items():
            head, _, port = name.rpartition("_")
            if head not in _PORTER or not port.isdecimal():
                continue
            protocol: Protocol = "UDP" if head == "SERVE_UDP_PORT" else "TCP"
            listening = (
                Listener(datagram=partial(datagram, value))
                if protocol == "UDP"
                else listener(box, partial(answer, value), tls=head == "SERVE_TLS_PORT")
            )
            try:
                stack.enter_context(box.interface.listening(int(port), listening, protocol))
            except OSError as taken:
                await log(box, session, f'server on port "{port}" failed: {taken}')
        return await Ending().wait(session)


async def _git(command: list[str], box: Box, session: Session) -> int:
    async def answer(request: Request) -> Response:
        return text("I am a fake git server")

    with box.interface.listening(8000, listener(box, answer)):
        return await Ending().wait(session)


async def _grpc_health(command: list[str], box: Box, session: Session) -> int:
    """gRPC's health, which goes after a while or when a path asks for it."""
    try:
        flags = Flags(command[2:])
        delay = flags.number("delay-unhealthy-sec", -1)
        port, control = flags.number("port", 5000), flags.number("http-port", 8080)
    except ValueError as wrong:
        return await complain(session, f"Error: {wrong}")
    began, service = trio.current_time(), flags.text("service")
    said: list[str] = []

    def health(asked: str) -> str | None:
        if asked not in (service, ""):
            return None
        late = delay >= 0 and trio.current_time() - began >= delay
        return said[-1] if said else "NOT_SERVING" if late else "SERVING"

    async def change(to: str, request: Request) -> Response:
        said.append(to)
        await log(box, session, f"Mark as {to}")
        return text(f"Marked as {to}")

    routes = {
        "/make-not-serving": partial(change, "NOT_SERVING"),
        "/make-serving": partial(change, "SERVING"),
    }
    with (
        box.interface.listening(port, Listener(health=health)),
        box.interface.listening(control, listener(box, routed(routes))),
    ):
        await log(box, session, f"Http server starting to listen on :{control}")
        await log(box, session, f"gRPC server starting to listen on :{port}")
        return await Ending().wait(session)


_PORTER: Final = ("SERVE_PORT", "SERVE_TCP_PORT", "SERVE_TLS_PORT", "SERVE_UDP_PORT")
# What test-webserver says with every answer, for pages of other origins.
_SHARED: Final = (
    ("Access-Control-Allow-Credentials", "true"),
    (
        "Access-Control-Allow-Headers",
        "DNT,X-Mx-ReqToken,Keep-Alive,User-Agent,X-Requested-With,Cache-Control,Content-Type",
    ),
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Allow-Origin", "*"),
    ("Cache-Control", "private"),
)
SERVERS: Final[dict[str, Command]] = {
    "fake-gitserver": _git,
    "grpc-health-checking": _grpc_health,
    "liveness": _liveness,
    "porter": _porter,
    "serve-hostname": _serve_hostname,
    "test-webserver": _test_web_server,
}
