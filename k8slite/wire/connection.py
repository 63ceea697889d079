"""One connection of a server, from its first byte to its last.

One task reads, calls the Handler and writes, a request after the other, pipelined or not. Only
while an answer is streamed a second task reads along, to notice when the client hangs up. No
timers are made for a request: `deadline` is a number that the server looks at now and then.
"""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from typing import Final

import trio
from trio.abc import HalfCloseableStream, Stream

from k8slite import messages
from k8slite.messages import Conversation, Handler, Peer, Request, Response
from k8slite.wire import response_writer as write
from k8slite.wire.compression import GZIP_OVER_BYTES, gzipped, is_worth_gzip
from k8slite.wire.limits import READ_BYTES, WRITE_BYTES, Limits
from k8slite.wire.refusals import PLAIN_HTTP_ON_TLS_PORT, Refusal, handler_crashed
from k8slite.wire.request_parser import Received, RequestParser, Stage
from k8slite.wire.tls import SpokePlainHttp, TlsStream
from k8slite.wire.transport import SocketTransport

log = logging.getLogger(__name__)

# Streams and pipelines whose every step is ready at once still let others run so often.
_STEPS_PER_TURN: Final = 16


class Connection:
    """What the server knows of one client."""

    def __init__(self, stream: Stream, handler: Handler, limits: Limits) -> None:
        self.scope: Final = trio.CancelScope()
        self.deadline = math.inf  # in trio's time; the server cancels `scope` after it
        self._stream = stream
        self._handler = handler
        self._limits = limits
        self._ending = False
        self._waiting: trio.CancelScope | None = None  # what `end` may interrupt at any time
        self._early: bytes | bytearray = b""  # what arrived while an answer was streamed
        self._stage = Stage.BETWEEN

    async def run(self) -> None:
        """Serve until either end has had enough; raises nothing but cancellation."""
        try:
            with self.scope:
                await self._run()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client has gone, as clients do
        except Exception:
            log.exception("A connection failed")
        finally:
            await trio.aclose_forcefully(self._stream)

    def end(self) -> None:
        """Finish what is being answered, streams at their next piece, then close."""
        self._ending = True
        if self._waiting is not None:
            self._waiting.cancel()

    async def _run(self) -> None:
        self.deadline = trio.current_time() + self._limits.header_seconds
        peer = await self._greet()
        if peer is None:
            return
        parser = RequestParser(self._limits, peer)
        while await self._receive(parser):
            steps = 0
            while parser.requests:
                if not await self._answer(parser.requests.popleft(), parser):
                    await self._finish(lingering=False)
                    return
                steps += 1
                if steps % _STEPS_PER_TURN == 0:
                    await trio.lowlevel.checkpoint()
            if parser.refusal is not None:
                await self._refuse(parser.refusal)
                return
            if parser.wants_continue:
                parser.wants_continue = False
                await self._stream.send_all(write.CONTINUE)
            if steps or parser.stage is not self._stage:
                self._stage = parser.stage
                self.deadline = trio.current_time() + self._seconds(parser.stage)

    async def _greet(self) -> Peer | None:
        """Shake hands where the stream wants it; None when there is nobody to talk to."""
        stream = self._stream
        if isinstance(stream, SocketTransport):
            return Peer(stream.peer_address)
        if not isinstance(stream, TlsStream):
            return Peer()
        address = stream.transport.peer_address
        try:
            await stream.do_handshake()
        except SpokePlainHttp:
            self._stream = stream.transport
            await self._stream.send_all(PLAIN_HTTP_ON_TLS_PORT)
            await self._finish(lingering=True)
            return None
        except trio.BrokenResourceError as error:
            log.info("TLS handshake error from %s: %s", address, error)
            return None
        return stream.peer()

    def _seconds(self, stage: Stage) -> float:
        if stage is Stage.BETWEEN:
            return self._limits.idle_seconds
        if stage is Stage.HEADER:
            return self._limits.header_seconds
        return self._limits.body_seconds

    async def _receive(self, parser: RequestParser) -> bool:
        """Feed the next piece to the parser; False when nothing more comes or is wanted."""
        data: bytes | bytearray
        if self._early:
            data, self._early = self._early, b""
        elif parser.stage is Stage.BETWEEN:
            # Between requests a connection may be closed at any time.
            if self._ending:
                return False
            self._waiting = self.scope
            data = await self._stream.receive_some(READ_BYTES)
            self._waiting = None
            if self.scope.cancel_called:
                return False  # what came at the last moment is not begun any more
        else:
            data = await self._stream.receive_some(READ_BYTES)
        if not data:
            return False
        parser.feed(data)
        return True

    async def _answer(self, received: Received, parser: RequestParser) -> bool:
        """Call the Handler and send what it answers; False when the connection is to end."""
        request = received.request
        self.deadline = math.inf
        try:
            response = await self._handler(request)
            switches = response.status == 101 and response.conversation is not None
            if not (switches or 200 <= response.status <= 999):
                raise ValueError(f"a handler answered with status {response.status}")
        except messages.Disconnected:
            await trio.aclose_forcefully(self._stream)
            return False
        except Exception as error:
            log.exception("The handler failed at %s %s", request.method, request.path)
            response = handler_crashed(error)
        if response.conversation is not None:
            await self._converse(response, response.conversation, parser.rest)
            return False
        if not isinstance(response.body, bytes):
            return await self._send_stream(received, response, response.body)
        if len(response.body) > GZIP_OVER_BYTES and is_worth_gzip(request, response):
            response = await gzipped(response)
        await self._send_whole(response, request.method, received.keep_alive, received.old)
        return received.keep_alive and not self._ending

    async def _converse(self, response: Response, talk: Conversation, rest: bytes) -> None:
        """Leave HTTP, for good; `rest` has been received already."""
        self.deadline = trio.current_time() + self._limits.send_seconds
        with suppress(trio.BrokenResourceError):  # whoever talks will find out
            await self._stream.send_all(write.switch(response.headers))
        self.deadline = math.inf
        with trio.CancelScope() as self._waiting:
            await talk(_Duplex(self._stream, rest))
        self._waiting = None

    async def _send_whole(
        self, response: Response, method: str, keep_alive: bool, old: bool = False
    ) -> None:
        body = response.body
        assert isinstance(body, bytes)
        framing = b"" if response.status in write.BODILESS else write.length(len(body))
        if not keep_alive or self._ending:
            framing += write.CLOSE
        elif old:
            framing += write.KEEP_ALIVE
        data = write.head(response.status, response.headers, framing)
        if method != "HEAD" and response.status not in write.BODILESS:
            data += body
        if len(data) <= WRITE_BYTES:
            self.deadline = trio.current_time() + self._limits.send_seconds
            await self._stream.send_all(data)
            return
        view = memoryview(data)
        for start in range(0, len(view), WRITE_BYTES):
            self.deadline = trio.current_time() + self._limits.send_seconds
            await self._stream.send_all(view[start : start + WRITE_BYTES])
            await trio.lowlevel.checkpoint()

    async def _send_stream(
        self, received: Received, response: Response, stream: messages.Stream
    ) -> bool:
        """Send pieces as they come; the stream is closed whatever happens."""
        chunked = not received.old
        keep_alive = chunked and received.keep_alive and not self._ending
        try:
            framing = (write.CHUNKED if chunked else b"") + (b"" if keep_alive else write.CLOSE)
            self.deadline = trio.current_time() + self._limits.send_seconds
            await self._stream.send_all(write.head(response.status, response.headers, framing))
            self.deadline = math.inf
            if received.request.method == "HEAD":
                return keep_alive
            whole = False
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._notice_hang_up, nursery.cancel_scope)
                whole = await self._pump(received.request, stream, chunked)
                nursery.cancel_scope.cancel()
            if not whole:
                # Neither a last chunk nor anything else: the client must see that it was cut.
                await trio.aclose_forcefully(self._stream)
                return False
        finally:
            stream.close()
        if chunked:
            self.deadline = trio.current_time() + self._limits.send_seconds
            await self._stream.send_all(write.LAST_CHUNK)
        return keep_alive and not self._ending

    async def _pump(self, request: Request, stream: messages.Stream, chunked: bool) -> bool:
        """Pass on piece by piece; True at the stream's end or ours, False when it failed."""
        steps = 0
        with trio.CancelScope() as waiting:
            while not self._ending:
                self._waiting = waiting
                try:
                    piece = await stream.receive()
                except messages.Disconnected:
                    return False
                except Exception:
                    log.exception("The stream of %s %s failed", request.method, request.path)
                    return False
                finally:
                    self._waiting = None
                if not piece or waiting.cancel_called:
                    break
                self.deadline = trio.current_time() + self._limits.send_seconds
                try:
                    await self._stream.send_all(write.chunk(piece) if chunked else piece)
                except trio.BrokenResourceError:
                    return False  # the client has gone, as clients do
                self.deadline = math.inf
                steps += 1
                if steps % _STEPS_PER_TURN == 0:
                    await trio.lowlevel.checkpoint()
        return True

    async def _notice_hang_up(self, streaming: trio.CancelScope) -> None:
        """Read along while an answer is streamed, as net/http does: the end, or one piece."""
        try:
            self._early = await self._stream.receive_some(READ_BYTES)
        except trio.BrokenResourceError:
            self._early = b""
        if not self._early:
            streaming.cancel()

    async def _refuse(self, refusal: Refusal) -> None:
        self.deadline = trio.current_time() + self._limits.send_seconds
        if refusal.response is not None:
            await self._send_whole(refusal.response, "", keep_alive=False)
        else:
            await self._stream.send_all(refusal.to_bytes())
        await self._finish(lingering=True)

    async def _finish(self, *, lingering: bool) -> None:
        """Say goodbye; `lingering`: first let the client finish what it still has to say."""
        stream: Stream = self._stream
        self.deadline = trio.current_time() + self._limits.send_seconds
        if isinstance(stream, TlsStream):
            stream.say_goodbye()
            stream = stream.transport
        if not isinstance(stream, HalfCloseableStream):
            return
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await stream.send_eof()
            if not lingering:
                return
            left_bytes = self._limits.linger_bytes
            with trio.move_on_after(self._limits.linger_seconds):
                while left_bytes > 0:
                    data = await stream.receive_some(READ_BYTES)
                    if not data:
                        return
                    left_bytes -= len(data)


class _Duplex:
    """A stream after HTTP (a `k8slite.messages.Duplex`)."""

    def __init__(self, stream: Stream, rest: bytes) -> None:
        self._stream = stream
        self._rest = rest
        self._sending = trio.Lock()  # pieces of several tasks must not mix

    async def receive(self) -> bytes:
        rest, self._rest = self._rest, b""
        if rest:
            return rest
        try:
            return bytes(await self._stream.receive_some(READ_BYTES))
        except trio.BrokenResourceError:
            return b""

    async def send(self, data: bytes) -> None:
        async with self._sending:
            try:
                await self._stream.send_all(data)
            except trio.BrokenResourceError:
                pass  # whoever receives will find out
        await trio.lowlevel.checkpoint()
