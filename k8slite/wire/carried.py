"""HTTP on a connection that another protocol carries, as a forwarded port does."""

from __future__ import annotations

from typing import Final

from attrs import define
from trio.abc import Stream

from k8slite.messages import Duplex, Handler
from k8slite.wire.connection import Connection
from k8slite.wire.limits import Limits

_LIMITS: Final = Limits()


async def serve_carried(duplex: Duplex, handler: Handler) -> None:
    """Be its server until either end has had enough."""
    await Connection(_Carried(duplex), handler, _LIMITS).run()


@define(eq=False)
class _Carried(Stream):
    """A Duplex as a stream of trio's; who carries it closes it."""

    duplex: Duplex

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self.duplex.receive()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.duplex.send(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        return None

    async def aclose(self) -> None:
        return None
