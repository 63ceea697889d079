"""Policies hold: what is written is what the validating policies in force let pass.

Their expressions are evaluated again on every commit, with what was in force then. A policy, a
binding or a parameter that has only just changed is not held against anybody: a write that came
before it may be committed after it. What an expression asks of the request or of a namespace is
not known here, and passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.kinds.admissionregistration.policy_composition import CONDITION, Composition
from k8slite.objects.cel.environment import Failed, Uncompilable
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import named, prefix_of

Json = dict[str, Any]

_GROUP: Final = "admissionregistration.k8s.io"
_POLICIES: Final = f"{_GROUP}.validatingadmissionpolicies/"
_BINDINGS: Final = f"{_GROUP}.validatingadmissionpolicybindings/"
# How long what is in force must have been so: no request of a run is under way for longer.
_SETTLED_SECONDS: Final = 60.0
_OPERATIONS: Final = {"POST": "CREATE", "PUT": "UPDATE", "PATCH": "UPDATE"}


class Policies:
    """Validating policies with bindings that deny."""

    name: ClassVar[str] = "policies"
    prefixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._changed: dict[str, float] = {}  # when, by the store's keys

    def commit(self, change: Change) -> Iterable[str]:
        state = self._setting.state
        self._changed[change.key] = change.clock_seconds
        method, _, path = change.request.partition(" ")
        operation = _OPERATIONS.get(method)
        if change.new is None or operation is None or change.resource.startswith(_GROUP):
            return
        if change.old is None:
            operation = "CREATE"
        for key, binding in state.all(_BINDINGS):
            name = binding["spec"]["policyName"]
            policy = state.get(f"{_POLICIES}{name}")
            if policy is None or not self._settled(change, key, f"{_POLICIES}{name}"):
                continue
            if _is_about(policy["spec"], change, operation, path) and _denies(binding["spec"]):
                yield from self._complaints(change, policy, binding)

    def rest(self) -> Iterable[str]:
        return ()

    def _settled(self, change: Change, *keys: str) -> bool:
        since = max(self._changed.get(key, 0.0) for key in keys)
        return change.clock_seconds - since > _SETTLED_SECONDS

    def _complaints(self, change: Change, policy: Json, binding: Json) -> Iterator[str]:
        spec = policy["spec"]
        params = None
        reference = binding["spec"].get("paramRef")
        if spec.get("paramKind") and reference:
            key = self._param_key(spec["paramKind"], reference, change)
            params = self._setting.state.get(key) if key else None
            if params is None or not self._settled(change, key):
                return
        composition = Composition.of(spec)
        given = {"object": change.new, "oldObject": change.old, "params": params}
        for validation in spec.get("validations") or ():
            try:
                expression = composition.compile(validation["expression"], CONDITION)
                holds = expression.evaluate(given)
            except (Failed, Uncompilable):
                continue
            if holds is False:
                yield (
                    f"{change.key} was written, and {named(policy)} says that "
                    f"{validation['expression']}"
                )

    def _param_key(self, kind: Json, reference: Json, change: Change) -> str:
        """Where the one parameter is; "" where there may be several."""
        group, _, _ = kind["apiVersion"].rpartition("/")
        name = reference.get("name", "")
        if not name or change.new is None:
            return ""
        namespace = reference.get("namespace") or change.new["metadata"].get("namespace", "")
        return f"{prefix_of(kind['kind'].lower() + 's', group)}{namespace}/{name}"


def _is_about(spec: Json, change: Change, operation: str, path: str) -> bool:
    """Whether a rule names the resource, and nothing else narrows it down."""
    group, _, plural = change.resource.removesuffix("/").rpartition(".")
    match = spec["matchConstraints"]
    narrow = ("namespaceSelector", "objectSelector", "excludeResourceRules")
    if any(match.get(name) for name in narrow) or spec.get("matchConditions"):
        return False
    if (
        not path.partition("?")[0]
        .rstrip("/")
        .endswith((f"/{plural}", f"/{plural}/{_name(change)}"))
    ):
        return False  # of a subresource, or about another object
    return any(
        plural in rule["resources"]
        and group in rule["apiGroups"]
        and bool({operation, "*"} & set(rule["operations"]))
        and not rule.get("resourceNames")
        for rule in match["resourceRules"]
    )


def _name(change: Change) -> str:
    return str(change.obj["metadata"]["name"])


def _denies(spec: Json) -> bool:
    return "Deny" in spec["validationActions"] and not spec.get("matchResources")
