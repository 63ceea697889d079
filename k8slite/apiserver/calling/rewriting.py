"""Answers that speak of their server's paths, as they are seen from outside of a proxy.

Redirects, and links in pages, that lead to a path of the same server lead to it below the proxy's
own path. Upstream: `apimachinery/pkg/util/proxy/transport.go`.
"""

from __future__ import annotations

import re
import zlib
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from attrs import evolve, frozen

from k8slite.messages import Response, read_all

# A page of more bytes is passed on as it is.
_PAGE_MOST_BYTES: Final = 16 * 1024 * 1024


@frozen
class Rewriting:
    """Where a server is seen."""

    before: str  # what stands before its paths, without a slash at its end


async def rewritten(response: Response, seen: Rewriting) -> Response:
    """A redirect or a page with its links as they are seen; anything else as it is."""
    headers = {key.lower(): value for key, value in response.headers}
    location = headers.get("location")
    if location:
        return _with(response, "location", _link(location, seen))
    encoding = headers.get("content-encoding", "")
    is_page = headers.get("content-type", "").partition(";")[0].strip() == "text/html"
    if not is_page or encoding not in ("", "gzip") or _length(headers) > _PAGE_MOST_BYTES:
        return response
    body = await read_all(response)
    try:
        text = zlib.decompress(body, wbits=31) if encoding else body
    except zlib.error:
        return evolve(response, body=body)
    text = _TAG.sub(lambda tag: _tag(tag, seen), text)
    if encoding:
        packer = zlib.compressobj(wbits=31)
        text = packer.compress(text) + packer.flush()
    kept = tuple(pair for pair in response.headers if pair[0].lower() != "content-length")
    return evolve(response, body=text, headers=kept)


def _tag(tag: re.Match[bytes], seen: Rewriting) -> bytes:
    wanted = _LINKS.get(tag["name"].lower())
    if wanted is None:
        return tag[0]

    def replaced(attribute: re.Match[bytes]) -> bytes:
        if attribute["key"].lower() not in wanted:
            return attribute[0]
        link = _link(attribute["value"].decode(errors="replace"), seen).encode()
        start, end = attribute.span("value")
        whole, at = attribute[0], attribute.start()
        return whole[: start - at] + link + whole[end - at :]

    return _ATTRIBUTE.sub(replaced, tag[0])


def _link(link: str, seen: Rewriting) -> str:
    try:
        parts = urlsplit(link)
    except ValueError:
        return link
    if parts.netloc or parts.scheme or not parts.path.startswith("/"):
        return link  # elsewhere, or relative to where the page is
    if parts.path == seen.before or parts.path.startswith(f"{seen.before}/"):
        return link
    found = SplitResult("", "", f"{seen.before}{parts.path}", parts.query, parts.fragment)
    return urlunsplit(found)


def _with(response: Response, name: str, value: str) -> Response:
    headers = tuple((key, value if key.lower() == name else old) for key, old in response.headers)
    return evolve(response, headers=headers)


def _length(headers: dict[str, str]) -> int:
    text = headers.get("content-length", "")
    return int(text) if text.isdecimal() else 0


_TAG: Final = re.compile(rb"<(?P<name>[A-Za-z]+)(?:\s[^<>]*)?>")
_ATTRIBUTE: Final = re.compile(rb"""(?P<key>[A-Za-z]+)\s*=\s*["'](?P<value>[^"'<>]*)["']""")
# By the tag, the attributes that hold links (upstream: atomsToAttrs).
_LINKS: Final[dict[bytes, tuple[bytes, ...]]] = {
    b"a": (b"href",),
    b"applet": (b"codebase",),
    b"area": (b"href",),
    b"audio": (b"src",),
    b"base": (b"href",),
    b"blockquote": (b"cite",),
    b"body": (b"background",),
    b"button": (b"formaction",),
    b"command": (b"icon",),
    b"del": (b"cite",),
    b"embed": (b"src",),
    b"form": (b"action",),
    b"frame": (b"longdesc", b"src"),
    b"head": (b"profile",),
    b"html": (b"manifest",),
    b"iframe": (b"longdesc", b"src"),
    b"img": (b"longdesc", b"src", b"usemap"),
    b"input": (b"src", b"usemap", b"formaction"),
    b"ins": (b"cite",),
    b"link": (b"href",),
    b"object": (b"classid", b"codebase", b"data", b"usemap"),
    b"q": (b"cite",),
    b"script": (b"src",),
    b"source": (b"src",),
    b"video": (b"poster", b"src"),
}
