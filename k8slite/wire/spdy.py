"""SPDY/3.1 as Kubernetes' streams speak it: many of them on one connection.

Only what is used of it: a client opens streams with a few headers, both ends send data and close
their half. Frames are taken apart by `SpdyParser` and made by functions; nothing here waits. The
blocks of headers are compressed with the dictionary of the SPDY/3 draft, which both ends know.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import frozen

PROTOCOL: Final = "SPDY/3.1"

_VERSION: Final = 3
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY = 1, 2, 3, 6, 7
_FIN: Final = 0x01
_FRAME_MOST_BYTES: Final = 16 * 1024 * 1024


class NotSpdy(Exception):
    """What came is no frame."""


@frozen
class Opened:
    """A stream begins."""

    stream: int
    headers: Mapping[str, str]
    ended: bool  # its sender will send nothing on it


@frozen
class Data:
    """Bytes of a stream, perhaps its last."""

    stream: int
    payload: bytes
    ended: bool


@frozen
class Reset:
    """A stream is given up."""

    stream: int


@frozen
class Ping:
    """To be answered with the same frame."""

    frame: bytes


@frozen
class Gone:
    """The peer will open no more streams."""


Frame = Opened | Data | Reset | Ping | Gone


class SpdyParser:
    """Bytes to frames, however they are split."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=_DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now. Raises NotSpdy."""
        self._buffer += data
        while len(self._buffer) >= 8:
            size = int.from_bytes(self._buffer[5:8], "big")
            if size > _FRAME_MOST_BYTES:
                raise NotSpdy("a frame is too large")
            if len(self._buffer) < 8 + size:
                return
            whole = bytes(self._buffer[: 8 + size])
            del self._buffer[: 8 + size]
            found = self._frame(whole)
            if found is not None:
                yield found

    def _frame(self, whole: bytes) -> Frame | None:
        flags, body = whole[4], whole[8:]
        if not whole[0] & 0x80:
            return Data(_number(whole[:4]), body, bool(flags & _FIN))
        version, kind = int.from_bytes(whole[:2], "big") & 0x7FFF, int.from_bytes(whole[2:4], "big")
        if version != _VERSION:
            raise NotSpdy(f"a control frame of version {version}")
        if kind == _SYN_STREAM:
            if len(body) < 10:
                raise NotSpdy("a stream that begins with too little")
            return Opened(_number(body[:4]), self._headers(body[10:]), bool(flags & _FIN))
        if kind == _RST_STREAM:
            return Reset(_number(body[:4]))
        if kind == _PING:
            return Ping(whole)
        if kind == _GOAWAY:
            return Gone()
        return None  # settings and windows: nothing here depends on them

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            plain = self._inflate.decompress(block)
        except zlib.error as error:
            raise NotSpdy(f"headers: {error}") from None
        found, at = dict[str, str](), 4
        for _ in range(int.from_bytes(plain[:4], "big")):
            name, at = _text(plain, at)
            value, at = _text(plain, at)
            found[name.lower()] = value.split("\0")[0]
        return found


class SpdyWriter:
    """Frames to bytes."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=_DICTIONARY)

    def reply(self, stream: int) -> bytes:
        """The stream is accepted."""
        block = self._deflate.compress(bytes(4)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(_SYN_REPLY, stream.to_bytes(4, "big") + block)

    def data(self, stream: int, payload: bytes, *, ended: bool = False) -> bytes:
        """Bytes of a stream, perhaps none and the last."""
        head = stream.to_bytes(4, "big") + bytes((_FIN if ended else 0,))
        return head + len(payload).to_bytes(3, "big") + payload


def _control(kind: int, body: bytes) -> bytes:
    head = (0x8000 | _VERSION).to_bytes(2, "big") + kind.to_bytes(2, "big")
    return head + b"\0" + len(body).to_bytes(3, "big") + body


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big") & 0x7FFFFFFF


def _text(plain: bytes, at: int) -> tuple[str, int]:
    if at + 4 > len(plain):
        raise NotSpdy("headers that are cut off")
    size = int.from_bytes(plain[at : at + 4], "big")
    return plain[at + 4 : at + 4 + size].decode("utf-8", "replace"), at + 4 + size


def _dictionary() -> bytes:
    """The words that headers were thought to have, each with its length before it, and a rest."""
    words = [*_WORDS.split(), b"200 OK", b"version", b"HTTP/1.1", b"url", b"public"]
    words += [b"set-cookie", b"keep-alive", b"origin"]
    return b"".join(len(word).to_bytes(4, "big") + word for word in words) + _REST


_WORDS: Final = b"""
    options head post put delete trace accept accept-charset accept-encoding accept-language
    accept-ranges age allow authorization cache-control connection content-base content-encoding
    content-language content-length content-location content-md5 content-range content-type date
    etag expect expires from host if-match if-modified-since if-none-match if-range
    if-unmodified-since last-modified location max-forwards pragma proxy-authenticate
    proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade
    user-agent vary via warning www-authenticate method get status
"""
_REST: Final = (
    b"100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    b"203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    b"401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    b"503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 "
    b"Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    b"chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,"
    b"text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8"
    b"charset=iso-8859-1,utf-,*,enq=0."
)
_DICTIONARY: Final = _dictionary()
# No stream was refused; the connection ends well.
GOING_AWAY: Final = _control(_GOAWAY, bytes(8))
