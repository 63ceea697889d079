"""A client on the other side of sockets, as faults strike it.

Its name is what a plan calls it: the product of its user agent ("kubectl"), the whole of it, or the
user that it is. It cannot be killed from here: its crash is that all its connections break, and new
ones are refused, until the time is over; whoever tests it may end the process meanwhile.
"""

from __future__ import annotations

import math

import trio
from attrs import define, evolve, field

from k8slite.faults.subject import Replica
from k8slite.messages import Disconnected, Handler, Request, Response, Stream


@define(eq=False)
class RemoteClient:
    """One client, over all of its connections; a Stoppable subject."""

    name: str
    number: int = 1
    writes: int = 0
    events: dict[str, int] = field(factory=dict)
    all_events: int = 0
    written_at: list[int] = field(factory=list)
    replica: Replica | None = None
    _down_until_seconds: float = -math.inf
    _awake: trio.Event | None = None
    _under_way: dict[trio.CancelScope, None] = field(factory=dict)

    def crash(self, down_seconds: float) -> None:
        """Break every connection, and refuse others for so long."""
        self.number += 1
        self._down_until_seconds = trio.current_time() + down_seconds
        for scope in self._under_way:
            scope.cancel()

    def pause(self) -> None:
        """Let nothing through."""
        if self._awake is None:
            self._awake = trio.Event()

    def wake(self) -> None:
        """Let everything through again, what has waited too."""
        if self._awake is not None:
            self._awake.set()
            self._awake = None

    def heal(self) -> None:
        """Be as if nothing had ever been wrong."""
        self.wake()
        self.replica = None
        self._down_until_seconds = -math.inf

    async def alive(self, number: int) -> None:
        """Go on once awake. Raises Disconnected where the connection is one that has broken."""
        while self._awake is not None:
            await self._awake.wait()
        if number != self.number or trio.current_time() < self._down_until_seconds:
            raise Disconnected(f"the connection of {self.name} is broken")

    async def through(self, handler: Handler, request: Request) -> Response:
        """Pass a request on, for as long as its connection lasts."""
        number = self.number
        with trio.CancelScope() as scope:
            self._under_way[scope] = None
            try:
                response = await handler(request)
            finally:
                del self._under_way[scope]
            if isinstance(response.body, bytes):
                return response
            return evolve(response, body=_Breakable(response.body, self, number))
        raise Disconnected(f"the connection of {self.name} broke")

    async def receive(self, stream: Stream) -> bytes:
        """A stream's next piece, for as long as its connection lasts."""
        with trio.CancelScope() as scope:
            self._under_way[scope] = None
            try:
                return await stream.receive()
            finally:
                del self._under_way[scope]
        raise Disconnected(f"the connection of {self.name} broke")


@define(eq=False)
class _Breakable:
    """A Stream that ends when its client's connections break."""

    _stream: Stream
    _client: RemoteClient
    _number: int

    async def receive(self) -> bytes:
        await self._client.alive(self._number)
        return await self._client.receive(self._stream)

    def close(self) -> None:
        self._stream.close()
