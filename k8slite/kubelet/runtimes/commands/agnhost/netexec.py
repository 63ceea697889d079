"""agnhost netexec: a server over HTTP and UDP that says who asks and who answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import trio
from attrs import define, field

from k8slite.kubelet.runtimes.annotations import duration_seconds
from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.commands.agnhost.flags import Flags
from k8slite.kubelet.runtimes.commands.command import complain
from k8slite.kubelet.runtimes.commands.serving import (
    Answer,
    Ending,
    as_json,
    error,
    form,
    listener,
    log,
    routed,
    text,
)
from k8slite.kubelet.runtimes.network import Listener
from k8slite.kubelet.runtimes.session import Session, nothing
from k8slite.messages import Disconnected, Request, Response, read_all

DIAL_SECONDS: Final = 5.0  # what somebody else has for an answer


async def netexec(command: list[str], box: Box, session: Session) -> int:
    """Serve until /exit, /shutdown or SIGTERM."""
    try:
        flags = Flags(command[2:])
        port, udp = flags.number("http-port", 8080), flags.number("udp-port", 8081)
        delay = flags.number("delay-shutdown", 0)
    except ValueError as wrong:
        return await complain(session, f"Error: {wrong}")
    server = _Netexec(box, session, port, healthy=udp != -1)
    answer = routed(server.routes(), server.root)
    override = flags.text("http-override")
    tls = bool(flags.text("tls-cert-file"))
    with ExitStack() as stack:
        try:
            chosen = server.overridden(override, answer) if override else answer
            stack.enter_context(box.interface.listening(port, listener(box, chosen, tls=tls)))
            if udp != -1:
                said = Listener(datagram=server.datagram)
                stack.enter_context(box.interface.listening(udp, said, "UDP"))
                await log(box, session, f"Started UDP server on port  {udp}")
        except OSError as taken:
            await log(box, session, str(taken))
            return 1
        await log(box, session, f"Started HTTP server on port {port}")

        async def stop() -> int:
            await log(box, session, f"Sleeping {delay} seconds before terminating...")
            await trio.sleep(delay)
            return 0

        return await server.ending.wait(session, stop if delay > 0 else None)


@define(eq=False)
class _Netexec:
    box: Box
    session: Session
    port: int
    healthy: bool  # it serves UDP
    ending: Ending = field(factory=Ending)
    _uploads: int = 0

    def routes(self) -> dict[str, Answer]:
        return {
            "/clientip": self._client,
            "/dial": self._dial,
            "/echo": self._echo,
            "/exit": self._exit,
            "/header": self._header,
            "/healthz": self._healthz,
            "/hostName": self._hostname,
            "/hostname": self._hostname,
            "/redirect": self._redirect,
            "/serverport": self._server_port,
            "/shell": self._shell,
            "/shutdown": self._shutdown,
            "/upload": self._upload,
        }

    def overridden(
        self, target: str, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Every request is taken for a GET of the same target."""
        parts = urlsplit(target)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))

        async def handle(request: Request) -> Response:
            asked = Request("GET", parts.path, query, {}, peer=request.peer)
            return await answer(asked)

        return handle

    def datagram(self, data: bytes, source: str) -> bytes | None:
        said = data.decode(errors="replace").strip().lower()
        if said == "hostname":
            return self.box.hostname.encode()
        if said == "clientip":
            return source.encode()
        return said.removeprefix("echo ").encode() if said.startswith("echo ") else None

    async def root(self, request: Request) -> Response:
        await self._log("GET /")
        return text(f"NOW: {self.box.now():%Y-%m-%d %H:%M:%S.%f} +0000 UTC")

    async def _log(self, line: str) -> None:
        await log(self.box, self.session, line)

    async def _client(self, request: Request) -> Response:
        await self._log("GET /clientip")
        return text(request.peer.address)

    async def _server_port(self, request: Request) -> Response:
        await self._log("GET /serverport")
        return text(str(self.port))

    async def _header(self, request: Request) -> Response:
        key = form(request).get("key", "")
        await self._log(f"GET /header?key={key}")
        return text(request.headers.get(key.lower(), ""))

    async def _hostname(self, request: Request) -> Response:
        await self._log(f"GET {request.path}")
        return text(self.box.hostname)

    async def _healthz(self, request: Request) -> Response:
        await self._log("GET /healthz")
        return text("", 200 if self.healthy else 412)

    async def _echo(self, request: Request) -> Response:
        asked = form(request)
        message, code = asked.get("msg", ""), asked.get("code", "")
        await self._log(f"GET /echo?msg={message}&code={code}")
        if code and not code.isdecimal():
            return text(f"argument 'code' must be an integer or empty, got \"{code}\"\n")
        return text(message, int(code or 200))

    async def _redirect(self, request: Request) -> Response:
        asked = form(request)
        location, code = asked.get("location", ""), asked.get("code", "")
        await self._log(f"{request.method} /redirect?msg={location}&code={code}")
        if code and not code.isdecimal():
            return text(f"argument 'code' must be an integer or empty, got \"{code}\"\n")
        page = f'<a href="{location}">Found</a>.\n\n' if request.method == "GET" else ""
        typed = ("Content-Type", "text/html; charset=utf-8")
        return text(page, int(code or 302), ("Location", location), typed)

    async def _exit(self, request: Request) -> Response:
        asked = form(request)
        code, limit, wait = (asked.get(name, "") for name in ("code", "timeout", "wait"))
        await self._log(f"GET /exit?code={code}&timeout={limit}&wait={wait}")
        seconds = {}
        for name, value in (("timeout", limit), ("wait", wait)):
            try:
                seconds[name] = duration_seconds(value) if value else 0.0
            except ValueError:
                kind = "a valid golang duration or empty"
                return text(f"argument '{name}' must be {kind}, got \"{value}\"\n")
        if code and not code.isdecimal():
            kind = "an integer [0-127] or empty"
            return text(f"argument 'code' must be {kind}, got \"{code}\"\n")
        await self._log(
            f"Will begin shutdown in {wait or '0s'}, allowing {limit or '0s'} for connections to "
            f"close, then will exit with {code or 0}"
        )
        await trio.sleep(seconds["wait"])
        self.ending.exit(int(code or 0))
        if not seconds["timeout"]:
            raise Disconnected
        return text("")

    async def _shutdown(self, request: Request) -> Response:
        await self._log("GET /shutdown")
        self.ending.exit(0)
        raise Disconnected

    async def _shell(self, request: Request) -> Response:
        from k8slite.kubelet.runtimes.commands.table import run  # it has this command too

        asked = form(request)
        command = asked.get("shellCommand") or asked.get("cmd", "")
        await self._log(f"GET /shell?cmd={command}")
        printed = bytearray()

        async def write(data: bytes, error: bool) -> None:
            printed.extend(data)

        code = await run(("/bin/sh", "-c", command), self.box, nothing(write))
        output = {"output": printed.decode(errors="replace")} if printed else {}
        if code:
            output["error"] = f"exit status {code}"
        await self._log(f"Output: {output}")
        return text(as_json(output))

    async def _upload(self, request: Request) -> Response:
        await self._log("GET /upload")
        content = _part(request, "file")
        if content is None:
            await self._log("Unable to upload file")
            return text(as_json({"error": "Unable to upload file."}))
        self._uploads += 1
        path = f"/uploads/upload{self._uploads:09d}"
        self.box.write(path, content)
        self.box.set_mode(path, 0o700)
        await self._log(f"Wrote upload to {path}")
        return text(as_json({"output": path}), 201)

    async def _dial(self, request: Request) -> Response:
        asked = form(request)
        host, port, said = (asked.get(name, "") for name in ("host", "port", "request"))
        protocol, tries = asked.get("protocol", ""), asked.get("tries", "")
        await self._log(
            f"GET /dial?host={host}&protocol={protocol}&port={port}&request={said}&tries={tries}"
        )
        if tries and not tries.isdecimal():
            return error(f"tries parameter is invalid. {tries}", 400)
        if not said:
            return error("request parameter not specified. <nil>", 400)
        if protocol.lower() not in ("", "http", "udp"):
            return error(f"unsupported protocol. {protocol}", 400)
        if not port.isdecimal():
            return error(f"host and/or port param are invalid. {port}", 400)
        dial = self._dial_udp if protocol.lower() == "udp" else self._dial_http
        answers, failures = list[str](), list[str]()
        for _ in range(int(tries or 1)):
            with trio.move_on_after(DIAL_SECONDS) as scope:
                try:
                    answers.append(await dial(host, int(port), said))
                except OSError as failed:
                    failures.append(str(failed))
            if scope.cancelled_caught:
                failures.append("i/o timeout")
        found = {"responses": answers, "errors": failures}
        return text(as_json({name: told for name, told in found.items() if told}))

    async def _dial_http(self, host: str, port: int, said: str) -> str:
        parts = urlsplit(f"//h/{said}")
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        headers = {"host": f"{host}:{port}", "user-agent": "Go-http-client/1.1"}
        asked = Request("GET", parts.path, query, headers)
        return (await read_all(await self.box.interface.call(host, port, asked))).decode()

    async def _dial_udp(self, host: str, port: int, said: str) -> str:
        answer = await self.box.interface.send(host, port, said.encode())
        if answer is None:
            await trio.sleep_forever()
        return answer.decode()


def _part(request: Request, name: str) -> bytes | None:
    """One part of a form with files."""
    boundary = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    if boundary is None:
        return None
    for part in request.body.split(f"--{boundary[1]}".encode()):
        head, _, content = part.partition(b"\r\n\r\n")
        if f'name="{name}"'.encode() in head:
            return content.removesuffix(b"\r\n")
    return None
