"""Policies that change what is written: expressions that make apply configurations or patches.

Upstream: `apiserver/pkg/admission/plugin/policy/mutating` (dispatcher, compilation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field, frozen

from k8slite.apiserver.admission.expression_variables import (
    CONDITIONS_BUDGET,
    POLICY_BUDGET,
    Broken,
    Conditions,
    Evaluation,
    compiled_conditions,
    variables_about,
)
from k8slite.apiserver.admission.matching import Matcher
from k8slite.apiserver.admission.policy_invocations import Invocation, Policies
from k8slite.apiserver.admission.policy_patches import applied, patched
from k8slite.apiserver.admission.putting_back import PuttingBack
from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.authorization.authorizer import Authorizer
from k8slite.apiserver.field_management import FieldManagement
from k8slite.kinds.admissionregistration.policy_composition import (
    APPLY,
    CONDITION,
    PATCH,
    Composition,
)
from k8slite.messages import User
from k8slite.objects.cel.environment import Expression, Uncompilable
from k8slite.objects.errors import ApiError, Cause, InternalError, from_status

Json = dict[str, Any]

_PLUGIN: Final = "MutatingAdmissionPolicy"


@frozen
class Mutation:
    """One expression that changes the object."""

    expression: Expression | Uncompilable
    is_patch: bool


@frozen
class Compiled:
    """A policy, compiled; what cannot be compiled says so when it is asked."""

    composition: Composition
    conditions: Conditions
    mutations: tuple[Mutation, ...]

    @classmethod
    def of(cls, spec: Json) -> Compiled:
        """From the spec of a policy."""
        composition = Composition.of(spec)

        def condition(text: str) -> Expression:
            return composition.compile(text, CONDITION)

        return cls(
            composition,
            compiled_conditions(spec.get("matchConditions") or (), condition),
            tuple(_mutation(composition, one) for one in spec.get("mutations") or ()),
        )


def _mutation(composition: Composition, one: Json) -> Mutation:
    is_patch = one["patchType"] == "JSONPatch"
    text = one["jsonPatch" if is_patch else "applyConfiguration"]["expression"]
    wanted = PATCH if is_patch else APPLY
    try:
        return Mutation(composition.compile(text, wanted, patches=True), is_patch)
    except Uncompilable as error:
        return Mutation(error, is_patch)


@define(eq=False)
class MutatingPolicies:
    """Upstream's plugin MutatingAdmissionPolicy."""

    matcher: Matcher
    authorizer: Authorizer
    management: FieldManagement
    putting_back: PuttingBack
    resources: Sequence[str] = ("*",)
    operations: Sequence[str] = ("CREATE", "UPDATE", "CONNECT")
    subresources: bool = True
    _policies: Policies[Compiled] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._policies = Policies(self.matcher, "mutatingadmissionpolicies", Compiled.of)

    def sleeps(self, user: User, resource: str, operation: str) -> bool:
        """Whether no policy is bound."""
        return self._policies.are_none

    async def mutate(self, attributes: Attributes) -> None:
        """Let every policy change the object. Raises a refusal where one cannot be asked."""
        invocations = await self._policies.about(attributes)
        if not invocations or attributes.new is None:
            return
        complaints: list[tuple[str, str]] = []
        again = attributes.reinvocation
        asking = again.begin(_PLUGIN, attributes.new)
        for invocation in invocations:
            if invocation.error:
                if not invocation.may_fail:
                    complaints.append((_told(invocation, invocation.error), ""))
                continue
            await self.matcher.prepare(attributes, invocation.kind)
            variables = self._variables(attributes, invocation)
            compiled = invocation.compiled
            asked = Evaluation(variables, CONDITIONS_BUDGET).with_variables(compiled.composition)
            try:
                if not await asked.hold(compiled.conditions):
                    continue
            except Broken as error:
                if not invocation.may_fail:
                    complaints.append((_told(invocation, str(error)), "Invalid"))
                continue
            if not again.asks(asking, invocation.key):
                continue
            wrong = [] if invocation.may_fail else complaints
            has_changed = await self._changes(attributes, invocation, wrong)
            policy = invocation.policy["spec"].get("reinvocationPolicy", "Never")
            again.asked(asking, invocation.key, policy, has_changed=has_changed)
        again.end(asking, attributes.new)
        if complaints:
            raise _refusal(attributes, complaints)

    def _variables(self, attributes: Attributes, invocation: Invocation[Compiled]) -> Json:
        seen, kind = self.matcher.seen, invocation.kind
        return variables_about(
            attributes,
            kind,
            seen(attributes, kind, attributes.new),
            seen(attributes, kind, attributes.old),
            self.authorizer,
            params=invocation.param,
            namespaceObject=self.matcher.namespace(attributes),
        )

    async def _changes(
        self,
        attributes: Attributes,
        invocation: Invocation[Compiled],
        complaints: list[tuple[str, str]],
    ) -> bool:
        """Run all mutations of a policy; whether the object is another one now.

        Raises InternalError for a patch that makes no object of the kind.
        """
        kind, has_changed = invocation.kind, False
        for mutation in invocation.compiled.mutations:
            variables = self._variables(attributes, invocation)
            asked = Evaluation(variables, POLICY_BUDGET)
            asked = asked.with_variables(invocation.compiled.composition)
            before = variables["object"]
            try:
                after = await self._mutated(asked, mutation, before, self.management.schema(kind))
            except Broken as error:
                complaints.append((_told(invocation, str(error)), "Invalid"))
                continue
            try:
                unknown = self.putting_back.check(after, kind)
            except ApiError as error:
                raise InternalError(f"Internal error occurred: {error.message}") from None
            if unknown and mutation.is_patch:
                said = ", ".join(unknown)
                raise InternalError(f"Internal error occurred: strict decoding error: {said}")
            if await self.putting_back.put(attributes, kind, after):
                has_changed = True
        return has_changed

    async def _mutated(self, asked: Evaluation, mutation: Mutation, obj: Json, schema: Any) -> Json:
        if isinstance(mutation.expression, Uncompilable):
            raise Broken(f"compilation error: compilation failed: {mutation.expression}")
        value = await asked.value(mutation.expression)
        await asked.give_way()
        return patched(value, obj) if mutation.is_patch else applied(value, obj, schema)


def _told(invocation: Invocation[Compiled], error: str) -> str:
    bound = f" with binding '{invocation.binding_name}'" if invocation.binding else ""
    return f"policy '{invocation.name}'{bound} denied request: {error}"


def _refusal(attributes: Attributes, complaints: list[tuple[str, str]]) -> ApiError:
    message, reason = complaints[0]
    status = forbidden(attributes, "admission request denied by policy").status()
    status["message"] = message
    if reason:
        status["reason"] = reason
    found = from_status(status, 403)
    found.causes = tuple(Cause("", one) for one, _ in complaints)
    return found
