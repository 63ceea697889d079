"""Messages between processes: JSON with its length before it."""

from __future__ import annotations

import os
import select
import struct
from typing import Any

import orjson

_LENGTH = struct.Struct("!I")


def send(descriptor: int, message: Any) -> None:
    """Write a message. Raises BrokenPipeError when nobody reads any more."""
    data = orjson.dumps(message)
    data = _LENGTH.pack(len(data)) + data
    while data:
        data = data[os.write(descriptor, data) :]


def receive(descriptor: int, seconds: float | None) -> Any:
    """A message; None at the end of the pipe, or when the time is over."""
    head = _read(descriptor, _LENGTH.size, seconds)
    if head is None:
        return None
    body = _read(descriptor, _LENGTH.unpack(head)[0], seconds)
    return None if body is None else orjson.loads(body)


def close(*descriptors: int) -> None:
    """Close all of them."""
    for descriptor in descriptors:
        os.close(descriptor)


def _read(descriptor: int, size: int, seconds: float | None) -> bytes | None:
    data = b""
    while len(data) < size:
        ready, _, _ = select.select([descriptor], [], [], seconds)
        piece = os.read(descriptor, size - len(data)) if ready else b""
        if not piece:
            return None
        data += piece
    return data
