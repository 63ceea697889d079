"""How long a request may take; who asks for less gets less.

Upstream: `WithRequestDeadline`, `WithTimeoutForNonLongRunningRequests`, and the bound of each write
in `endpoints/handlers`. A write that is given up may have been done nevertheless. What waits only
for others who have a bound of their own needs none: reads (a converter answers within 30 seconds,
an extension server within 60), and all that components of this process ask for.
"""

from __future__ import annotations

from math import inf
from typing import Final

from k8slite.apiserver.request_info import RequestInfo
from k8slite.messages import IN_PROCESS, Request
from k8slite.objects.errors import BadRequest, Timeout
from k8slite.objects.go_duration import SECOND, nanoseconds_of

REQUEST_SECONDS: Final = 60.0  # upstream: --request-timeout
WRITE_SECONDS: Final = 34.0
LATE: Final = "Timeout: request did not complete within the allotted timeout"
WRITTEN_LATE: Final = (
    "Timeout: request did not complete within requested timeout - context deadline exceeded"
)
_WRITES: Final = frozenset(("create", "update", "patch", "delete", "deletecollection"))


def seconds_for(request: Request, info: RequestInfo) -> float:
    """How long a request may take, infinitely where that is bounded already. Raises BadRequest."""
    writes = _writes(info)
    asked = request.parameter("timeout") if request.query else ""
    if not asked:
        return WRITE_SECONDS if writes and request.peer.address != IN_PROCESS else inf
    most = WRITE_SECONDS if writes else REQUEST_SECONDS
    try:
        seconds = nanoseconds_of(asked) / SECOND
    except ValueError as error:
        raise BadRequest(f"invalid timeout specified in the request URL - {error}") from None
    return min(seconds, most) if seconds > 0 else most


def given_up(info: RequestInfo) -> Timeout:
    """What is said of a request that took too long."""
    if _writes(info):
        return Timeout(WRITTEN_LATE, details={})
    return Timeout(LATE, details={})


def _writes(info: RequestInfo) -> bool:
    return info.is_resource and info.verb in _WRITES
