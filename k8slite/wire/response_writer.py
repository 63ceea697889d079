"""Responses to bytes: status line, header, and the frame of chunks.

Whether a body is measured, chunked or ended by closing is decided here and not by the Handler,
whose own words on it are left out.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import Final

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

# Statuses whose answers have no body and no length (RFC 9110, 8.6).
BODILESS: Final = frozenset({204, 304})

CLOSE: Final = b"Connection: close\r\n"
KEEP_ALIVE: Final = b"Connection: keep-alive\r\n"
CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"

Headers = tuple[tuple[str, str], ...]


def head(status: int, headers: Headers, *framing: bytes) -> bytes:
    """Everything before the body; `framing` are whole header lines."""
    # The last one is as a rule this answer's own (its number for the audit log); the others are
    # said again and again.
    first, last = _header_lines(headers[:-1]), _lines(headers[-1:])
    return b"".join((_status_line(status), first, last, *framing, b"\r\n"))


def switch(headers: Headers) -> bytes:
    """The whole answer 101: from here on another protocol is spoken."""
    lines = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in headers)
    return _status_line(101) + lines.encode("utf-8", "replace") + b"\r\n"


def length(body_bytes: int) -> bytes:
    """The header line that measures a body."""
    return b"Content-Length: %d\r\n" % body_bytes


def chunk(piece: bytes) -> bytes:
    """One piece of a stream in its frame; the piece must not be empty."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


@lru_cache(128)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = f"status code {status}"  # as Go names those it does not know
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


@lru_cache(256)
def _header_lines(headers: Headers) -> bytes:
    return _lines(headers)


def _lines(headers: Headers) -> bytes:
    lines = [
        f"{name}: {_one_line(value)}\r\n" for name, value in headers if name.lower() not in _FRAMING
    ]
    return "".join(lines).encode("utf-8", "replace")


def _one_line(value: str) -> str:
    # As net/http does it: a value cannot start another header.
    return value.replace("\r", " ").replace("\n", " ")


_FRAMING: Final = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
