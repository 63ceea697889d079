"""Bytes to one Response: its header, then the pieces of its body as they come.

One parser serves one response. Interim answers (100 and its like) are skipped.
"""

from __future__ import annotations

from typing import Any, Final

import httptools

from k8slite.wire.limits import ClientLimits

SWITCHING: Final = 101


class BadResponse(Exception):
    """What the server sent is not HTTP/1.1, is too large, or ended too early."""


class ResponseParser:
    """What has come of a response so far."""

    def __init__(self, limits: ClientLimits, *, method: str, may_switch: bool = False) -> None:
        self._may_switch = may_switch  # another protocol was asked for
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.begun = False  # anything came at all
        self.rest = b""  # what follows in another protocol, after 101
        self.header_complete = False
        self.complete = False
        self.keep_alive = False  # the connection may be used again; known when complete
        self._limits = limits
        self._bodiless = method == "HEAD"
        self._measured = False  # the body's end is told by a length or by chunks
        self._pieces: list[bytes] = []
        self._header_bytes = 0
        self._parser: Any = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take the next piece; raises BadResponse."""
        self.begun = True
        if not self.header_complete:
            self._header_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self._switches:
                raise BadResponse("the server wants to speak another protocol") from upgrade
            self.rest = data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            if not self.complete:
                raise BadResponse(str(error)) from error
            self.keep_alive = False  # something follows that nobody asked for
        if not self.header_complete and self._header_bytes > self._limits.max_header_bytes:
            raise BadResponse("the response's header is too large")

    def feed_end(self) -> None:
        """The connection has ended; raises BadResponse unless that is the body's end."""
        if not self.header_complete or (self._measured and not self.complete):
            raise BadResponse("the connection ended within a response")
        self.complete = True

    def take(self) -> bytes:
        """What came of the body since the last call."""
        pieces = self._pieces
        if not pieces:
            return b""
        self._pieces = []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @property
    def _switches(self) -> bool:
        return self._may_switch and self.status == SWITCHING

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.complete:
            self.keep_alive = False

    def on_header(self, name: bytes, value: bytes | None) -> None:
        if not self.header_complete:  # else a trailer, or an answer that nobody asked for
            text = (value or b"").decode("utf-8", "replace").strip(" \t")
            self.headers.append((name.decode("latin-1"), text))

    def on_headers_complete(self) -> None:
        if self.header_complete:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200 and not self._switches:
            return
        self.header_complete = True
        names = {name.lower() for name, _ in self.headers}
        self._measured = bool(names & _MEASURES) or self.status in (204, 304)
        if self._bodiless:
            self._finish()

    def on_body(self, piece: bytes) -> None:
        if not self.complete:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if self.complete:
            return
        if self.header_complete:
            self._finish()
        else:
            self.headers.clear()

    def _finish(self) -> None:
        self.complete = True
        # llhttp takes the end of a connection for the end of a HEAD's answer without length.
        self.keep_alive = self._parser.should_keep_alive() and self._measured


_MEASURES: Final = frozenset({"content-length", "transfer-encoding"})
