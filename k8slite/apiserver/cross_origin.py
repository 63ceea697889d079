"""Which web pages of other origins a browser may let ask the API (`--cors-allowed-origins`).

Upstream: `apiserver/pkg/server/filters/cors.go`, and the check of its option. It is asked before
anybody is authenticated: a browser's first question brings no credentials.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from k8slite.messages import Request, Response

# What pins an expression to the start, and to the end, of the host in an origin (CVE-2022-1996).
_STARTS: Final = ("^", "//")
_ENDS: Final = ("$", ":")
_ALLOWED: Final = (
    ("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE, PATCH"),
    (
        "Access-Control-Allow-Headers",
        "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, "
        "X-Requested-With, If-Modified-Since",
    ),
    ("Access-Control-Expose-Headers", "Date"),
    ("Access-Control-Allow-Credentials", "true"),
)


@frozen(eq=False)
class CrossOrigin:
    """The origins that are allowed; none where there are no expressions."""

    expressions: Sequence[re.Pattern[str]] = ()

    @classmethod
    def of(cls, expressions: Sequence[str]) -> CrossOrigin:
        """Raises ValueError with upstream's words for an expression that cannot be allowed."""
        found = []
        for text in expressions:
            try:
                found.append(re.compile(text))
            except re.error as error:
                raise ValueError(f"has an invalid regular expression: {error}: {text}") from None
            if not any(one in text for one in _STARTS) or not any(one in text for one in _ENDS):
                raise ValueError(
                    "regular expression does not pin to start/end of host in the origin header: "
                    f"{text}"
                )
        return cls(found)

    def headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        """What the answer says to the browser; nothing to who comes from no allowed origin."""
        origin = request.headers.get("origin", "")
        if not origin or not any(one.search(origin) for one in self.expressions):
            return ()
        return (("Access-Control-Allow-Origin", origin), *_ALLOWED)


# The answer to a browser that asks whether it may ask.
PREFLIGHT: Final = Response(204, b"", ())
