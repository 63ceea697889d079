"""What servers among the commands have in common: answers over HTTP, and how they end.

Answers are those of Go's `net/http`, in which most of these servers are written.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Awaitable, Callable, Mapping
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import trio
from attrs import define, evolve, field

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.network import Listener
from k8slite.kubelet.runtimes.session import Session
from k8slite.messages import Handler, Request, Response

GO_TERMINATED_CODE: Final = 2  # of a program in Go that has no handler for SIGTERM
_TEXT: Final = "text/plain; charset=utf-8"
_HTML: Final = "text/html; charset=utf-8"
# What Go takes for a page (upstream: `net/http.DetectContentType`).
_LOOKS_HTML: Final = re.compile(
    rb"\s*<(?:!--|(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body"
    rb"|br|p)[ >])",
    re.IGNORECASE,
)

Answer = Callable[[Request], Awaitable[Response]]


def text(body: str | bytes, status: int = 200, *headers: tuple[str, str]) -> Response:
    """An answer in plain text, or what it looks like, unless the headers say otherwise."""
    content = body.encode() if isinstance(body, str) else body
    if not any(name == "Content-Type" for name, _ in headers):
        headers = (*headers, ("Content-Type", _HTML if _LOOKS_HTML.match(content) else _TEXT))
    return Response(status, content, headers)


def error(body: str, status: int) -> Response:
    """As Go's `http.Error`."""
    return text(f"{body}\n", status, ("X-Content-Type-Options", "nosniff"))


def as_json(value: Any) -> str:
    """Compact, with sorted keys, as Go writes maps."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def form(request: Request) -> dict[str, str]:
    """The first value of each parameter, of a form in the body or of the query."""
    pairs = list(request.query)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        pairs = parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True) + pairs
    return dict(reversed(pairs))


def routed(routes: Mapping[str, Answer], otherwise: Answer | None = None) -> Handler:
    """Answers by path, as Go's ServeMux: a path that ends with a slash is for all below it."""

    async def handle(request: Request) -> Response:
        found = routes.get(request.path, otherwise)
        return error("404 page not found", 404) if found is None else await found(request)

    return handle


def listener(box: Box, answer: Answer, *, tls: bool = False) -> Listener:
    """Somebody who answers, and says when."""

    async def handle(request: Request) -> Response:
        return dated(box, await answer(request))

    return Listener(handle, tls)


def dated(box: Box, response: Response) -> Response:
    """An answer that says when it was given."""
    date = ("Date", format_datetime(box.now(), usegmt=True))
    return evolve(response, headers=(date, *response.headers))


async def log(box: Box, session: Session, line: str) -> None:
    """A line as Go's `log` writes it."""
    await session.write_error(f"{box.now():%Y/%m/%d %H:%M:%S} {line}\n".encode())


@define(eq=False)
class Ending:
    """How a server ends: by itself, or because it is told to."""

    code: int = 0
    _event: trio.Event = field(factory=trio.Event)

    def exit(self, code: int) -> None:
        """End, at once."""
        self.code = code
        self._event.set()

    async def wait(self, session: Session, stop: Callable[[], Awaitable[int]] | None = None) -> int:
        """The exit code, once it ends; `stop` is what it does at SIGTERM."""

        async def told() -> None:
            await session.stopped()
            self.exit(GO_TERMINATED_CODE if stop is None else await stop())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(told)
            await self._event.wait()
            nursery.cancel_scope.cancel()
        return self.code


def type_of(path: str) -> str:
    """The media type of a file, by its name."""
    return _TYPES.get(posixpath.splitext(path)[1], _TEXT)


_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".htm": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".xml": "text/xml; charset=utf-8",
}
