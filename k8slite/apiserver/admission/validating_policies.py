"""Policies that validate: expressions over what is written, bound to where they hold.

Upstream: `apiserver/pkg/admission/plugin/policy/validating`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field

from k8slite.apiserver.admission.matching import EXEMPT, Matcher, has_labels
from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.admission.webhook_review import review_of
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.followed import Followed
from k8slite.kinds.admissionregistration.policy_expressions import VARIABLES
from k8slite.kinds.kind import Kind
from k8slite.objects.codec import loads
from k8slite.objects.errors import ApiError, Cause, from_status
from k8slite.objects.expressions import Failed, Uncompilable, compile_expression

Json = dict[str, Any]

_GROUP: Final = "admissionregistration.k8s.io"
_CODES: Final = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}


@define(eq=False)
class ValidatingPolicies:
    """Upstream's plugin ValidatingAdmissionPolicy."""

    matcher: Matcher
    resources: Sequence[str] = ("*",)
    operations: Sequence[str] = ("CREATE", "UPDATE", "DELETE", "CONNECT")
    subresources: bool = True
    _policies: Followed = field(init=False)
    _bindings: Followed = field(init=False)

    def __attrs_post_init__(self) -> None:
        store = self.matcher.storage.store
        self._policies = Followed(store, f"{_GROUP}.validatingadmissionpolicies/")
        self._bindings = Followed(store, f"{_GROUP}.validatingadmissionpolicybindings/")

    async def mutate(self, attributes: Attributes) -> None: ...

    async def validate(self, attributes: Attributes) -> None:
        """Raises the refusal of the first policy that denies the write."""
        bindings = self._bindings.objects()
        if not bindings or attributes.asked.kind.group_resource in EXEMPT:
            return
        policies = {one["metadata"]["name"]: one for one in self._policies.objects().values()}
        for binding in bindings.values():
            policy = policies.get(binding["spec"]["policyName"])
            if policy is not None:
                await self._enforce(attributes, policy, binding)

    async def _enforce(self, attributes: Attributes, policy: Json, binding: Json) -> None:
        kind = self._matched(attributes, policy["spec"].get("matchConstraints") or {})
        own = binding["spec"].get("matchResources")
        if kind is None or (own and self._matched(attributes, own, optional=True) is None):
            return
        actions = binding["spec"].get("validationActions") or ("Deny",)
        names = policy["metadata"]["name"], binding["metadata"]["name"]
        await self.matcher.prepare(attributes, kind)
        try:
            params = await self._params(attributes, policy["spec"], binding["spec"])
            complaints = list(self._complaints(attributes, policy["spec"], params, kind))
        except _Broken as error:
            if policy["spec"].get("failurePolicy", "Fail") == "Ignore":
                return
            complaints = [(str(error), "")]
        for message, reason in complaints:
            policy_name, binding_name = names
            where = f"ValidatingAdmissionPolicy '{policy_name}' with binding '{binding_name}'"
            if "Warn" in actions:
                attributes.asked.warn(f"Validation failed for {where}: {message}")
            if "Deny" in actions:
                raise _refusal(attributes, f"{where} denied request: {message}", message, reason)

    def _matched(
        self, attributes: Attributes, match: Json, *, optional: bool = False
    ) -> Kind | None:
        """The version in which a policy sees the write; None where it does not."""
        policy = match.get("matchPolicy", "Equivalent")
        rules = match.get("resourceRules")
        if not rules and optional:
            kind: Kind | None = attributes.asked.version
        else:
            kind = self.matcher.kind_for(attributes, rules or (), policy)
        excluded = match.get("excludeResourceRules") or ()
        if kind is None or self.matcher.kind_for(attributes, excluded, policy) is not None:
            return None
        return kind if self.matcher.selects(attributes, match) else None

    def _complaints(
        self, attributes: Attributes, policy: Json, listed: Sequence[Json | None], kind: Kind
    ) -> Iterator[tuple[str, str]]:
        """Messages and reasons of what does not hold. Raises _Broken."""
        new = self.matcher.seen(attributes, kind, attributes.new)
        old = self.matcher.seen(attributes, kind, attributes.old)
        given: Json = {
            "object": new,
            "oldObject": old,
            "request": review_of(attributes, kind, "", None, None)["request"],
            "namespaceObject": self.matcher.namespace(attributes),
        }
        for params in listed:
            given["params"] = params
            given["variables"] = {}
            if not all(
                _value(one["expression"], given, "match condition") is True
                for one in policy.get("matchConditions") or ()
            ):
                continue
            for variable in policy.get("variables") or ():
                try:
                    value = _value(variable["expression"], given, "variable")
                except _Broken:
                    continue  # who asks for it finds that it is not there
                given["variables"] = {**given["variables"], variable["name"]: value}
            for validation in policy.get("validations") or ():
                if _value(validation["expression"], given, "expression") is not True:
                    yield _message(validation, given), validation.get("reason") or ""

    async def _params(
        self, attributes: Attributes, policy: Json, binding: Json
    ) -> Sequence[Json | None]:
        """What the policy is asked with: nothing, or each of the objects that are referred to."""
        wanted, reference = policy.get("paramKind"), binding.get("paramRef")
        if not wanted or not reference:
            return [None]
        group, _, version = wanted["apiVersion"].rpartition("/")
        storage = self.matcher.storage
        kind = storage.kinds.by_kind(group, version, wanted["kind"])
        if kind is None:
            raise _Broken(f"failed to find resource for param kind {wanted['kind']}")
        namespace = reference.get("namespace") or attributes.asked.namespace
        place = namespace if kind.namespaced else ""
        prefix = f"{kind.prefix}{place}/" if place else kind.prefix
        seen = await self.matcher.versions.seen(kind, storage.store.list(prefix).items)
        objects = [loads(stored.value) for stored in seen]
        found = [one for one in objects if _refers(reference, one["metadata"])]
        if not found and reference.get("parameterNotFoundAction") != "Allow":
            raise _Broken("no params found for policy binding with `Deny` parameterNotFoundAction")
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **one} for one in found]


class _Broken(Exception):
    """A policy that cannot be asked."""


def _refers(reference: Json, metadata: Json) -> bool:
    if reference.get("name"):
        return bool(metadata["name"] == reference["name"])
    return has_labels(reference.get("selector") or {}, metadata.get("labels") or {})


def _value(text: str, given: Mapping[str, Any], what: str) -> Any:
    try:
        return compile_expression(text, VARIABLES).evaluate(given)
    except (Failed, Uncompilable) as error:
        raise _Broken(f"{what} '{text}' resulted in error: {error}") from None


def _message(validation: Json, given: Mapping[str, Any]) -> str:
    text = validation.get("messageExpression")
    if text:
        try:
            found = _value(text, given, "messageExpression")
        except _Broken:
            found = None
        if isinstance(found, str) and found.strip() and "\n" not in found:
            return found.strip()
    message: str = validation.get("message", "").strip()
    return message or f"failed expression: {validation['expression'].strip()}"


def _refusal(attributes: Attributes, text: str, message: str, reason: str) -> ApiError:
    error = forbidden(attributes, text)
    reason = reason or "Invalid"
    status = error.status()
    status["reason"] = reason
    found = from_status(status, _CODES.get(reason, 422))
    found.causes = (Cause("", message),)
    return found
