"""The stages of an audited request: it arrives, its answer begins, its answer has ended.

Mirrors `apiserver/pkg/endpoints/filters/audit.go`. Without a policy there is no auditor, and no
request pays for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

import trio
from attrs import define, evolve, field, frozen

from k8slite.apiserver.auditing.events import (
    document_of,
    event_of,
    item_of,
    line_of,
    status_of,
    user_of,
)
from k8slite.apiserver.auditing.policy import Level, Policy, Telling
from k8slite.apiserver.auditing.webhook import AuditWebhook
from k8slite.apiserver.request_info import RequestInfo
from k8slite.messages import Request, Response, Stream, User
from k8slite.objects.measures import Family, Reading
from k8slite.objects.meta import micro_timestamp
from k8slite.world import World

log = logging.getLogger(__name__)

Json = dict[str, Any]

NOBODY: Final = User("")
PATCHES: Final = "patch.webhook.admission.k8s.io/"  # of annotations
_DECISION: Final = "authorization.k8s.io/decision"
_REASON: Final = "authorization.k8s.io/reason"
_WRITES: Final = ("create", "update", "patch", "delete", "deletecollection")


@frozen(eq=False)
class AuditLog:
    """Where events go, and which."""

    policy: Policy
    write: Callable[[bytes], None] | None  # takes one line
    webhook: AuditWebhook | None = None


@define(eq=False)
class Auditor:
    """Keeps the log of one API server."""

    log: AuditLog
    world: World
    counts: dict[str, int] = field(factory=dict)  # events by level, for /metrics
    rejected: int = 0  # requests that failed since their event could not be sent

    def begin(self, request: Request, info: RequestInfo, identity: str) -> Trail:
        """A request has arrived; who it is from is not yet known."""
        return Trail(self, request, info, identity)

    def emit(self, event: Json) -> None:
        """Put an event into the log."""
        level = event["level"]
        self.counts[level] = self.counts.get(level, 0) + 1
        if self.log.write is None:
            return
        try:
            self.log.write(line_of(event))
        except OSError as error:  # as upstream: who asks gets an answer all the same
            log.error("an event of the audit log is lost: %s", error)

    def families(self) -> Iterable[Family]:
        """What /metrics tells of events that were lost, and of who was turned away for them."""
        if self.log.webhook is not None:
            yield self.log.webhook.errors
        yield Reading(
            "apiserver_audit_requests_rejected_total",
            "[ALPHA] Counter of apiserver requests rejected due to an error in audit logging "
            "backend.",
            lambda: [((), float(self.rejected))],
            sort="counter",
        )


@define(eq=False)
class Trail:
    """What is told of one request."""

    auditor: Auditor
    request: Request
    info: RequestInfo
    identity: str
    annotations: dict[str, str] = field(factory=dict)
    _telling: Telling = Telling()
    _event: Json = field(factory=dict)
    _is_answered: bool = False
    _waiting: list[bytes] = field(factory=list)  # events that are to be sent before it goes on

    def identified(self, user: User, taken_for: User) -> None:
        """Who asks is known, and whom they are taken for: the policy is about the former."""
        self._telling = self.auditor.log.policy.tell(user, self.info)
        if self._telling.level is Level.NONE:
            return
        received = self.auditor.world.now()
        event = event_of(self.request, self.info, self.identity, self._telling.level, received)
        event["user"] = user_of(user)
        if taken_for is not user:
            event["impersonatedUser"] = user_of(taken_for)
        event["annotations"] = self.annotations
        self._event = event
        self._emit("RequestReceived")

    def unknown(self) -> None:
        """Nobody knows who asks: the answer is all that is told (`failedAuthentication`)."""
        self.identified(NOBODY, NOBODY)
        self._event["user"] = {}

    def decided(self, allowed: bool, reason: str) -> None:
        """What authorization says."""
        self.annotations[_DECISION] = "allow" if allowed else "forbid"
        self.annotations[_REASON] = reason

    def note(self, key: str, value: str) -> None:
        """An annotation; the first of a key stays, as upstream has it. Patches of webhooks are
        part of what is asked for."""
        if not key.startswith(PATCHES) or self._telling.level >= Level.REQUEST:
            self.annotations.setdefault(key, value)

    def answered(self, response: Response) -> Response:
        """The answer, whose end is told when that has come."""
        level, self._is_answered = self._telling.level, True
        if level is Level.NONE:
            return response
        if level >= Level.REQUEST and self.info.is_resource and self.info.verb in _WRITES:
            sent = self.request.headers.get("content-type", "")
            self._event["requestObject"] = self._document(self.request.body, sent)
        body = response.body
        if isinstance(body, bytes):
            said = (value for name, value in response.headers if name == "Content-Type")
            document = self._document(body, next(said, ""))
            self._event["responseStatus"] = status_of(response.status, document)
            if level >= Level.REQUEST_RESPONSE and self.info.is_resource:
                self._event["responseObject"] = document
            self._emit("ResponseComplete")
            return response
        self._event["responseStatus"] = status_of(response.status, None)
        self._emit("ResponseStarted")
        return evolve(response, body=_Told(body, self._ended))

    async def sent(self) -> bool:
        """Send what a blocking webhook is to have by now. False where the request must fail, since
        its arrival could not be told."""
        webhook = self.auditor.log.webhook
        if webhook is None or not self._waiting:
            return True
        events, self._waiting = self._waiting, []
        is_sent = False
        try:
            is_sent = await webhook.deliver(events)
        except trio.Cancelled:
            for one in events:  # the request was given up
                webhook.offer(one)
            raise
        if is_sent or webhook.mode != "blocking-strict" or self._is_answered:
            return True
        self.auditor.rejected += 1
        self._telling = Telling()  # and nothing more is told
        return False

    def _ended(self) -> None:
        """Nobody waits for the end of a stream: what is told of it goes with others."""
        self._emit("ResponseComplete")
        webhook = self.auditor.log.webhook
        if webhook is not None:
            for one in self._waiting:
                webhook.offer(one)
            self._waiting = []

    def _document(self, body: bytes, media_type: str) -> Any:
        return document_of(body, media_type, omit_managed_fields=self._telling.omit_managed_fields)

    def _emit(self, stage: str) -> None:
        if stage in self._telling.omit_stages:
            return
        now = micro_timestamp(self.auditor.world.now())
        event = {**self._event, "stage": stage, "stageTimestamp": now}
        self.auditor.emit(event)
        webhook = self.auditor.log.webhook
        if webhook is None:
            return
        if webhook.waits:
            self._waiting.append(item_of(event))
        else:
            webhook.offer(item_of(event))


@define(eq=False)
class _Told:
    """A stream whose end is told, once."""

    _stream: Stream
    _ended: Callable[[], None]
    _open: bool = True

    async def receive(self) -> bytes:
        return await self._stream.receive()

    def close(self) -> None:
        self._stream.close()
        if self._open:
            self._open = False
            self._ended()
