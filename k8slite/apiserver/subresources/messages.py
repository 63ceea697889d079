"""An answer as messages of a WebSocket, for clients that can read nothing else: browsers, mostly.

Upstream: `apiserver/pkg/util/wsstream` (Reader), with the protocols that are without channels.
"""

from __future__ import annotations

import base64
from typing import Final

import trio

from k8slite.messages import Duplex, Request, Response
from k8slite.objects.errors import BadRequest
from k8slite.wire.websocket import NORMAL, BrokenRule, WebSocket, accepting, offered

_PROTOCOLS: Final = ("", "binary.k8s.io", "base64.binary.k8s.io")


def by_messages(request: Request, response: Response) -> Response:
    """The same body, each piece of it a message. Raises BadRequest."""
    asked = offered(request.headers)
    protocol = next((one for one in asked or ("",) if one in _PROTOCOLS), None)
    body = response.body
    if protocol is None:
        if not isinstance(body, bytes):
            body.close()
        raise BadRequest(f"no protocol of {', '.join(asked)} is known")

    async def converse(duplex: Duplex) -> None:
        socket = WebSocket(duplex)

        async def send(piece: bytes) -> None:
            if protocol.startswith("base64"):
                piece = base64.b64encode(piece)
            await socket.send(piece)

        async def listen(scope: trio.CancelScope) -> None:
            try:
                while await socket.receive() is not None:
                    pass  # nothing that a client says changes anything
            except BrokenRule:
                pass  # it is told so by the end
            scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen, nursery.cancel_scope)
            if isinstance(body, bytes):
                if body:
                    await send(body)
            else:
                try:
                    while piece := await body.receive():
                        await send(piece)
                finally:
                    body.close()
            nursery.cancel_scope.cancel()
        await socket.close(NORMAL)

    return Response(101, b"", accepting(request.headers, protocol), converse)
