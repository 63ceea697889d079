"""The server: accepts connections, lets each be served, watches their deadlines, and stops well.

A fault of one connection, of one request or of the Handler ends there; the server goes on.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence
from typing import Any, Final

import trio
from trio.abc import Listener, Stream

from k8slite.messages import Handler
from k8slite.wire.connection import Connection
from k8slite.wire.limits import REAP_SECONDS, Limits
from k8slite.wire.transport import SocketTransport

log = logging.getLogger(__name__)

# When the process has no more files, a new attempt is worth it after a while, since connections
# end meanwhile; and a client that gave up in the backlog is no reason to stop.
_PASSING: Final = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOBUFS,
        errno.ECONNABORTED,
        errno.EPROTO,
    }
)
_ACCEPT_AGAIN_SECONDS: Final = 0.1


class Server:
    """Serves one Handler on any number of listeners."""

    def __init__(self, handler: Handler, *, limits: Limits | None = None) -> None:
        self._handler = handler
        self._limits = limits or Limits()
        # In the order of their arrival; a dict, since a set has none.
        self._connections: dict[Connection, None] = {}
        self._room = trio.Semaphore(self._limits.max_connections)
        self._accepting = trio.CancelScope()
        self._serving = trio.CancelScope()
        self._busy = trio.Event()  # there is a connection to watch
        self._done = trio.Event()

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._connections)

    async def serve(
        self,
        listeners: Sequence[Listener[Any]],
        *,
        task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until `stop` or cancellation; owns the listeners and closes them.

        Listeners give SocketStreams, TlsStreams (from a TlsListener) or any other `trio.abc`
        stream, which is then used as it comes.
        """
        try:
            with self._serving:
                async with trio.open_nursery() as watching:
                    watching.start_soon(self._watch_deadlines)
                    async with trio.open_nursery() as nursery:
                        with self._accepting:
                            async with trio.open_nursery() as accepting:
                                for listener in listeners:
                                    accepting.start_soon(self._accept, listener, nursery)
                                task_status.started(self)
                        for listener in listeners:
                            await listener.aclose()
                    watching.cancel_scope.cancel()
        finally:
            for listener in listeners:
                with trio.CancelScope(shield=True):
                    await listener.aclose()
            self._done.set()

    async def stop(self, grace_seconds: float) -> None:
        """Stop accepting, end streams, finish requests within the grace; then close the rest."""
        self._accepting.cancel()
        for connection in list(self._connections):
            connection.end()
        with trio.move_on_after(grace_seconds):
            await self._done.wait()
        self._serving.cancel()
        await self._done.wait()

    def forgive(self, seconds: float) -> None:
        """The clock was moved forward by so much: no client was slow meanwhile."""
        for connection in self._connections:
            connection.deadline += seconds

    async def _accept(self, listener: Listener[Any], nursery: trio.Nursery) -> None:
        while True:
            await self._room.acquire()
            try:
                stream = await listener.accept()
            except BaseException as error:
                self._room.release()
                if not isinstance(error, OSError):
                    raise
                if error.errno not in _PASSING:
                    raise
                log.warning("No connection can be accepted now: %s", error)
                await trio.sleep(_ACCEPT_AGAIN_SECONDS)
            else:
                # Without a checkpoint on the way, so that no stream is lost by cancellation.
                nursery.start_soon(self._serve_stream, stream)

    async def _serve_stream(self, stream: Stream) -> None:
        if isinstance(stream, trio.SocketStream):
            stream = SocketTransport(stream)
        connection = Connection(stream, self._handler, self._limits)
        self._connections[connection] = None
        self._busy.set()
        if self._accepting.cancel_called:
            connection.end()
        try:
            await connection.run()
        finally:
            del self._connections[connection]
            self._room.release()

    async def _watch_deadlines(self) -> None:
        """One timer for all connections, and none where there are no connections."""
        while True:
            if not self._connections:
                self._busy = trio.Event()
                await self._busy.wait()
            await trio.sleep(REAP_SECONDS)
            now = trio.current_time()
            for connection in list(self._connections):
                if connection.deadline < now:
                    connection.scope.cancel()


async def serve(
    handler: Handler,
    listeners: Sequence[Listener[Any]],
    *,
    limits: Limits | None = None,
    task_status: trio.TaskStatus[Server] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a Handler on listeners; `nursery.start` gives the Server, whose `stop` ends it."""
    await Server(handler, limits=limits).serve(listeners, task_status=task_status)
