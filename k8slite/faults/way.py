"""The way from a subject to the API server, and what can go wrong on it.

Requests are counted, and struck by the faults that the plan has for their number. A replica that
stopped answers what is asked with resourceVersion 0 from the past, and holds the watches that
follow until it has caught up; all other reads see the newest state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import trio
from attrs import define, evolve

from k8slite.faults.gates import Delivered, Gate
from k8slite.faults.noise import silent_request, silent_resource
from k8slite.faults.past import in_the_past, only, refusal, resource_of
from k8slite.faults.plan import Crash, Delay, Fault, LoseReply, Refuse, Repeat, TimeTravel
from k8slite.faults.storm import Storm
from k8slite.faults.subject import Replica, Subject
from k8slite.messages import Disconnected, Request, Response, Stream

# Carries a request there and its answer back; whether it is one that was carried before.
Send = Callable[[Request, bool], Awaitable[Response]]
# What looks at a watch of a resource, and passes it on.
Watched = Callable[[Stream, Request, str], Stream]


class Server(Protocol):
    """What a way needs to know of its other end."""

    commits: int  # since the plan was armed

    def connect(self) -> None:
        """Raises ConnectionRefusedError while there is none."""
        ...

    def connection(self) -> Callable[[], None]:
        """What raises ConnectionResetError once the server of now is gone."""
        ...


def _as_it_is(stream: Stream, request: Request, resource: str) -> Stream:
    return stream


@define(eq=False)
class Way:
    """A subject's way to the API server; a Handler."""

    send: Send
    life: Subject
    number: int  # of the life that it was made in
    storm: Storm
    server: Server
    watched: Watched = _as_it_is
    # Told of each event and each answer, when a record is kept.
    delivered: Delivered | None = None
    answered: Callable[[Request, Response], None] | None = None

    async def __call__(self, request: Request) -> Response:
        """Carry a request there, and its answer back."""
        await self.life.alive(self.number)
        self.server.connect()
        method = request.method
        if method in ("GET", "HEAD"):
            return await self._read(request)
        resource, subresource = resource_of(request.path)
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
        connected = self.server.connection()
        response = await self.send(request, repeated)
        await self.life.alive(self.number)
        connected()
        if self.answered is not None:
            self.answered(request, response)
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
                return refusal(fault.status)
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
                raise Disconnected("the connection broke before the reply")
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
            request, name = in_the_past(request, replica.revision)
        response = await self._send(request)
        if name:
            response = only(response, request, name)
        if not watches or isinstance(response.body, bytes):
            return response
        resource, _ = resource_of(request.path)
        if silent_resource(resource):
            return response
        gate = Gate(
            self.watched(response.body, request, resource),
            life,
            resource,
            self.storm,
            self.server.connection(),
            self.delivered,
        )
        if replica is not None:
            gate.hold(replica.until_seconds - trio.current_time())
        return evolve(response, body=gate)
