"""Subcommands that talk with others of their kind: guestbook, and nettest."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

import trio
from attrs import define, field

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
)
from k8slite.kubelet.runtimes.session import Session
from k8slite.messages import Request, Response, read_all
from k8slite.objects.codec import loads

REGISTERING_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 1.0
DIAL_SECONDS: Final = 5.0


async def _guestbook(command: list[str], box: Box, session: Session) -> int:
    """A store of keys and values; a replica is told of every change by its primary."""
    try:
        flags = Flags(command[2:])
        port = flags.number("http-port", 80)
        book = _Guestbook(box, session, flags.number("backend-port", 6379))
    except ValueError as wrong:
        return await complain(session, f"Error: {wrong}")
    routes = {
        "/get": book.get,
        "/guestbook": book.ask,
        "/register": book.register,
        "/set": book.set,
    }
    with box.interface.listening(port, listener(box, routed(routes))):
        async with trio.open_nursery() as nursery:
            if flags.text("replicaof"):
                nursery.start_soon(book.join, flags.text("replicaof"))
            code = await book.ending.wait(session)
            nursery.cancel_scope.cancel()
        return code


@define(eq=False)
class _Guestbook:
    box: Box
    session: Session
    backend_port: int
    ending: Ending = field(factory=Ending)
    _store: dict[str, Any] = field(factory=dict)
    _replicas: list[str] = field(factory=list)

    async def join(self, primary: str) -> None:
        """Become a replica; a program that cannot ends."""
        where = f"{primary}:{self.backend_port}"
        with trio.move_on_after(REGISTERING_SECONDS):
            while True:
                address = self.box.interface.address
                await self._log(f"Registering to primary: {where}/register?host={address}")
                try:
                    answer = await self._dial(primary, "/register", {"host": address})
                except OSError as failed:
                    told = "encountered error while registering to primary"
                    await self._log(f"{told}: {failed}. Retrying in 1s.")
                    await trio.sleep(RETRY_SECONDS)
                    continue
                self._store = dict(loads(answer.encode())["data"])
                await self._log(f"Registered to node: {primary}")
                return
        await self._log("Timed out while registering to primary.")
        self.ending.exit(1)

    async def register(self, request: Request) -> Response:
        address = request.parameter("host")
        await self._log(f"GET /register?host={address}")
        self._replicas.append(address)
        await self._log(f"Node '{address}' registered.")
        return text(as_json({"data": self._store}))

    async def get(self, request: Request) -> Response:
        key = request.parameter("key")
        await self._log(f"GET /get?key={key}")
        return text(as_json({"data": self._store.get(key, "") if key else self._store}))

    async def set(self, request: Request) -> Response:
        key, value = request.parameter("key"), request.parameter("value")
        await self._log(f"GET /set?key={key}&value={value}")
        if not key:
            return error("cannot set with empty key.", 400)
        self._store[key] = value
        for replica in self._replicas:
            try:
                await self._dial(replica, "/set", {"key": key, "value": value})
            except OSError as failed:
                told = f"encountered error while propagating to replica '{replica}'"
                return error(f"{told}: {failed}", 417)
        return text(as_json({"message": "Updated"}))

    async def ask(self, request: Request) -> Response:
        """The front: it has others keep what is written."""
        verb = request.parameter("cmd").lower()
        key, value = request.parameter("key"), request.parameter("value")
        await self._log(f"GET /guestbook?cmd={verb}&key={key}&value={value}")
        if verb not in ("get", "set"):
            return error(f"unsupported cmd: '{verb}'", 400)
        if verb == "set" and not key:
            return error("cannot set with empty key.", 400)
        host = "agnhost-replica" if verb == "get" else "agnhost-primary"
        try:
            return text(await self._dial(host, f"/{verb}", {"key": key, "value": value}))
        except OSError as failed:
            return error(f"encountered error: {failed}", 417)

    async def _dial(self, host: str, path: str, query: dict[str, str]) -> str:
        headers = {"host": f"{host}:{self.backend_port}", "user-agent": "Go-http-client/1.1"}
        asked = Request("GET", path, tuple(query.items()), headers)
        with trio.move_on_after(DIAL_SECONDS):
            answer = await self.box.interface.call(host, self.backend_port, asked)
            return (await read_all(answer)).decode(errors="replace")
        raise TimeoutError("context deadline exceeded")

    async def _log(self, line: str) -> None:
        await log(self.box, self.session, line)


async def _nettest(command: list[str], box: Box, session: Session) -> int:
    """Who has written here, by whom it wants to be known; it seeks nobody itself."""
    try:
        port = Flags(command[2:]).number("port", 8080)
    except ValueError as wrong:
        return await complain(session, f"Error: {wrong}")
    ending, received, lines = Ending(), dict[str, int](), list[str]()

    async def read(request: Request) -> Response:
        state = {
            "Hostname": box.hostname,
            "Sent": {},
            "Received": received,
            "Errors": None,
            "Log": lines,
            "StillContactingPeers": False,
        }
        return text(as_json(state))

    async def write(request: Request) -> Response:
        try:
            found = loads(request.body)
        except ValueError:
            found = dict(parse_qsl(request.body.decode(errors="replace")))
        source = str(found.get("Source", "")) if isinstance(found, dict) else ""
        if not source:
            lines.append("Warning: unable to decode posted data")
            return text("")
        received[source] = received.get(source, 0) + 1
        lines.append(f"Received {received[source]} from {source}")
        return text(as_json({"Hostname": box.hostname}))

    async def status(request: Request) -> Response:
        return text("pass")

    async def leave(request: Request) -> Response:
        ending.exit(0)
        return text("")

    routes = {"/quit": leave, "/read": read, "/status": status, "/write": write}
    with box.interface.listening(port, listener(box, routed(routes))):
        return await ending.wait(session)


GUESTBOOK: Final[dict[str, Command]] = {"guestbook": _guestbook, "nettest": _nettest}
