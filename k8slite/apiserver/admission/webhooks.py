"""Webhooks: other people's servers that change what is written, or refuse it.

Upstream: `apiserver/pkg/admission/plugin/webhook/{mutating,validating}`. A webhook that must be
asked and cannot be fails the write; one that may fail is passed by.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final, NamedTuple

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
    review_version,
)
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.auditing.auditor import PATCHES
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
from k8slite.objects.codec import dumps
from k8slite.objects.errors import ApiError, InternalError
from k8slite.world import World

log = logging.getLogger(__name__)

Json = dict[str, Any]

MUTATIONS: Final = "mutation.webhook.admission.k8s.io/"
_TIMEOUT_SECONDS: Final = 10  # where a webhook names none
_MATCHING: Final = Composition(None, is_composed=False)


class Concerned(NamedTuple):
    """A webhook that a write is for."""

    number: int  # among all of them
    configuration: str
    webhook: Json
    kind: Kind  # in the version that it speaks

    def place(self, attributes: Attributes) -> str:
        """Which call it is, in keys of annotations."""
        return f"round_{int(attributes.reinvocation.is_second)}_index_{self.number}"


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
    annotated: ClassVar[str] = ""  # as annotations of the audit log call it
    _configurations: Followed = field(init=False)
    resources: Sequence[str] = ("*",)
    operations: Sequence[str] = ("CREATE", "UPDATE", "DELETE", "CONNECT")
    subresources: bool = True

    def __attrs_post_init__(self) -> None:
        self._configurations = Followed(self.matcher.storage.store, self.prefix)

    def sleeps(self, user: User, resource: str, operation: str) -> bool:
        """Whether there is no webhook."""
        return not self._configurations.objects()

    def _concerned(self, attributes: Attributes) -> Iterator[Concerned]:
        """The webhooks that a write is for, and the version that each speaks."""
        configurations = self._configurations.objects()
        if not configurations or attributes.asked.kind.group_resource in EXEMPT:
            return
        number = -1
        for configuration in configurations.values():
            for webhook in configuration.get("webhooks") or ():
                number += 1
                rules = webhook.get("rules") or ()
                policy = webhook.get("matchPolicy", "Equivalent")
                kind = self.matcher.kind_for(attributes, rules, policy)
                if kind is not None and self.matcher.selects(attributes, webhook):
                    yield Concerned(number, configuration["metadata"]["name"], webhook, kind)

    async def _ask(self, attributes: Attributes, concerned: Concerned) -> Answer | None:
        """Its answer, None where it was not asked; an empty one where it may fail and has.

        Raises its refusal.
        """
        webhook, kind = concerned.webhook, concerned.kind
        name = webhook["name"]
        await self.matcher.prepare(attributes, kind)
        new = self.matcher.seen(attributes, kind, attributes.new)
        old = self.matcher.seen(attributes, kind, attributes.old)
        uid = self.world.uid()
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
                if not await _conditions_hold(webhook, Evaluation(variables, CONDITIONS_BUDGET)):
                    return None
            version = review_version(webhook.get("admissionReviewVersions") or ())
            review = review_of(attributes, kind, uid, new, old, version)
            seconds = webhook.get("timeoutSeconds") or _TIMEOUT_SECONDS
            count.begin()
            told = await self.caller.ask(webhook["clientConfig"], review, seconds=seconds)
            answer = read_answer(name, told, review)
        except CallFailed as failure:
            if webhook.get("failurePolicy", "Fail") == "Ignore":
                log.warning("webhook %s failed and is passed by: %s", name, failure)
                count.failed(is_passed_by=True)
                place = concerned.place(attributes)
                attributes.asked.note(f"failed-open.{self.annotated}/{place}", name)
                return Answer(None, (), {})
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
    annotated = "validating.webhook.admission.k8s.io"

    async def validate(self, attributes: Attributes) -> None:
        """Raises the refusal of the first webhook, in order of their names, that refuses."""
        concerned = list(self._concerned(attributes))
        if not concerned:
            return
        refusals: dict[int, ApiError] = {}

        async def ask(one: Concerned) -> None:
            try:
                await self._ask(attributes, one)
            except ApiError as refusal:
                refusals[one.number] = refusal

        async with trio.open_nursery() as nursery:
            for one in concerned:
                nursery.start_soon(ask, one)
        if refusals:
            raise refusals[min(refusals)]


class MutatingWebhooks(Webhooks):
    """Upstream's plugin MutatingAdmissionWebhook: one after the other, and some again."""

    prefix = "admissionregistration.k8s.io.mutatingwebhookconfigurations/"
    sort = "admit"
    annotated = "mutation.webhook.admission.k8s.io"

    async def mutate(self, attributes: Attributes) -> None:
        """Ask every webhook; those that want to know are asked again after later changes."""
        concerned = list(self._concerned(attributes))
        if not concerned:
            return
        again = attributes.reinvocation
        asking = again.begin(self.prefix, attributes.new)
        for one in concerned:
            key = one.number, one.webhook["name"]
            if again.asks(asking, key):
                has_changed = await self._changes(attributes, one)
                policy = one.webhook.get("reinvocationPolicy", "Never")
                again.asked(asking, key, policy, has_changed=has_changed)
        again.end(asking, attributes.new)

    async def _changes(self, attributes: Attributes, concerned: Concerned) -> bool:
        has_changed: bool | None = False  # None: it was not even asked
        try:
            answer = await self._ask(attributes, concerned)
            if answer is None:
                has_changed = None
            elif answer.patch and attributes.new is not None:
                has_changed = await self._change(attributes, concerned, answer.patch)
        finally:
            if has_changed is not None:
                self._note(attributes, concerned, MUTATIONS, {"mutated": has_changed})
        return bool(has_changed)

    async def _change(self, attributes: Attributes, concerned: Concerned, patch: Any) -> bool:
        before = self.matcher.seen(attributes, concerned.kind, attributes.new)
        assert before is not None, "there is something that can be changed"
        try:
            after = json_patch.apply(patch, before)
            self.putting_back.check(after, concerned.kind)
        except ApiError as error:
            raise InternalError(f"Internal error occurred: {error.message}") from None
        self._note(attributes, concerned, PATCHES, {"patch": patch, "patchType": "JSONPatch"})
        return await self.putting_back.put(attributes, concerned.kind, after)

    def _note(self, attributes: Attributes, concerned: Concerned, sort: str, said: Json) -> None:
        """An annotation of the audit log about one call."""
        name = {"configuration": concerned.configuration, "webhook": concerned.webhook["name"]}
        key = f"{sort}{concerned.place(attributes)}"
        attributes.asked.note(key, dumps({**name, **said}).decode())


async def _conditions_hold(webhook: Json, asked: Evaluation) -> bool:
    """Whether all match conditions are true. Raises CallFailed where one cannot be told."""
    conditions = compiled_conditions(webhook["matchConditions"], _condition)
    try:
        return await asked.hold(conditions)
    except Broken as error:
        raise CallFailed(str(error)) from None


def _condition(text: str) -> Expression:
    return _MATCHING.compile(text, CONDITION)
