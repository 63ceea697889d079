"""What is answered to those who never reach the Handler: malformed, too large, or met by a crash.

What Go's net/http answers by itself is plain text and ends the connection; what the API server
answers is a Status.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import orjson
from attrs import frozen

from k8slite.messages import Response

# What net/http's server answers on a TLS port to plain HTTP, to the letter.
PLAIN_HTTP_ON_TLS_PORT: Final = (
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
)


@frozen
class Refusal:
    """Why a request is not answered by the Handler; the connection ends with it."""

    status: int
    text: str = ""
    response: Response | None = None

    def to_bytes(self) -> bytes:
        """The whole plain answer as net/http writes it; only where `response` is None."""
        reason = f"{self.status} {HTTPStatus(self.status).phrase}"
        if self.text:
            reason += f": {self.text}"
        return (
            f"HTTP/1.1 {reason}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Connection: close\r\n\r\n{reason}"
        ).encode()


class Refused(Exception):
    """Carries a refusal from where it is found to where it is answered."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status, refusal.text)
        self.refusal = refusal


def body_too_large(limit_bytes: int) -> Refusal:
    """Upstream's NewRequestEntityTooLargeError."""
    message = f"Request entity too large: limit is {limit_bytes}"
    return Refusal(413, response=_status(413, "RequestEntityTooLarge", message))


def handler_crashed(error: Exception) -> Response:
    """Upstream's NewInternalError."""
    message = f"Internal error occurred: {type(error).__name__}: {error}"
    return _status(500, "InternalError", message)


def _status(code: int, reason: str, message: str) -> Response:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message.encode("utf-8", "replace").decode(),
        "reason": reason,
        "code": code,
    }
    return Response(code, orjson.dumps(status))


BAD_REQUEST: Final = Refusal(400)
MISSING_HOST: Final = Refusal(400, "missing required Host header")
TOO_MANY_HOSTS: Final = Refusal(400, "too many Host headers")
UNKNOWN_EXPECTATION: Final = Refusal(417)
HEADER_TOO_LARGE: Final = Refusal(431)
UNSUPPORTED_ENCODING: Final = Refusal(501, "Unsupported transfer encoding")
UNSUPPORTED_VERSION: Final = Refusal(505, "unsupported protocol version")
