"""Bytes to Requests: however they are split, the same requests come out, or the same refusal.

Feed it what arrives; whole requests gather in `requests`, in order. The first thing that is not
HTTP, or too large, sets `refusal` and ends the parser; requests before it stay valid. The grammar
is llhttp's (through httptools), strict; what it leaves to its users is checked here: the Host
header, the version, transfer encodings, sizes, the target.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import Any, Final

import httptools
from attrs import define

from k8slite.messages import Peer, Request
from k8slite.wire.limits import READ_BYTES, Limits
from k8slite.wire.refusals import (
    BAD_REQUEST,
    HEADER_TOO_LARGE,
    MISSING_HOST,
    TOO_MANY_HOSTS,
    UNKNOWN_EXPECTATION,
    UNSUPPORTED_ENCODING,
    UNSUPPORTED_VERSION,
    Refusal,
    Refused,
    body_too_large,
)
from k8slite.wire.request_target import Query, split_target

# A chunk of one byte takes six on the wire; with extensions a little more is still honest.
_CHUNKING_OVERHEAD: Final = 8
# What `feed` may count too much, since a message may begin and end anywhere in a piece.
_COUNTING_SLACK_BYTES: Final = 2 * READ_BYTES


class Stage(IntEnum):
    """Where in a message the last fed byte was."""

    BETWEEN = 0
    HEADER = 1
    BODY = 2


@define(eq=False)
class Received:
    """A whole request, and what its sender expects of the connection."""

    request: Request
    keep_alive: bool
    old: bool  # HTTP/1.0: no chunks, and keep-alive must be said


class RequestParser:
    """The parser of one connection; `peer` is stamped into each Request."""

    def __init__(self, limits: Limits, peer: Peer) -> None:
        self.requests: Final[deque[Received]] = deque()
        self.refusal: Refusal | None = None
        self.stage = Stage.BETWEEN
        self.rest = b""  # what came after a request to switch to another protocol
        self.wants_continue = False  # the sender waits for "100 Continue" before its body
        self._limits = limits
        self._peer = peer
        self._parser: Any = httptools.HttpRequestParser(self)
        self._ended = False
        self._piece_bytes = 0
        self._fed_bytes = 0
        self._query: Query = ()
        self._clear()

    def feed(self, data: bytes | bytearray) -> None:
        """Take the next piece, of at most READ_BYTES; never raises."""
        if self._ended:
            return
        self._piece_bytes = len(data)
        self._fed_bytes += len(data)
        try:
            self._parser.feed_data(data)
            self._check_fed()
        except httptools.HttpParserUpgrade as upgrade:
            # What follows is not HTTP/1.1, if the Handler agrees; else it is nothing.
            self.rest = bytes(data[upgrade.args[0] :])
            self._end()
        except Refused as refused:
            self._refuse(refused.refusal)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if not isinstance(cause, Refused):
                raise
            self._refuse(cause.refusal)
        except httptools.HttpParserError:
            self._refuse(BAD_REQUEST)

    # What llhttp calls.

    def on_message_begin(self) -> None:
        self._clear()
        self.stage = Stage.HEADER
        self._fed_bytes = self._piece_bytes

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._header_bytes += len(url)

    def on_header(self, name: bytes, value: bytes | None) -> None:
        if self.stage is not Stage.HEADER:
            return  # trailers must not pass for headers
        text = value.decode("utf-8", "replace").strip(" \t") if value else ""
        self._header_bytes += len(name) + len(text) + 4
        key = _NAMES.get(name) or name.decode("latin-1").lower()
        headers = self._headers
        if key in headers:
            # Refused only when the header is whole: llhttp tells of a value early or late,
            # depending on where a piece ends.
            self._hosts += key == "host"
            self._lines.setdefault(key, [headers[key]]).append(text)
            text = headers[key] + ("; " if key == "cookie" else ", ") + text
        headers[key] = text

    def on_headers_complete(self) -> None:
        self.stage = Stage.BODY
        if self._header_bytes > self._limits.max_header_bytes:
            raise Refused(HEADER_TOO_LARGE)
        parser, headers = self._parser, self._headers
        version = parser.get_http_version()
        self._old = version == "1.0"
        if version != "1.1" and not self._old:
            raise Refused(UNSUPPORTED_VERSION)
        if self._hosts:
            raise Refused(TOO_MANY_HOSTS)
        if "host" not in headers and not self._old:
            raise Refused(MISSING_HOST)
        if "transfer-encoding" in headers and headers["transfer-encoding"].lower() != "chunked":
            raise Refused(UNSUPPORTED_ENCODING)
        self._path, self._query = split_target(self._target)
        if "content-length" in headers:
            length = int(headers["content-length"].split(",")[0])
            if length > self._limits.max_body_bytes:
                raise Refused(body_too_large(self._limits.max_body_bytes))
        if "expect" in headers and not self._old:
            if headers["expect"].lower() != "100-continue":
                raise Refused(UNKNOWN_EXPECTATION)
            self.wants_continue = True

    def on_body(self, piece: bytes) -> None:
        self._body_bytes += len(piece)
        if self._body_bytes > self._limits.max_body_bytes:
            raise Refused(body_too_large(self._limits.max_body_bytes))
        self._body.append(piece)

    def on_message_complete(self) -> None:
        parser = self._parser
        body = self._body
        request = Request(
            method=parser.get_method().decode("ascii"),
            path=self._path,
            query=self._query,
            headers=self._headers,
            body=b"" if not body else body[0] if len(body) == 1 else b"".join(body),
            peer=self._peer,
            lines={key: tuple(several) for key, several in self._lines.items()},
        )
        keep_alive = parser.should_keep_alive() and "upgrade" not in self._headers
        self.requests.append(Received(request, keep_alive, self._old))
        self.stage = Stage.BETWEEN
        self.wants_continue = False
        if not keep_alive:
            self._ended = True

    # Helpers.

    def _clear(self) -> None:
        self._target = b""
        self._path = ""
        self._query = ()
        self._headers: dict[str, str] = {}
        self._lines: dict[str, list[str]] = {}
        self._header_bytes: int = 0
        self._hosts: int = 0  # beyond the first
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._old = False

    def _check_fed(self) -> None:
        """Bounds what llhttp keeps or skips without telling: half headers, chunk extensions."""
        if self.stage is Stage.BETWEEN:
            return
        most = self._limits.max_header_bytes + _COUNTING_SLACK_BYTES
        if self.stage is Stage.HEADER:
            if self._fed_bytes > most:
                raise Refused(HEADER_TOO_LARGE)
        elif self._fed_bytes > most + _CHUNKING_OVERHEAD * self._limits.max_body_bytes:
            raise Refused(body_too_large(self._limits.max_body_bytes))

    def _refuse(self, refusal: Refusal) -> None:
        # After a request that closes the connection, nobody asks what follows it.
        if not self._ended:
            self.refusal = refusal
        self._end()

    def _end(self) -> None:
        self._ended = True
        self.stage = Stage.BETWEEN
        self.wants_continue = False
        self._clear()


# The names that nearly every request has, in the two spellings of clients: no decoding for them.
_NAMES: Final = {
    spelling.encode(): name
    for name in (
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "kubectl-command",
        "kubectl-session",
        "transfer-encoding",
        "user-agent",
    )
    for spelling in (name, name.title())
}
