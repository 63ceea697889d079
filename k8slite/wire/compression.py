"""Which answers are worth gzip, and their compression without holding up everybody else.

Upstream's rule (feature APIResponseCompression): a whole answer of more than 128 KiB, to a client
that says `gzip`, at level 1. Not for a client on the same machine: there compression costs both
ends processor time, ten times what the bytes on the loopback device cost, and saves nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

import trio
from attrs import evolve

from k8slite.messages import Request, Response

GZIP_OVER_BYTES: Final = 128 * 1024  # upstream: defaultGzipThresholdBytes
GZIP_LEVEL: Final = 1  # upstream: defaultGzipContentEncodingLevel
SLICE_BYTES: Final = 128 * 1024  # about a millisecond; then others get their turn
# More would keep a processor busy for a second; the bytes go as they are.
GZIP_MOST_BYTES: Final = 64 * 1024 * 1024
_GZIP_WINDOW: Final = 31  # zlib's way to ask for its largest window and a gzip header

_LOOPBACK: Final = ("127.", "[::1]", "[::ffff:127.", "@")


def is_worth_gzip(request: Request, response: Response) -> bool:
    """Whether this answer is to be compressed for this client."""
    body = response.body
    return (
        isinstance(body, bytes)
        and GZIP_OVER_BYTES < len(body) <= GZIP_MOST_BYTES
        and response.status == 200
        and request.method == "GET"
        and _accepts_gzip(request.headers)
        and not request.peer.address.startswith(_LOOPBACK)
        and not any(name.lower() == "content-encoding" for name, _ in response.headers)
    )


async def gzipped(response: Response) -> Response:
    """The same answer, compressed; with checkpoints."""
    assert isinstance(response.body, bytes)
    body = memoryview(response.body)
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    pieces = []
    for start in range(0, len(body), SLICE_BYTES):
        pieces.append(packer.compress(body[start : start + SLICE_BYTES]))
        await trio.lowlevel.checkpoint()
    pieces.append(packer.flush())
    headers = (*response.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    return evolve(response, body=b"".join(pieces), headers=headers)


def _accepts_gzip(headers: Mapping[str, str]) -> bool:
    accepted = headers.get("accept-encoding", "")
    return any(encoding.strip() == "gzip" for encoding in accepted.split(","))
