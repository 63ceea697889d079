"""Which policies are asked about a write: with which of their bindings, and which parameters.

Upstream: `apiserver/pkg/admission/plugin/policy/generic` (policy_dispatcher, policy_source).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from attrs import define, field, frozen

from k8slite.apiserver.admission.matching import EXEMPT, Matcher, has_labels
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.followed import Followed
from k8slite.kinds.kind import Kind
from k8slite.objects.codec import loads
from k8slite.store.store import Stored

Json = dict[str, Any]

Compiled = TypeVar("Compiled")

_GROUP: Final = "admissionregistration.k8s.io"


class BadConfiguration(Exception):
    """A policy or a binding that cannot be asked."""


@frozen(eq=False)
class Invocation(Generic[Compiled]):
    """One question: a policy, bound, with one parameter or none."""

    policy: Json
    binding: Json | None
    compiled: Compiled
    kind: Kind  # the version in which the policy sees the write
    param: Json | None = None
    error: str = ""  # why it cannot be asked

    @property
    def name(self) -> str:
        """The policy's."""
        return str(self.policy["metadata"]["name"])

    @property
    def binding_name(self) -> str:
        return "" if self.binding is None else str(self.binding["metadata"]["name"])

    @property
    def may_fail(self) -> bool:
        """Whether the write goes on where the policy cannot be asked."""
        return bool(self.policy["spec"].get("failurePolicy") == "Ignore")

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from all others about the same write."""
        metadata = (self.param or {}).get("metadata") or {}
        return (
            self.name,
            self.binding_name,
            metadata.get("namespace") or "",
            metadata.get("name") or "",
        )


@define(eq=False)
class Policies(Generic[Compiled]):
    """The policies of one kind, compiled once, with their bindings."""

    matcher: Matcher
    plural: str  # "validatingadmissionpolicies"
    compile: Callable[[Json], Compiled]
    _policies: Followed = field(init=False)
    _bindings: Followed = field(init=False)
    _compiled: dict[str, tuple[Any, Compiled]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        store = self.matcher.storage.store
        singular = self.plural.removesuffix("ies") + "y"
        self._policies = Followed(store, f"{_GROUP}.{self.plural}/")
        self._bindings = Followed(store, f"{_GROUP}.{singular}bindings/")

    @property
    def are_none(self) -> bool:
        """Whether none is bound."""
        return not self._bindings.objects()

    async def about(self, attributes: Attributes) -> list[Invocation[Compiled]]:
        """All questions about a write, in order of the names of policies and bindings."""
        found: list[Invocation[Compiled]] = []
        bindings = self._bindings.objects()
        if not bindings or attributes.asked.kind.group_resource in EXEMPT:
            return found
        by_policy: dict[str, list[Json]] = {}
        for binding in bindings.values():
            by_policy.setdefault(binding["spec"]["policyName"], []).append(binding)
        for policy in self._policies.objects().values():
            bound = by_policy.get(policy["metadata"]["name"])
            if bound:
                found += await self._of(attributes, policy, bound)
        return found

    async def _of(
        self, attributes: Attributes, policy: Json, bindings: list[Json]
    ) -> list[Invocation[Compiled]]:
        found: list[Invocation[Compiled]] = []
        spec = policy["spec"]
        kind = self._matched(attributes, spec.get("matchConstraints") or {})
        if kind is None:
            return found
        compiled = self._compiled_one(policy)
        wanted = spec.get("paramKind")
        params = self._param_kind(wanted) if wanted else None
        if wanted and params is None:
            group, _, version = wanted["apiVersion"].rpartition("/")
            named = f"{group}/{version}, Kind={wanted['kind']}"
            error = (
                "failed to configure policy: failed to find resource referenced by paramKind: "
                f"'{named}'"
            )
            return [Invocation(policy, None, compiled, kind, error=error)]
        for binding in bindings:
            own = binding["spec"].get("matchResources")
            if own and self._matched(attributes, own, optional=True) is None:
                continue
            try:
                given = await self._params(attributes, params, binding["spec"].get("paramRef"))
                found += [Invocation(policy, binding, compiled, kind, one) for one in given]
            except BadConfiguration as bad:
                error = f"failed to configure binding: {bad}"
                found.append(Invocation(policy, binding, compiled, kind, error=error))
        return found

    def _compiled_one(self, policy: Json) -> Compiled:
        metadata = policy["metadata"]
        version = metadata.get("uid"), metadata.get("generation")
        known = self._compiled.get(metadata["name"])
        if known is not None and known[0] == version:
            return known[1]
        found = self.compile(policy["spec"])
        if len(self._compiled) > 2 * len(self._policies.objects()):
            self._compiled.clear()  # most of them are of policies that are gone
        self._compiled[metadata["name"]] = version, found
        return found

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

    def _param_kind(self, wanted: Json) -> Kind | None:
        group, _, version = wanted["apiVersion"].rpartition("/")
        return self.matcher.storage.kinds.by_kind(group, version, wanted["kind"])

    async def _params(
        self, attributes: Attributes, kind: Kind | None, reference: Json | None
    ) -> Sequence[Json | None]:
        """What a policy is asked with: nothing, or each of the objects that are referred to.

        Raises BadConfiguration.
        """
        if kind is None or not reference:
            return [None]
        namespace = reference.get("namespace") or ""
        if not kind.namespaced and namespace:
            raise BadConfiguration(
                "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
            )
        namespace = namespace or attributes.asked.namespace
        if kind.namespaced and not namespace:
            raise BadConfiguration(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped "
                "resources"
            )
        found = await self._referred(kind, namespace if kind.namespaced else "", reference)
        if not found and reference.get("parameterNotFoundAction") == "Deny":
            raise BadConfiguration(
                "no params found for policy binding with `Deny` parameterNotFoundAction"
            )
        return found

    async def _referred(self, kind: Kind, namespace: str, reference: Json) -> list[Json]:
        prefix = f"{kind.prefix}{namespace}/" if namespace else kind.prefix
        store, name = self.matcher.storage.store, reference.get("name")
        if name:
            one = store.get(f"{prefix}{name}")
            stored: Sequence[Stored] = () if one is None else (one,)
        else:
            stored = store.list(prefix).items
        seen = await self.matcher.versions.seen(kind, stored)
        objects = [loads(one.value) for one in seen]
        selector = reference.get("selector") or {}
        return [
            {**one, "apiVersion": kind.api_version, "kind": kind.kind}
            for one in objects
            if name or has_labels(selector, one["metadata"].get("labels") or {})
        ]
