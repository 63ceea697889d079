"""A request that is passed on to another server, and what is passed back.

What concerns one connection only, and what is between the client and us, stays here. Upstream:
`apimachinery/pkg/util/proxy.UpgradeAwareHandler` around Go's `httputil.ReverseProxy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import evolve

from k8slite.messages import Request, Response

TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))

# What concerns one connection only (RFC 9110, 7.6.1).
_HOPS: Final = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
# What proves to us who asks; nobody else is to get hold of it.
_OURS: Final = ("authorization", "impersonate-")


def passed_on(request: Request, path: str) -> Request:
    """A client's request as another server gets it, at a path there."""
    return evolve(request, path=path, headers=_headers(request))


def upgrades(request: Request) -> bool:
    """Whether a client wants to go on in another protocol."""
    return bool(request.headers.get("upgrade")) and "upgrade" in _named(request.headers)


def passed_back(response: Response) -> Response:
    """A server's response as a client gets it."""
    if response.conversation is not None:
        return response
    named = _named({key.lower(): value for key, value in response.headers})
    kept = tuple(
        (key, value)
        for key, value in response.headers
        if key.lower() not in _HOPS and key.lower() not in named
    )
    return evolve(response, headers=kept)


def refusal(text: str, status: int) -> Response:
    """An answer in plain text, as Go's `http.Error` writes it."""
    return Response(status, f"{text}\n".encode(), TEXT)


def _headers(request: Request) -> dict[str, str]:
    named = _named(request.headers)
    found = {
        key: value
        for key, value in request.headers.items()
        if key not in _HOPS and key not in named and not key.startswith(_OURS)
    }
    if upgrades(request):
        found["upgrade"] = request.headers["upgrade"]
    client = _host(request.peer.address)
    if client:
        before = found.get("x-forwarded-for")
        found["x-forwarded-for"] = f"{before}, {client}" if before else client
    return found


def _named(headers: Mapping[str, str]) -> frozenset[str]:
    """The headers that a connection is said to be about."""
    return frozenset(one.strip().lower() for one in headers.get("connection", "").split(","))


def _host(address: str) -> str:
    host, _, port = address.rpartition(":")
    return host.strip("[]") if port.isdecimal() else ""
