"""The API server's stages, outermost first.

    answer      count, and turn every error into a Status
    who         authenticate, authorize
    where       a path of the API about itself, heartbeats of this process' nodes, or a resource
    what        the verb, or the subresource

Mirrors the chain of upstream's `DefaultBuildHandlerChain` as far as it is built.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from math import inf
from typing import Final

import trio
from attrs import define, field

from k8slite.apiserver.aggregation.aggregation import Aggregation
from k8slite.apiserver.answer_headers import AnswerHeaders
from k8slite.apiserver.auditing.auditor import Auditor, Trail
from k8slite.apiserver.authentication.authenticator import Authenticator, BadToken, Recognized
from k8slite.apiserver.authentication.impersonation import impersonated
from k8slite.apiserver.authentication.issuer_documents import IssuerDocuments
from k8slite.apiserver.authorization.authorizer import Authorizer
from k8slite.apiserver.call import warning_headers
from k8slite.apiserver.calling.passing import refusal as plain
from k8slite.apiserver.cross_origin import PREFLIGHT, CrossOrigin
from k8slite.apiserver.custom import CustomResources
from k8slite.apiserver.deadlines import given_up, seconds_for
from k8slite.apiserver.discovery import Discovery
from k8slite.apiserver.flow_control import FlowControl
from k8slite.apiserver.health import Health
from k8slite.apiserver.heartbeats import Heartbeats
from k8slite.apiserver.in_flight import InFlight
from k8slite.apiserver.metrics import WAITED, Metrics
from k8slite.apiserver.openapi import OpenApi
from k8slite.apiserver.rendering import negotiate, status_answer
from k8slite.apiserver.request_info import RequestInfo, flag, request_info, with_selectors
from k8slite.apiserver.resource_metrics import ResourceMetrics
from k8slite.apiserver.reviews import Reviews
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.subresources import binding
from k8slite.apiserver.subresources.table import Subresources
from k8slite.apiserver.verbs import Call, Verbs, watches
from k8slite.kinds.kind import Kind
from k8slite.kinds.metrics import GROUP as METRICS_GROUP
from k8slite.messages import IN_PROCESS, Handler, Request, Response, User
from k8slite.objects.codec import dumps
from k8slite.objects.errors import (
    ApiError,
    BadRequest,
    Forbidden,
    InternalError,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    Unauthorized,
)
from k8slite.objects.fields import quoted
from k8slite.objects.measures import CONTENT_TYPE as TEXT_FORMAT
from k8slite.objects.measures import exposition

log = logging.getLogger(__name__)

BODY_MOST_BYTES: Final = 3 * 1024 * 1024  # upstream's limit of a request body
_REVIEW_GROUPS: Final = ("authentication.k8s.io", "authorization.k8s.io")
# Subresources whose answers may take for ever (upstream: `BasicLongRunningRequestCheck`).
_LONG_RUNNING: Final = frozenset(("attach", "exec", "log", "portforward", "proxy"))
# What is created and answered at once, and is nothing to print.
_WITHOUT_TABLE: Final = ("binding", "eviction", "token")
# Headers of the answer that a stage adds; None where nobody reads them.
Told = list[tuple[str, str]] | None
# What there are routes for below resources; HEAD and OPTIONS are for who is proxied to.
_METHODS: Final = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE"))
_METHOD_NOT_ALLOWED: Final = "the server does not allow this method on the requested resource"


@define(eq=False)
class ApiServer:
    """All stages; `handle` is the Handler."""

    storage: Storage
    authenticator: Authenticator
    authorizer: Authorizer
    verbs: Verbs
    subresources: Subresources
    reviews: Reviews
    discovery: Discovery
    openapi: OpenApi
    health: Health
    issuer: IssuerDocuments | None
    custom: CustomResources
    aggregation: Aggregation
    minor: int
    resource_metrics: ResourceMetrics | None = None
    metrics: Metrics = field(factory=Metrics)
    in_flight: InFlight = field(factory=InFlight)
    auditor: Auditor | None = None
    cross_origin: CrossOrigin = CrossOrigin()  # frozen
    # What is deprecated and was asked for: group, release without it, resource, part, version.
    deprecated: dict[tuple[str, ...], None] = field(factory=dict)
    # Paths of k8slite's own, which upstream does not have; authorized as non-resource URLs.
    own_paths: dict[str, Handler] = field(factory=dict)
    heartbeats: Heartbeats = field(init=False)
    headers: AnswerHeaders = field(init=False)
    flow_control: FlowControl = field(init=False)

    @heartbeats.default
    def _of_nodes(self) -> Heartbeats:
        return Heartbeats(self.storage, self.verbs.registry.chain, self.metrics)

    @headers.default
    def _of_answers(self) -> AnswerHeaders:
        return AnswerHeaders(self.verbs.registry.world)

    @flow_control.default
    def _of_flows(self) -> FlowControl:
        return FlowControl(self.storage.store)

    async def handle(self, request: Request) -> Response:
        """Answer a request; never raises but by cancellation."""
        info = request_info(request)
        began = trio.current_time()
        outside = request.peer.address != IN_PROCESS
        number = self.headers.number(request) if outside or self.auditor is not None else ""
        trail = self.auditor.begin(request, info, number) if self.auditor is not None else None
        told: list[tuple[str, str]] = []
        if request.method != "GET":  # reads have no webhooks
            WAITED.set([0.0, 0.0])
        try:
            told += self.cross_origin.headers(request)
            if told and request.method == "OPTIONS":
                response = PREFLIGHT
            else:
                reads = told if outside else None
                response = await self._in_time(request, info, trail, reads, began)
        except ApiError as error:
            response = _refusal(error, request)
        except Exception as error:  # a bug here must not take the server down
            log.exception("%s %s failed", request.method, request.path)
            response = _refusal(InternalError(f"Internal error occurred: {error!r}"), request)
        size = len(response.body) if isinstance(response.body, bytes) else -1
        self.metrics.count(info, request, response.status, trio.current_time() - began, size)
        if trail is not None:
            response = trail.answered(response)
            await trail.sent()
        return self.headers.added(response, number, told) if outside else response

    async def _in_time(
        self, request: Request, info: RequestInfo, trail: Trail | None, told: Told, began: float
    ) -> Response:
        """What is to be answered at once is given up after its time. Raises Timeout."""
        if watches(info, request) or info.verb == "watch" or info.subresource in _LONG_RUNNING:
            return await self._admitted(request, info, trail, told, takes_long=True)
        try:
            seconds = seconds_for(request, info)
        except BadRequest:
            if trail is not None:
                trail.unknown()
            raise
        if seconds == inf:
            return await self._admitted(request, info, trail, told, takes_long=False)
        with trio.CancelScope(deadline=began + seconds):
            return await self._admitted(request, info, trail, told, takes_long=False)
        raise given_up(info)

    async def _admitted(
        self,
        request: Request,
        info: RequestInfo,
        trail: Trail | None,
        told: Told,
        *,
        takes_long: bool,
    ) -> Response:
        self.custom.catch_up()
        self.aggregation.catch_up()
        authorize = self.authorizer.authorize
        if told is not None and self.authenticator.remote is not None:
            await self.authenticator.ask(request)
        recognized = self._recognized(request, trail)
        known = recognized.user
        user = impersonated(known, request, authorize)
        if trail is not None:
            trail.identified(known, user)
            for key, value in recognized.annotations.items():
                trail.note(key, value)
            if not await trail.sent():
                path = quoted(request.path)
                return plain(f"Internal Server Error: {path}: failed to store audit event", 500)
        if told is not None and info.subresource not in _LONG_RUNNING:
            told += self.flow_control.headers(user, info)
        if told is not None and recognized.warnings:
            told += warning_headers(recognized.warnings)
        if told is not None:  # it came from outside
            request = self.authenticator.front_proxy.cleared(request)
        with self.in_flight.counted(user, info.verb, takes_long=takes_long):
            scope = with_selectors(info, request) if request.query else info
            try:
                authorize(user, scope, trail.decided if trail is not None else None)
            except Forbidden:
                self.metrics.refused += 1
                raise
            self.metrics.allowed += 1
            service = self.aggregation.server_of(request.path)
            if service is not None:
                return await self.aggregation.forward(service, request, user, takes_long=takes_long)
            return await self._authorized(request, info, user, trail)

    def _recognized(self, request: Request, trail: Trail | None) -> Recognized:
        try:
            found = self.authenticator.recognized(request)
            self.metrics.authenticated(found.user.name)
            return found
        except Unauthorized as error:
            self.metrics.authentications.add("failure")
            if trail is not None:
                trail.unknown()
                if isinstance(error.__cause__, BadToken):
                    for key, value in error.__cause__.annotations.items():
                        trail.note(key, value)
            raise

    async def _authorized(
        self, request: Request, info: RequestInfo, user: User, trail: Trail | None
    ) -> Response:
        if len(request.body) > BODY_MOST_BYTES:
            raise RequestEntityTooLarge(
                f"Request entity too large: limit is {BODY_MOST_BYTES}", details={}
            )
        if info.is_resource:
            return await self._resource(request, info, user, trail)
        if self.heartbeats.concerns(request):
            return await self.heartbeats.answer(request, user)
        return await self._about_itself(request)

    async def _resource(
        self, request: Request, info: RequestInfo, user: User, trail: Trail | None
    ) -> Response:
        kind = self.storage.kinds.find(info.group, info.version, info.resource)
        if kind is None:
            raise NotFound("the server could not find the requested resource", details={})
        if kind.namespaced and info.name and not info.namespace:
            raise NotFound("the server could not find the requested resource", details={})
        if request.method not in _METHODS and info.subresource != "proxy":
            raise MethodNotAllowed(_METHOD_NOT_ALLOWED, details={})
        # What a proxied server can write is between it and the client.
        accept = "" if info.subresource == "proxy" else request.headers.get("accept", "")
        form = negotiate(
            accept, kind, request, self.minor, has_table=_has_table(kind, info, request)
        )
        call = Call(request, info, kind, user, form, self.authorizer.authorize)
        if trail is not None:
            call.note = trail.note
        deprecated = _DEPRECATED.get((kind.group, kind.plural))
        if deprecated is not None and self.minor >= deprecated[0]:
            call.warnings.append(deprecated[1])
            self.deprecated[kind.group, "", kind.plural, info.subresource, kind.version] = None
        try:
            return await self._served(call)
        except ApiError as error:
            return _refusal(error, request, call.warning_headers())

    async def _served(self, call: Call) -> Response:
        kind, info = call.kind, call.info
        if kind.plural == "componentstatuses":
            return self._component_statuses(call)
        if self.resource_metrics is not None and kind.group == METRICS_GROUP:
            return await self.resource_metrics.serve(call)
        if info.subresource:
            return await self.subresources.serve(call)
        if kind.group in _REVIEW_GROUPS and info.verb == "create":
            return await self.reviews.create(call)
        if kind.plural == "bindings" and info.verb == "create":
            return await binding.bind(self.verbs, call)
        verb = "watch" if watches(info, call.request) else info.verb
        serve = _VERBS.get(verb)
        if serve is None or verb not in kind.verbs or not _fits(verb, info, kind.namespaced):
            raise MethodNotAllowed(_METHOD_NOT_ALLOWED, details={})
        return await serve(self.verbs, call)

    async def _about_itself(self, request: Request) -> Response:
        path = request.path.rstrip("/") or "/"
        first = path.split("/")[1]
        if first in ("healthz", "livez", "readyz"):
            return self.health.answer(request)
        if path in self.own_paths:
            return await self.own_paths[path](request)
        if request.method not in ("GET", "HEAD") or (request.method == "HEAD" and _routed(path)):
            raise MethodNotAllowed(_METHOD_NOT_ALLOWED, details={})
        if request.path in ("/metrics", "/metrics/slis"):
            slis = path != "/metrics"
            text = exposition(self.health.families()) if slis else self.metrics.text()
            return Response(200, text.encode(), (("Content-Type", TEXT_FORMAT),))
        found = self.issuer.answer(request) if self.issuer is not None else None
        if found is not None:
            return found
        if first == "openapi":
            found = self.openapi.answer(request)
        else:
            found = self.discovery.answer(request)
        if found is None:
            raise NotFound("the server could not find the requested resource", details={})
        return found

    def _component_statuses(self, call: Call) -> Response:
        """The three parts that upstream reports under this deprecated kind."""
        if call.info.verb not in ("get", "list"):
            raise MethodNotAllowed(_METHOD_NOT_ALLOWED, details={})
        found = {
            name: dumps({"metadata": {"name": name}, "conditions": [_HEALTHY]})
            for name in ("scheduler", "controller-manager", "etcd-0")
        }
        now = self.verbs.registry.world.now()
        if call.info.name:
            if call.info.name not in found:
                raise NotFound(
                    f"componentstatuses {quoted(call.info.name)} not found",
                    details={"name": call.info.name, "kind": "componentstatuses"},
                )
            return call.response(200, call.form.object(call.kind, found[call.info.name], now))
        return call.response(200, call.form.list(call.kind, list(found.values()), 0, now))


def _routed(path: str) -> bool:
    """Whether upstream's router knows a path, which takes no HEAD; other handlers take it."""
    return path in ("/api", "/version") or path.count("/") == (2 if path[:5] == "/api/" else 3)


def _has_table(kind: Kind, info: RequestInfo, request: Request) -> bool:
    """Whether an answer can be a table (upstream: whether the storage is a `TableConvertor`).

    A watch that begins as a list does cannot: it is for caches, not for people.
    """
    is_watch = info.verb == "watch" or watches(info, request)
    if is_watch and flag(request.parameter("sendInitialEvents")):
        return False
    kept = kind.group not in _REVIEW_GROUPS and kind.plural != "bindings"
    return kept and info.subresource not in _WITHOUT_TABLE


def _refusal(
    error: ApiError, request: Request, warnings: tuple[tuple[str, str], ...] = ()
) -> Response:
    status = error.status()
    token = getattr(error, "continue_", "")
    if token:
        status["metadata"]["continue"] = token
    media_type, body = status_answer(request.headers.get("accept", ""), status)
    headers: tuple[tuple[str, str], ...] = (("Content-Type", media_type), *warnings)
    if error.retry_after_seconds:
        headers = (*headers, ("Retry-After", str(error.retry_after_seconds)))
    return Response(error.status_code, body, headers)


def _fits(verb: str, info: RequestInfo, namespaced: bool) -> bool:
    """Whether the path is one that the verb has: a collection, or an object."""
    if verb in ("get", "update", "patch", "delete"):
        return bool(info.name)
    if verb == "create":
        return not info.name and (bool(info.namespace) or not namespaced)
    return True


# Upstream's prerelease lifecycle: since which minor version, and what every request is told.
_DEPRECATED: Final[Mapping[tuple[str, str], tuple[int, str]]] = {
    ("", "componentstatuses"): (19, "v1 ComponentStatus is deprecated in v1.19+"),
    ("", "endpoints"): (
        33,
        "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ),
}
_HEALTHY: Final = {"type": "Healthy", "status": "True", "message": "ok"}
_VERBS: Final[Mapping[str, Callable[[Verbs, Call], Awaitable[Response]]]] = {
    "get": Verbs.get,
    "list": Verbs.list,
    "watch": Verbs.watch,
    "create": Verbs.create,
    "update": Verbs.update,
    "patch": Verbs.patch,
    "delete": Verbs.delete,
    "deletecollection": Verbs.deletecollection,
}
