"""How webhooks and admission policies are printed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from k8slite.kinds.cells import AGE, NAME, age, items, name, part, table
from k8slite.kinds.kind import Column, Json, Table


def _webhooks(obj: Json, now: datetime) -> list[Any]:
    return [name(obj), len(items(obj, "webhooks")), age(obj, now)]


def _validating_policy(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    return [name(obj), len(items(spec, "validations")), _param_kind(spec), age(obj, now)]


def _mutating_policy(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    return [name(obj), len(items(spec, "mutations")), _param_kind(spec), age(obj, now)]


def _binding(obj: Json, now: datetime) -> list[Any]:
    spec = part(obj, "spec")
    return [name(obj), spec.get("policyName") or "", _param(spec.get("paramRef")), age(obj, now)]


def _param_kind(spec: Mapping[str, Any]) -> str:
    kind = spec.get("paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else "<unset>"


def _param(reference: Mapping[str, Any] | None) -> str:
    if not reference:
        return "<unset>"
    if reference.get("name"):
        # Without a namespace nobody knows here whether the parameter's kind has one.
        return f"{reference.get('namespace') or '*'}/{reference['name']}"
    selected = reference.get("selector")
    return "<unset>" if selected is None else _go_selector(selected)


def _go_selector(selected: Mapping[str, Any]) -> str:
    """A selector as Go's generated `String` methods write it: upstream prints it like this."""
    pairs = "".join(f"{k}: {v}," for k, v in sorted(part(selected, "matchLabels").items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{one.get('key', '')},Operator:{one.get('operator', '')},"
        f"Values:[{' '.join(items(one, 'values'))}],}},"
        for one in items(selected, "matchExpressions")
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{pairs}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


_PARAM_KIND: Final = Column(
    "ParamKind",
    description="ParamKind specifies the kind of resources used to parameterize this policy",
)
_WEBHOOKS: Final = table(
    _webhooks,
    NAME,
    Column(
        "Webhooks",
        "integer",
        "Webhooks indicates the number of webhooks registered in this configuration",
    ),
    AGE,
)
_BINDINGS: Final = table(
    _binding,
    NAME,
    Column(
        "PolicyName",
        description="PolicyName indicates the policy definition which the policy binding binded to",
    ),
    Column(
        "ParamRef",
        description="ParamRef indicates the param resource which sets the configuration param",
    ),
    AGE,
)

TABLES: Final[Mapping[str, Table]] = {
    "mutatingadmissionpolicies": table(
        _mutating_policy,
        NAME,
        Column(
            "Mutations",
            "integer",
            "Mutation indicates the number of mutations rules defined in this configuration",
        ),
        _PARAM_KIND,
        AGE,
    ),
    "mutatingadmissionpolicybindings": _BINDINGS,
    "mutatingwebhookconfigurations": _WEBHOOKS,
    "validatingadmissionpolicies": table(
        _validating_policy,
        NAME,
        Column(
            "Validations",
            "integer",
            "Validations indicates the number of validation rules defined in this configuration",
        ),
        _PARAM_KIND,
        AGE,
    ),
    "validatingadmissionpolicybindings": _BINDINGS,
    "validatingwebhookconfigurations": _WEBHOOKS,
}
