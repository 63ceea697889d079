"""One request on its way to an extension API server, and its answer back.

The server believes us whom we ask for, since we show a certificate of the front proxy's authority.
Upstream: `kube-aggregator/pkg/apiserver/handler_proxy.go` and `SetAuthProxyHeaders` of
`client-go/transport`.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import trio
from attrs import define, evolve

from k8slite.apiserver.aggregation.services import is_available
from k8slite.apiserver.calling.endpoint import CallFailed, Endpoint, Way
from k8slite.apiserver.calling.passing import passed_back, passed_on, refusal
from k8slite.apiserver.calling.services import Services
from k8slite.apiserver.calling.webhook import read_bundle
from k8slite.apiserver.deadlines import LATE, REQUEST_SECONDS
from k8slite.messages import Request, Response, User, read_all
from k8slite.objects.errors import Timeout

Json = dict[str, Any]

# The minor version from which on the user's UID is told (feature RemoteRequestHeaderUID).
UID_SINCE: Final = 33
_IDENTITY: Final = "x-remote-"
# What a header's name may consist of (Go's `legalHeaderByte`), but for the sign of an escape.
_LEGAL: Final = "!#$&'*+-.^_`|~"
_UNAVAILABLE: Final = "service unavailable"
_NO_REDIRECTS: Final = "the backend attempted to redirect this request, which is not permitted"


@define(eq=False)
class Forwarder:
    """Passes requests on."""

    services: Services
    way: Way | None
    minor: int

    async def forward(
        self, service: Json, request: Request, user: User, *, takes_long: bool
    ) -> Response:
        """What the server of an APIService answers; a watch arrives piece by piece."""
        if not is_available(service) or self.way is None:
            return refusal(_UNAVAILABLE, 503)
        try:
            endpoint = self.endpoint(service)
        except CallFailed:
            return refusal(_UNAVAILABLE, 503)
        try:
            handler = self.way(endpoint)
        except ValueError as error:
            return refusal(str(error), 500)
        asked = self.asked_for(user, passed_on(request, request.path))
        try:
            with trio.fail_after(float("inf") if takes_long else REQUEST_SECONDS):
                response = passed_back(await handler(asked))
                if not takes_long:
                    response = evolve(response, body=await read_all(response))
        except OSError as error:
            return refusal(f"error trying to reach service: {error}", 503)
        except trio.TooSlowError:
            raise Timeout(LATE, details={}) from None
        return _redirected(response)

    def endpoint(self, service: Json, *, checks: bool = False) -> Endpoint:
        """Where the server of an APIService listens. Raises CallFailed.

        `checks`: whoever only checks that it answers does not look at its certificate.
        """
        spec = service["spec"]
        where = spec["service"]
        name, namespace = where.get("name", ""), where.get("namespace", "")
        address = self.services.address(namespace, name, where.get("port", 443))
        return Endpoint(
            f"https://{address}",
            read_bundle(spec.get("caBundle") or ""),
            f"{name}.{namespace}.svc",
            verified=not checks and not spec.get("insecureSkipTLSVerify"),
            front_proxy=True,
            streams=not checks,
        )

    def asked_for(self, user: User, request: Request) -> Request:
        """A request that says for whom it is, whatever was said before."""
        headers = {
            key: value for key, value in request.headers.items() if not key.startswith(_IDENTITY)
        }
        headers["x-remote-user"] = user.name
        if user.uid and self.minor >= UID_SINCE:
            headers["x-remote-uid"] = user.uid
        repeated = [("x-remote-group", group) for group in user.groups]
        for key, values in user.extra.items():
            repeated += [(f"x-remote-extra-{quote(key, safe=_LEGAL)}", value) for value in values]
        return evolve(request, headers=headers, repeated=tuple(repeated))


def _redirected(response: Response) -> Response:
    """Nobody is sent elsewhere with the trust that we have in an extension API server."""
    location = any(key.lower() == "location" and value for key, value in response.headers)
    if not 300 <= response.status < 400 or not location:
        return response
    if not isinstance(response.body, bytes):
        response.body.close()
    return Response(502, _NO_REDIRECTS.encode(), (("Content-Type", "text/plain; charset=utf-8"),))
