"""The other end of the ways: an API server that may be down, and whose requests it serves."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define

from k8slite.messages import Handler, Request, Response
from k8slite.sim.store import WRITER, Writer


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

    def connection(self) -> Callable[[], None]:
        """What raises ConnectionResetError once the server of now is gone."""
        life = self.life

        def check() -> None:
            if life != self.life:
                raise ConnectionResetError("the API server died")

        return check


@define(eq=False)
class Sending:
    """Carries a process' requests, so that the store knows whose they are."""

    handler: Handler
    process: str

    async def __call__(self, request: Request, repeated: bool) -> Response:
        user = request.peer.user.name if request.peer.user is not None else ""
        writer = Writer(self.process, f"{request.method} {request.path}", user, repeated)
        token = WRITER.set(writer)
        try:
            return await self.handler(request)
        finally:
            WRITER.reset(token)
