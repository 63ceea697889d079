"""Web servers of well-known images, with the files that those are built with: nginx, httpd.

They serve what is in their directory, read nothing of their configuration, and log as they do. One
that is its container's only command costs no task as long as nobody asks it (`ports`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from functools import partial
from typing import Final

from attrs import frozen

from k8slite.kubelet.runtimes.box import Box
from k8slite.kubelet.runtimes.commands.command import Command, complain
from k8slite.kubelet.runtimes.commands.serving import Ending, dated, type_of
from k8slite.kubelet.runtimes.network import Listener
from k8slite.kubelet.runtimes.session import Session
from k8slite.messages import Request, Response

_PORT: Final = 80


@frozen
class _Server:
    name: str  # as its answers say
    root: str
    page: str  # what it shows of what is wrong


Write = Callable[[bytes], Awaitable[None]]


async def answer(server: str, box: Box, write: Write, request: Request) -> Response:
    """What one of these servers answers, by its command's name; it logs by `write`."""
    return await _answer(_SERVERS[server], box, write, request)


async def _nginx(command: list[str], box: Box, session: Session) -> int:
    if command[1:2] == ["-v"]:
        return await complain(session, f"nginx version: {_NGINX.name}", 0)
    if command[1:2] == ["-t"]:
        path = "/etc/nginx/nginx.conf"
        await complain(session, f"nginx: the configuration file {path} syntax is ok")
        return await complain(session, f"nginx: configuration file {path} test is successful", 0)
    if command[1:2] == ["-s"]:
        return 0
    return await _serve(_NGINX, box, session)


async def _httpd(command: list[str], box: Box, session: Session) -> int:
    return await _serve(_HTTPD, box, session)


async def _serve(server: _Server, box: Box, session: Session) -> int:
    async def stop() -> int:
        return 0

    try:
        listener = Listener(partial(_answer, server, box, session.write))
        with box.interface.listening(_PORT, listener):
            return await Ending().wait(session, stop)
    except OSError as taken:
        return await complain(session, str(taken))


async def _answer(server: _Server, box: Box, write: Write, request: Request) -> Response:
    found = _found(server, box, request)
    size = len(found.body) if isinstance(found.body, bytes) else 0
    address = request.peer.address.rpartition(":")[0]
    query = "&".join(f"{name}={value}" for name, value in request.query)
    target = f"{request.path}?{query}" if query else request.path
    line = f"{address or '-'} - - [{box.now():%d/%b/%Y:%H:%M:%S} +0000] "
    line += f'"{request.method} {target} HTTP/1.1" {found.status} {size}'
    if server is _NGINX:
        agent = request.headers.get("user-agent", "-")
        line += f' "{request.headers.get("referer", "-")}" "{agent}" "-"'
    await write(f"{line}\n".encode())
    return dated(box, found)


def _found(server: _Server, box: Box, request: Request) -> Response:
    headers = (("Server", server.name),)
    if request.method not in ("GET", "HEAD", "POST", "OPTIONS"):
        return _wrong(server, 405, "Not Allowed" if server is _NGINX else "Method Not Allowed")
    if request.method == "POST" and server is _NGINX:
        return _wrong(server, 405, "Not Allowed")
    path = posixpath.normpath(f"{server.root}/{request.path.lstrip('/')}")
    if not path.startswith(server.root):
        return _wrong(server, 400, "Bad Request")
    if box.is_directory(path):
        if not request.path.endswith("/"):
            return _wrong(server, 301, "Moved Permanently", ("Location", f"{request.path}/"))
        path = f"{path}/index.html"
    content = box.files.get(path)
    if content is None:
        listed = path.endswith("/index.html") and request.path.endswith("/")
        return _wrong(server, 403, "Forbidden") if listed else _wrong(server, 404, "Not Found")
    typed = ("Content-Type", type_of(path).partition(";")[0])
    changed = ("Last-Modified", format_datetime(box.now(), usegmt=True))
    return Response(200, content, (*headers, typed, changed, ("Accept-Ranges", "bytes")))


def _wrong(server: _Server, status: int, text: str, *headers: tuple[str, str]) -> Response:
    page = server.page.format(status=status, text=text)
    named = (("Server", server.name), ("Content-Type", "text/html"), *headers)
    return Response(status, page.encode(), named)


_NGINX: Final = _Server(
    "nginx/1.29.0",
    "/usr/share/nginx/html",
    "<html>\r\n<head><title>{status} {text}</title></head>\r\n<body>\r\n"
    "<center><h1>{status} {text}</h1></center>\r\n<hr><center>nginx/1.29.0</center>\r\n"
    "</body>\r\n</html>\r\n",
)
_HTTPD: Final = _Server(
    "Apache/2.4.65 (Unix)",
    "/usr/local/apache2/htdocs",
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n'
    "<title>{status} {text}</title>\n</head><body>\n<h1>{text}</h1>\n</body></html>\n",
)
WEB: Final[dict[str, Command]] = {
    "httpd-foreground": _httpd,
    "nginx": _nginx,
}
_SERVERS: Final = {"httpd-foreground": _HTTPD, "nginx": _NGINX}
