"""Policies that validate: expressions over what is written, bound to where they hold.

Upstream: `apiserver/pkg/admission/plugin/policy/validating` (dispatcher, validator).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from k8slite.apiserver.admission.expression_variables import (
    CONDITIONS_BUDGET,
    POLICY_BUDGET,
    Broken,
    Conditions,
    Evaluation,
    OutOfBudget,
    compiled_conditions,
    variables_about,
)
from k8slite.apiserver.admission.matching import Matcher
from k8slite.apiserver.admission.policy_invocations import Invocation, Policies
from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.authorization.authorizer import Authorizer
from k8slite.kinds.admissionregistration.policy_composition import (
    ANNOTATION,
    CONDITION,
    MESSAGE,
    Composition,
)
from k8slite.kinds.apiextensions.custom_rules import usable_message
from k8slite.messages import User
from k8slite.objects.cel.environment import Expression, Uncompilable
from k8slite.objects.codec import dumps
from k8slite.objects.errors import ApiError, Cause, from_status

Json = dict[str, Any]

_CODES: Final = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}
_FAILURE: Final = "validation.policy.admission.k8s.io/validation_failure"
_ANNOTATION_BYTES_MOST: Final = 10 * 1024


@frozen
class Validation:
    """One expression that must hold."""

    json: Json
    expression: Expression | Uncompilable
    message: Expression | None


@frozen
class Compiled:
    """A policy, compiled; what cannot be compiled says so when it is asked."""

    composition: Composition
    conditions: Conditions
    validations: tuple[Validation, ...]
    annotations: tuple[tuple[str, Expression | Uncompilable], ...]

    @classmethod
    def of(cls, spec: Json) -> Compiled:
        """From the spec of a policy."""
        composition = Composition.of(spec)

        def condition(text: str) -> Expression:
            return composition.compile(text, CONDITION)

        annotations: list[tuple[str, Expression | Uncompilable]] = []
        for one in spec.get("auditAnnotations") or ():
            try:
                text = one["valueExpression"].strip()
                annotations.append((one["key"], composition.compile(text, ANNOTATION)))
            except Uncompilable as error:
                annotations.append((one["key"], error))
        return cls(
            composition,
            compiled_conditions(spec.get("matchConditions") or (), condition),
            tuple(_validation(composition, one) for one in spec.get("validations") or ()),
            tuple(annotations),
        )


@frozen
class Denial:
    """What a policy says against a write."""

    message: str
    reason: str = ""
    number: int = 0  # of the validation
    is_certain: bool = False  # it denies, whatever the binding says that is to be done


@define(eq=False)
class ValidatingPolicies:
    """Upstream's plugin ValidatingAdmissionPolicy."""

    matcher: Matcher
    authorizer: Authorizer
    resources: Sequence[str] = ("*",)
    operations: Sequence[str] = ("CREATE", "UPDATE", "DELETE", "CONNECT")
    subresources: bool = True
    _policies: Policies[Compiled] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._policies = Policies(self.matcher, "validatingadmissionpolicies", Compiled.of)

    def sleeps(self, user: User, resource: str, operation: str) -> bool:
        """Whether no policy is bound."""
        return self._policies.are_none

    async def validate(self, attributes: Attributes) -> None:
        """Raises the refusal of the first policy that denies the write, when all were asked."""
        refusals: list[ApiError] = []
        annotations: dict[str, list[str]] = {}
        for invocation in await self._policies.about(attributes):
            await self.matcher.prepare(attributes, invocation.kind)
            for denial in await self._denials(attributes, invocation, annotations):
                refusals += self._acted(attributes, invocation, denial)
        for key, values in annotations.items():
            attributes.asked.note(key, ", ".join(values))
        if refusals:
            raise refusals[0]

    def _acted(
        self, attributes: Attributes, invocation: Invocation[Compiled], denial: Denial
    ) -> Iterator[ApiError]:
        """Do what the binding says is to be done about a denial."""
        if denial.is_certain or invocation.binding is None:
            yield _refusal(attributes, invocation, denial)
            return
        actions = invocation.binding["spec"].get("validationActions") or ("Deny",)
        for action in actions:
            if action == "Deny":
                yield _refusal(attributes, invocation, denial)
            elif action == "Warn":
                attributes.asked.warn(
                    f"Validation failed for {_where(invocation)}: {denial.message}"
                )
            elif action == "Audit":
                told = {
                    "message": denial.message,
                    "policy": invocation.name,
                    "binding": invocation.binding_name,
                    "expressionIndex": denial.number,
                    "validationActions": list(actions),
                }
                attributes.asked.note(_FAILURE, dumps([told]).decode())

    async def _denials(
        self,
        attributes: Attributes,
        invocation: Invocation[Compiled],
        annotations: dict[str, list[str]],
    ) -> list[Denial]:
        if invocation.error:
            return [] if invocation.may_fail else [Denial(invocation.error, is_certain=True)]
        kind, compiled = invocation.kind, invocation.compiled
        variables = variables_about(
            attributes,
            kind,
            self.matcher.seen(attributes, kind, attributes.new),
            self.matcher.seen(attributes, kind, attributes.old),
            self.authorizer,
            params=invocation.param,
            namespaceObject=self.matcher.namespace(attributes),
        )
        asked = Evaluation(variables, CONDITIONS_BUDGET).with_variables(compiled.composition)
        try:
            if not await asked.hold(compiled.conditions):
                return []
            asked = Evaluation(variables, POLICY_BUDGET).with_variables(compiled.composition)
            found: list[Denial] = []
            for number, one in enumerate(compiled.validations):
                denial = await _verdict(asked, one, number, invocation.may_fail)
                found += () if denial is None else (denial,)
                await asked.give_way()
        except Broken as error:
            return [] if invocation.may_fail else [Denial(str(error))]
        asked = Evaluation(variables, POLICY_BUDGET).with_variables(compiled.composition)
        for key, expression in compiled.annotations:
            try:
                if isinstance(expression, Uncompilable):
                    raise Broken(f"compilation error: compilation failed: {expression}")
                value = await asked.value(expression)
            except Broken as error:
                if not invocation.may_fail:
                    found.append(Denial(str(error), is_certain=True))
                continue
            text = value.strip() if isinstance(value, str) else ""
            if text:
                values = annotations.setdefault(f"{invocation.name}/{key}", [])
                text = text.encode()[:_ANNOTATION_BYTES_MOST].decode(errors="ignore")
                if text not in values:
                    values.append(text)
            await asked.give_way()
        return found


def _validation(composition: Composition, one: Json) -> Validation:
    message = None
    text = one.get("messageExpression", "")
    if text.strip():
        try:
            message = composition.compile(text, MESSAGE, authorizer=False)
        except Uncompilable:
            pass  # the message that is written out is told
    try:
        return Validation(one, composition.compile(one["expression"], CONDITION), message)
    except Uncompilable as error:
        return Validation(one, error, message)


async def _verdict(
    asked: Evaluation, validation: Validation, number: int, may_fail: bool
) -> Denial | None:
    """What a validation says against a write. Raises OutOfBudget."""
    try:
        if isinstance(validation.expression, Uncompilable):
            raise Broken(f"compilation error: compilation failed: {validation.expression}")
        if await asked.value(validation.expression) is True:
            return None
    except OutOfBudget:
        raise
    except Broken as error:
        return None if may_fail else Denial(str(error), number=number)
    json = validation.json
    found: Any = None
    if validation.message is not None:
        try:
            found = await asked.value(validation.message)
        except OutOfBudget as error:
            raise Broken(f"failed messageExpression: {error}") from None
        except Broken:
            pass  # the message that is written out is told
    message = usable_message(found) or json.get("message", "").strip()
    message = message or f"failed expression: {json['expression'].strip()}"
    return Denial(message, json.get("reason") or "", number)


def _where(invocation: Invocation[Compiled]) -> str:
    bound = f" with binding '{invocation.binding_name}'" if invocation.binding else ""
    return f"ValidatingAdmissionPolicy '{invocation.name}'{bound}"


def _refusal(attributes: Attributes, invocation: Invocation[Compiled], denial: Denial) -> ApiError:
    text = f"{_where(invocation)} denied request: {denial.message}"
    status = forbidden(attributes, text).status()
    status["reason"] = denial.reason or "Invalid"
    found = from_status(status, _CODES.get(status["reason"], 422))
    found.causes = (Cause("", text),)
    return found
