"""Webhooks: other people's servers that change what is written, or refuse it.

Upstream: `apiserver/pkg/admission/plugin/webhook/{mutating,validating}`. A webhook that must be
asked and cannot be fails the write; one that may fail is passed by.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

import trio
from attrs import define, field

from k8slite.apiserver.admission.expression_variables import (
    CONDITIONS_BUDGET,
    Broken,
    Evaluation,
    compiled_conditions,
    variables_about,
)
from k8slite.apiserver.admission.matching import EXEMPT, Matcher
from k8slite.apiserver.admission.putting_back import PuttingBack
from k8slite.apiserver.admission.webhook_count import WebhookCount
from k8slite.apiserver.admission.webhook_review import (
    Answer,
    failed,
    read_answer,
    review_of,
)
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.authorization.authorizer import Authorizer
from k8slite.apiserver.calling.endpoint import CallFailed
from k8slite.apiserver.calling.webhook import Caller
from k8slite.apiserver.followed import Followed
from k8slite.apiserver.metrics import Metrics
from k8slite.apiserver.patches import json_patch
from k8slite.kinds.admissionregistration.policy_composition import CONDITION, Composition
from k8slite.kinds.kind import Kind
from k8slite.messages import User
from k8slite.objects.cel.environment import Expression
from k8slite.objects.errors import ApiError, InternalError
from k8slite.world import World

log = logging.getLogger(__name__)

Json = dict[str, Any]

_TIMEOUT_SECONDS: Final = 10  # where a webhook names none
_MATCHING: Final = Composition(None, is_composed=False)


@define(eq=False)
class Webhooks:
    """What both plugins have in common; those of the other one's kind do nothing."""

    matcher: Matcher
    caller: Caller
    putting_back: PuttingBack
    world: World
    authorizer: Authorizer
    metrics: Metrics
    prefix: ClassVar[str] = ""
    sort: ClassVar[str] = ""  # as metrics call it
    _configurations: Followed = field(init=False)
    resources: Sequence[str] = ("*",)
    operations: Sequence[str] = ("CREATE", "UPDATE", "DELETE", "CONNECT")
    subresources: bool = True

    def __attrs_post_init__(self) -> None:
        self._configurations = Followed(self.matcher.storage.store, self.prefix)

    def sleeps(self, user: User, resource: str, operation: str) -> bool:
        """Whether there is no webhook."""
        return not self._configurations.objects()

    async def mutate(self, attributes: Attributes) -> None: ...

    async def validate(self, attributes: Attributes) -> None: ...

    def _concerned(self, attributes: Attributes) -> Iterator[tuple[Json, Kind]]:
        """The webhooks that a write is for, and the version that each speaks."""
        configurations = self._configurations.objects()
        if not configurations or attributes.asked.kind.group_resource in EXEMPT:
            return
        for configuration in configurations.values():
            for webhook in configuration.get("webhooks") or ():
                rules = webhook.get("rules") or ()
                policy = webhook.get("matchPolicy", "Equivalent")
                kind = self.matcher.kind_for(attributes, rules, policy)
                if kind is not None and self.matcher.selects(attributes, webhook):
                    yield webhook, kind

    async def _ask(self, attributes: Attributes, webhook: Json, kind: Kind) -> Answer | None:
        """Its answer; None where it was not asked, or may fail and has. Raises its refusal."""
        name = webhook["name"]
        await self.matcher.prepare(attributes, kind)
        new = self.matcher.seen(attributes, kind, attributes.new)
        old = self.matcher.seen(attributes, kind, attributes.old)
        uid = self.world.uid()
        review = review_of(attributes, kind, uid, new, old)
        count = WebhookCount(self.metrics, name, self.sort, attributes.operation)
        try:
            if webhook.get("matchConditions"):
                variables = variables_about(
                    attributes,
                    kind,
                    new,
                    old,
                    self.authorizer,
                    namespaceObject=self.matcher.namespace(attributes),
                )
                if not _conditions_hold(webhook, Evaluation(variables, CONDITIONS_BUDGET)):
                    return None
            seconds = webhook.get("timeoutSeconds") or _TIMEOUT_SECONDS
            count.begin()
            told = await self.caller.ask(webhook["clientConfig"], review, seconds=seconds)
            answer = read_answer(name, told, uid)
        except CallFailed as failure:
            if webhook.get("failurePolicy", "Fail") == "Ignore":
                log.warning("webhook %s failed and is passed by: %s", name, failure)
                count.failed(is_passed_by=True)
                return None
            count.failed(is_passed_by=False)
            raise failed(name, failure) from None
        except ApiError as refusal:
            count.refused(refusal.status_code)
            raise
        count.allowed()
        for text in answer.warnings:
            attributes.asked.warn(text)
        for key, value in answer.annotations.items():
            attributes.asked.note(key, value)
        return answer


class ValidatingWebhooks(Webhooks):
    """Upstream's plugin ValidatingAdmissionWebhook: all are asked at once."""

    prefix = "admissionregistration.k8s.io.validatingwebhookconfigurations/"
    sort = "validating"

    async def validate(self, attributes: Attributes) -> None:
        """Raises the refusal of the first webhook, in order of their names, that refuses."""
        concerned = list(self._concerned(attributes))
        if not concerned:
            return
        refusals: dict[int, ApiError] = {}

        async def ask(number: int, webhook: Json, kind: Kind) -> None:
            try:
                await self._ask(attributes, webhook, kind)
            except ApiError as refusal:
                refusals[number] = refusal

        async with trio.open_nursery() as nursery:
            for number, (webhook, kind) in enumerate(concerned):
                nursery.start_soon(ask, number, webhook, kind)
        if refusals:
            raise refusals[min(refusals)]


class MutatingWebhooks(Webhooks):
    """Upstream's plugin MutatingAdmissionWebhook: one after the other, and some again."""

    prefix = "admissionregistration.k8s.io.mutatingwebhookconfigurations/"
    sort = "admit"

    async def mutate(self, attributes: Attributes) -> None:
        """Ask every webhook; those that want to know are asked again after later changes."""
        concerned = list(self._concerned(attributes))
        if not concerned:
            return
        again = attributes.reinvocation
        asking = again.begin(self.prefix, attributes.new)
        for number, (webhook, kind) in enumerate(concerned):
            key = number, webhook["name"]
            if again.asks(asking, key):
                has_changed = await self._changes(attributes, webhook, kind)
                policy = webhook.get("reinvocationPolicy", "Never")
                again.asked(asking, key, policy, has_changed=has_changed)
        again.end(asking, attributes.new)

    async def _changes(self, attributes: Attributes, webhook: Json, kind: Kind) -> bool:
        answer = await self._ask(attributes, webhook, kind)
        if answer is None or not answer.patch or attributes.new is None:
            return False
        before = self.matcher.seen(attributes, kind, attributes.new)
        assert before is not None, "there is something that can be changed"
        try:
            after = json_patch.apply(answer.patch, before)
            self.putting_back.check(after, kind)
        except ApiError as error:
            raise InternalError(f"Internal error occurred: {error.message}") from None
        return await self.putting_back.put(attributes, kind, after)


def _conditions_hold(webhook: Json, asked: Evaluation) -> bool:
    """Whether all match conditions are true. Raises CallFailed where one cannot be told."""
    conditions = compiled_conditions(webhook["matchConditions"], _condition)
    try:
        return asked.hold(conditions)
    except Broken as error:
        raise CallFailed(str(error)) from None


def _condition(text: str) -> Expression:
    return _MATCHING.compile(text, CONDITION)
