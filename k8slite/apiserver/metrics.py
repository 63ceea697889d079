"""What the API server counts and times, under upstream's names, labels and buckets.

One set for each API server. Counting a request costs a look-up and two additions; what only reads
what somebody else knows is in `gauges`. Durations are of trio's clock. Upstream:
`apiserver/pkg/{endpoints,admission,storage/etcd3}/metrics`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import partial
from typing import Final

import trio
from attrs import define, field

from k8slite.apiserver.request_info import RequestInfo
from k8slite.kinds.kind import Kind
from k8slite.messages import Request
from k8slite.objects.measures import Counter, Family, Histogram, exponential, exposition
from k8slite.store.store import Broken

BUCKETS: Final = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8),
    *(10, 15, 20, 30, 45, 60),
)
_LEVELS_FROM: Final = 2  # the first of these that levels of service are told by
LEVELS: Final = BUCKETS[_LEVELS_FROM:]
_ADMISSION: Final = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5)
_ABOUT: Final = ("component", "group", "resource", "scope", "subresource", "verb", "version")
_TIMED: Final = ("component", "dry_run", *_ABOUT[1:])
_STEP: Final = ("type", "operation", "rejected")
_STORED: Final = ("operation", "group", "resource")
_COMPONENT: Final = "apiserver"


# What webhooks have taken of the request that this task answers, in seconds: those that are asked
# one after the other, and the longest of those that are asked at once.
WAITED: Final[ContextVar[list[float]]] = ContextVar("waited")
_NOTHING: Final = (0.0,)


@define(eq=False)
class _Requests:
    """The requests of one sort: everything that their labels have in common."""

    about: tuple[str, ...]  # the values of _ABOUT
    dry_run: str
    row: list[float]  # of the durations
    # By how much the row of levels of service differs: what webhooks have taken is left out.
    shift: list[float] = field(factory=lambda: [0.0] * (len(LEVELS) + 2))

    def waited(self, whole: float, own: float) -> None:
        """A request took so many seconds, and so many of its own."""
        self.shift[bisect_left(LEVELS, whole)] -= 1
        self.shift[bisect_left(LEVELS, own)] += 1
        self.shift[-1] += own - whole

    codes: dict[int, int] = field(factory=dict)


@define(eq=False)
class Metrics:
    """What /metrics tells; `others` are the families of other parts and components."""

    # Whether a request is about something that is served: others would be any number of labels.
    knows: Callable[[RequestInfo], object] = lambda _info: True
    others: list[Callable[[], Iterable[Family]]] = field(factory=list)
    durations: Histogram = field(
        factory=partial(
            Histogram,
            "apiserver_request_duration_seconds",
            "[STABLE] Response latency distribution in seconds for each verb, dry run value, "
            "group, version, resource, subresource, scope and component.",
            BUCKETS,
            _TIMED,
        )
    )
    sizes: Histogram = field(
        factory=partial(
            Histogram,
            "apiserver_response_sizes",
            "[STABLE] Response size distribution in bytes for each group, version, verb, "
            "resource, subresource, scope and component.",
            exponential(1000, 10, 7),
            _ABOUT,
        )
    )
    terminations: Counter = field(
        factory=partial(
            Counter,
            "apiserver_request_terminations_total",
            "[ALPHA] Number of requests which apiserver terminated in self-defense.",
            ("code", *_ABOUT),
        )
    )
    steps: Histogram = field(
        factory=partial(
            Histogram,
            "apiserver_admission_step_admission_duration_seconds",
            "[STABLE] Admission sub-step latency histogram in seconds, broken out for each "
            "operation and API resource and step type (validate or admit).",
            _ADMISSION,
            _STEP,
        )
    )
    controllers: Histogram = field(
        factory=partial(
            Histogram,
            "apiserver_admission_controller_admission_duration_seconds",
            "[STABLE] Admission controller latency histogram in seconds, identified by name and "
            "broken out for each operation and API resource and type (validate or admit).",
            _ADMISSION,
            ("name", *_STEP),
        )
    )
    webhooks: Histogram = field(
        factory=partial(
            Histogram,
            "apiserver_admission_webhook_admission_duration_seconds",
            "[STABLE] Admission webhook latency histogram in seconds, identified by name and "
            "broken out for each operation and API resource and type (validate or admit).",
            (*_ADMISSION, 10, 25),
            ("name", *_STEP),
        )
    )
    webhook_requests: Counter = field(
        factory=partial(
            Counter,
            "apiserver_admission_webhook_request_total",
            "[ALPHA] Admission webhook request total, identified by name and broken out for each "
            "admission type (validating or mutating) and operation.",
            ("name", "type", "operation", "code", "rejected"),
        )
    )
    webhook_rejections: Counter = field(
        factory=partial(
            Counter,
            "apiserver_admission_webhook_rejection_count",
            "[ALPHA] Admission webhook rejection count, identified by name and broken out for "
            "each admission type (validating or admit) and operation.",
            ("name", "type", "operation", "error_type", "rejection_code"),
        )
    )
    webhook_fail_open: Counter = field(
        factory=partial(
            Counter,
            "apiserver_admission_webhook_fail_open_count",
            "[ALPHA] Admission webhook fail open count, identified by name and broken out for "
            "each admission type (validating or mutating).",
            ("name", "type"),
        )
    )
    stored: Histogram = field(
        factory=partial(
            Histogram,
            "etcd_request_duration_seconds",
            "[ALPHA] Etcd request latency in seconds for each operation and object type.",
            BUCKETS,
            _STORED,
        )
    )
    store_errors: Counter = field(
        factory=partial(
            Counter,
            "etcd_request_errors_total",
            "[ALPHA] Etcd failed request counts for each operation and object type.",
            _STORED,
        )
    )
    authentications: Counter = field(
        factory=partial(
            Counter,
            "authentication_attempts",
            "[ALPHA] Counter of authenticated attempts.",
            ("result",),
        )
    )
    allowed: int = 0  # attempts to do something
    refused: int = 0
    _users: dict[str, int] = field(factory=dict, init=False)  # requests of those who are told apart
    _sorts: dict[tuple[str, ...], _Requests] = field(factory=dict, init=False)

    def count(
        self, info: RequestInfo, request: Request, code: int, seconds: float, size: int
    ) -> None:
        """One request more; `size` of its answer is negative where that goes on."""
        found = self._sort(info, request)
        found.codes[code] = found.codes.get(code, 0) + 1
        if size >= 0:
            self.durations.note(found.row, seconds)
            if request.method != "GET" and any(waited := WAITED.get(_NOTHING)):
                found.waited(seconds, max(0.0, seconds - sum(waited)))
            if info.verb in ("get", "list"):
                self.sizes.observe(size, *found.about)
        if code in (429, 504):
            self.terminations.add(str(code), *found.about)

    def authenticated(self, name: str) -> None:
        """A request of somebody who is known."""
        self.authentications.add("success")
        told = name if name in _KNOWN_NAMES else "email_id" if "@" in name else "other"
        self._users[told] = self._users.get(told, 0) + 1

    def count_many(self, info: RequestInfo, request: Request, code: int, times: int) -> None:
        """So many requests more, of which nobody knows how long each took."""
        found = self._sort(info, request)
        found.codes[code] = found.codes.get(code, 0) + times

    def storing(self, operation: str, kind: Kind) -> Timed:
        """Times a write of the store; one that finds another version is none that fails."""
        return Timed(self, (operation, kind.group, kind.plural))

    def text(self) -> str:
        """The exposition."""
        own: list[Family] = [
            self._requests(),
            self.durations,
            self._service_levels(),
            self.sizes,
            self.terminations,
            self.steps,
            self.controllers,
            self.webhooks,
            self.webhook_requests,
            self.webhook_rejections,
            self.webhook_fail_open,
            self.stored,
            self._stores(),
            self.store_errors,
            self.authentications,
            self._authorizations(),
            self._authenticated(),
        ]
        return exposition([*own, *(one for others in self.others for one in others())])

    def _sort(self, info: RequestInfo, request: Request) -> _Requests:
        dry_run = "All" if request.query and request.parameter("dryRun") == "All" else ""
        verb = _verb(info, request)
        part = info.subresource if info.is_resource else _OWN_PATHS.get(info.path, "")
        key = (
            verb,
            info.group,
            info.version,
            info.resource,
            part,
            info.namespace and "n",
            info.name and "n",
            dry_run,
        )
        found = self._sorts.get(key)
        if found is not None:
            return found
        if info.is_resource and not self.knows(info):
            return self._sort(RequestInfo(info.verb, ""), request)
        about = (_COMPONENT, info.group, info.resource, _scope(info), part, verb, info.version)
        row = self.durations.row(_COMPONENT, dry_run, *about[1:])
        found = self._sorts[key] = _Requests(about, dry_run, row)
        return found

    def _requests(self) -> Counter:
        counter = Counter(
            "apiserver_request_total",
            "[STABLE] Counter of apiserver requests broken out for each verb, dry run value, "
            "group, version, resource, scope, component, and HTTP response code.",
            ("code", *_TIMED),
        )
        for one in self._sorts.values():
            component, *rest = one.about
            for code, count in one.codes.items():
                counter.add(str(code), component, one.dry_run, *rest, by=count)
        return counter

    def _service_levels(self) -> Histogram:
        """The durations of requests, but for what webhooks have taken of them."""
        found = Histogram(
            "apiserver_request_sli_duration_seconds",
            "[ALPHA] Response latency distribution (not counting webhook duration and priority & "
            "fairness queue wait times) in seconds for each verb, group, version, resource, "
            "subresource, scope and component.",
            LEVELS,
            _ABOUT,
        )
        for one in self._sorts.values():
            row = found.row(*one.about)
            row[0] += sum(one.row[: _LEVELS_FROM + 1])
            for index, amount in enumerate(one.row[_LEVELS_FROM + 1 :], 1):
                row[index] += amount
            for index, amount in enumerate(one.shift):
                row[index] += amount
        return found

    def _authorizations(self) -> Counter:
        counter = Counter(
            "authorization_attempts_total",
            "[ALPHA] Counter of authorization attempts broken down by result. It can be either "
            "'allowed', 'denied', 'no-opinion' or 'error'.",
            ("result",),
        )
        counter.add("allowed", by=self.allowed)
        counter.add("no-opinion", by=self.refused)
        return counter

    def _authenticated(self) -> Counter:
        counter = Counter(
            "authenticated_user_requests",
            "[ALPHA] Counter of authenticated requests broken out by username.",
            ("username",),
        )
        for name, count in self._users.items():
            counter.add(name, by=count)
        return counter

    def _stores(self) -> Counter:
        counter = Counter(
            "etcd_requests_total",
            "[ALPHA] Etcd request counts for each operation and object type.",
            _STORED,
        )
        for values, row in self.stored.found.items():
            counter.add(*values, by=sum(row[:-1]))
        return counter


@define(eq=False)
class Timed:
    """A write of the store under way."""

    metrics: Metrics
    values: tuple[str, str, str]
    began: float = 0

    def __enter__(self) -> None:
        self.began = trio.current_time()

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        self.metrics.stored.observe(trio.current_time() - self.began, *self.values)
        if isinstance(error, Broken):
            self.metrics.store_errors.add(*self.values)


def _verb(info: RequestInfo, request: Request) -> str:
    """As upstream's route handlers call it (`cleanVerb`)."""
    if not info.is_resource:
        return request.method
    if info.subresource in _CONNECTED:
        return "CONNECT"
    if info.verb == "patch" and request.headers.get("content-type", "").startswith(_APPLY):
        return "APPLY"
    return _VERBS.get(info.verb) or request.method


def _scope(info: RequestInfo) -> str:
    """What a request is about: one object, a namespace, or everything (`CleanScope`)."""
    if info.name or info.verb == "create":
        return "resource"
    if info.namespace:
        return "namespace"
    return "cluster" if info.is_resource else ""


# Users who are told apart (`compressUsername`).
_KNOWN_NAMES: Final = frozenset(
    ("admin", "client", "kube_proxy", "kubelet", "system:serviceaccount:kube-system:default")
)
_APPLY: Final = "application/apply-patch"
_CONNECTED: Final = frozenset(("attach", "exec", "portforward", "proxy"))
_VERBS: Final = {
    "get": "GET",
    "list": "LIST",
    "watch": "WATCH",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETECOLLECTION",
}
# The paths that are told apart.
_OWN_PATHS: Final = {
    path: path
    for path in (
        *("/api", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3"),
        *("/readyz", "/version"),
    )
}
