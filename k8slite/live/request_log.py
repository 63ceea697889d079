"""What came in over the sockets of an embedded cluster, for a test to look at afterwards."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

from attrs import frozen

from k8slite.messages import Handler, Request, Response

# The last requests that are remembered; a test that looks back farther has lost its way.
KEPT_MOST: Final = 10_000


@frozen
class Logged:
    """One request that was answered, or is: a watch is logged when it begins."""

    moment: datetime
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    user_agent: str
    status: int
    body: bytes


class RequestLog:
    """Stands before a Handler and remembers."""

    def __init__(self, handler: Handler, now: Callable[[], datetime]) -> None:
        self._handler = handler
        self._now = now
        self._kept: deque[Logged] = deque(maxlen=KEPT_MOST)

    async def handle(self, request: Request) -> Response:
        """Pass a request on."""
        response = await self._handler(request)
        agent = request.headers.get("user-agent", "")
        self._kept.append(
            Logged(
                self._now(),
                request.method,
                request.path,
                request.query,
                agent,
                response.status,
                request.body,
            )
        )
        return response

    def all(self) -> list[Logged]:
        """What is remembered, oldest first."""
        return list(self._kept)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
