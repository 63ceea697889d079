"""How a client leaves HTTP: bytes both ways, whatever they mean.

Upstream: `apimachinery/pkg/util/proxy.UpgradeAwareHandler` (tryUpgrade).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
from trio.abc import Stream

from k8slite.messages import Duplex
from k8slite.wire.limits import READ_BYTES


async def pump(client: Duplex, server: Stream, early: bytes) -> None:
    """Pass on what comes, both ways, until either end has had enough.

    `early` is what the server had said already when it agreed.
    """

    async def carry(receive: Callable[[], Awaitable[bytes]], send: Send) -> None:
        try:
            while data := await receive():
                await send(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # one end has gone, as ends do
        nursery.cancel_scope.cancel()

    async def receive() -> bytes:
        return bytes(await server.receive_some(READ_BYTES))

    async with trio.open_nursery() as nursery:
        if early:
            await client.send(early)
        nursery.start_soon(carry, receive, client.send)
        nursery.start_soon(carry, client.receive, server.send_all)


Send = Callable[[bytes], Awaitable[None]]
