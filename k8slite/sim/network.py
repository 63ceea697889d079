"""The ways from processes to the API server, and what can go wrong on them.

Requests are counted, and struck by the faults that the plan has for their number. A replica that
stopped answers what is asked with resourceVersion 0 from the past, and holds the watches that
follow until it has caught up; all other reads see the newest state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio
from attrs import define, evolve

from k8slite.messages import Handler, Request, Response, Stream
from k8slite.objects.codec import dumps, loads
from k8slite.sim.faults import Crash, Delay, Fault, LoseReply, Refuse, Repeat, TimeTravel
from k8slite.sim.gates import Delivered, Gate
from k8slite.sim.noise import silent_request, silent_resource
from k8slite.sim.processes import Life, Replica
from k8slite.sim.store import WRITER, Writer
from k8slite.sim.storm import Storm

_REASONS: Final = {
    409: (
        "Conflict",
        "the object has been modified; please apply your changes to the latest version",
    ),
    429: ("TooManyRequests", "the server is busy; try again"),
    500: ("InternalError", "the server failed"),
    503: ("ServiceUnavailable", "the server is not available"),
}


@define(eq=False)
class Server:
    """Whether there is an API server to talk to, and which."""

    up: bool = True
    life: int = 0
    commits: int = 0  # since the scenario's begin

    def connect(self) -> None:
        """Raises ConnectionRefusedError while there is none."""
        if not self.up:
            raise ConnectionRefusedError("the API server is down")

    def connected(self, life: int) -> None:
        """Raises ConnectionResetError where the server of that life is gone."""
        if life != self.life:
            raise ConnectionResetError("the API server died")


@define(eq=False)
class Way:
    """A process' way to the API server; a Handler."""

    handler: Handler
    life: Life
    number: int  # of the life that it was made in
    server: Server
    storm: Storm
    witness: Callable[[Stream, Request, str], Stream]  # looks at a watch of a resource
    delivered: Callable[[str], Delivered] | None  # for a process, when a record is kept
    refused: Callable[[str, str, str], None] | None  # process, request, answer

    async def __call__(self, request: Request) -> Response:
        """Carry a request there, and its answer back."""
        await self.life.alive(self.number)
        self.server.connect()
        method = request.method
        if method in ("GET", "HEAD"):
            return await self._read(request)
        resource, subresource = _resource(request.path)
        if silent_request(resource, subresource) or ("dryRun", "All") in request.query:
            return await self._send(request)
        life = self.life
        life.writes += 1
        life.written_at.append(self.server.commits)
        faults = self.storm.of_write(life.name, life.writes)
        if not faults:
            return await self._send(request)
        return await self._struck(request, faults, life.writes)

    async def _send(self, request: Request, *, repeated: bool = False) -> Response:
        server_life = self.server.life
        user = request.peer.user.name if request.peer.user is not None else ""
        writer = Writer(self.life.name, f"{request.method} {request.path}", user, repeated)
        token = WRITER.set(writer)
        try:
            response = await self.handler(request)
        finally:
            WRITER.reset(token)
        await self.life.alive(self.number)
        self.server.connected(server_life)
        if self.refused is not None and response.status >= 400:
            body = response.body.decode() if isinstance(response.body, bytes) else ""
            self.refused(self.life.name, writer.request, f"{response.status} {body}")
        return response

    async def _struck(self, request: Request, faults: object, number: int) -> Response:
        """A write with faults: first what happens before it, then it, then what happens after."""
        life, storm = self.life, self.storm
        which = f"write {number} of {life.name}, {request.method} {request.path}"
        after: list[Fault] = []
        repeat = False
        assert isinstance(faults, list)
        for fault in faults:
            if isinstance(fault, Refuse):
                storm.strike(fault, f"{which}, is refused with {fault.status}")
                return _refusal(fault.status)
            if isinstance(fault, Delay):
                storm.strike(fault, f"{which}, is under way for {fault.seconds:g} s")
                await storm.last(fault.seconds)
                await life.alive(self.number)
                self.server.connect()
            elif isinstance(fault, Repeat):
                storm.strike(fault, f"{which}, arrives twice")
                repeat = True
            else:
                after.append(fault)
        response = await self._send(request)
        if repeat:
            await self._send(request, repeated=True)
        for fault in after:
            if isinstance(fault, LoseReply):
                storm.strike(fault, f"{which}, is done, but the reply is lost")
                raise ConnectionResetError("the connection broke before the reply")
            await self._die(fault, which)
        return response

    async def _die(self, fault: Fault, which: str) -> None:
        life, storm = self.life, self.storm
        assert isinstance(fault, Crash | TimeTravel)
        what = f"{life.name} crashes after {which}"
        if isinstance(fault, TimeTravel):
            revision = storm.frozen.get(fault.commit)
            if revision is not None:
                until = trio.current_time() + fault.down_seconds + fault.behind_seconds
                life.replica = Replica(revision, until)
                what += f"; its next life reads a replica that stopped at revision {revision}"
        storm.strike(fault, what)
        life.crash(fault.down_seconds)
        await life.alive(self.number)

    async def _read(self, request: Request) -> Response:
        life, replica = self.life, self.life.replica
        if replica is not None and (
            self.storm.healed or trio.current_time() >= replica.until_seconds
        ):
            replica = life.replica = None
        watches = request.parameter("watch") in ("true", "1")
        name = ""
        if replica is not None and not watches and request.parameter("resourceVersion") == "0":
            request, name = _in_the_past(request, replica.revision)
        response = await self._send(request)
        if name:
            response = _only(response, request, name)
        if not watches or isinstance(response.body, bytes):
            return response
        resource, _ = _resource(request.path)
        if silent_resource(resource):
            return response
        server, server_life = self.server, self.server.life
        gate = Gate(
            self.witness(response.body, request, resource),
            life,
            resource,
            self.storm,
            lambda: server.connected(server_life),
            self.delivered(life.name) if self.delivered is not None else None,
        )
        if replica is not None:
            gate.hold(replica.until_seconds - trio.current_time())
        return evolve(response, body=gate)


def _resource(path: str) -> tuple[str, str]:
    """ "pods" or "deployments.apps", and the subresource, of a path."""
    parts = path.split("/")
    begin, group = (3, "") if parts[1] == "api" else (4, parts[2] if len(parts) > 2 else "")
    if (
        len(parts) > begin + 2
        and parts[begin] == "namespaces"
        and parts[begin + 2]
        not in (
            "status",
            "finalize",
        )
    ):
        begin += 2
    if len(parts) <= begin:
        return path, ""
    plural = f"{parts[begin]}.{group}" if group else parts[begin]
    return plural, parts[begin + 2] if len(parts) > begin + 2 else ""


def _in_the_past(request: Request, revision: int) -> tuple[Request, str]:
    """A list as of a revision; of an object, the list that has only it, and its name."""
    kept = [
        one for one in request.query if one[0] not in ("resourceVersion", "resourceVersionMatch")
    ]
    kept += [("resourceVersion", str(revision)), ("resourceVersionMatch", "Exact")]
    path, name = request.path, ""
    parts = path.split("/")
    begin = 3 if parts[1] == "api" else 4
    if len(parts) > begin + 2 and parts[begin] == "namespaces":
        begin += 2
    if len(parts) == begin + 2:
        path, name = "/".join(parts[:-1]), parts[-1]
        kept.append(("fieldSelector", f"metadata.name={name}"))
    return evolve(request, path=path, query=tuple(kept)), name


def _only(response: Response, request: Request, name: str) -> Response:
    """A list's one item as the answer to a GET of it."""
    if response.status != 200 or not isinstance(response.body, bytes):
        return response
    found = loads(response.body)
    if not found["items"]:
        resource, _ = _resource(request.path)
        return _refusal(404, "NotFound", f'{resource} "{name}" not found')
    item = found["items"][0]
    item.setdefault("apiVersion", found["apiVersion"])
    item.setdefault("kind", found["kind"].removesuffix("List"))
    return evolve(response, body=dumps(item))


def _refusal(status: int, reason: str = "", message: str = "") -> Response:
    known = _REASONS.get(status, ("InternalError", "the server failed"))
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": reason or known[0],
        "message": message or known[1],
        "code": status,
    }
    return Response(status, dumps(body))
