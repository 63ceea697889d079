"""Label selectors, node selectors, affinity, tolerations and spreading: where a Pod may go.

Mirrors `apimachinery/pkg/apis/meta/v1/validation` and the scheduling part of
`pkg/apis/core/validation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import each, validate_labels
from k8slite.objects.names import (
    is_dns1123_label,
    is_dns1123_subdomain,
    is_label_value,
    is_qualified_name,
)

Json = dict[str, Any]

NOT_POSITIVE: Final = "must be greater than zero"


def validate_label_selector(selector: Json | None, path: str) -> list[Cause]:
    """A `metav1.LabelSelector`; none at all is fine."""
    if not selector:
        return []
    found = validate_labels(selector.get("matchLabels"), f"{path}.matchLabels")
    for i, requirement in enumerate(selector.get("matchExpressions", ())):
        at = f"{path}.matchExpressions[{i}]"
        operator, values = requirement.get("operator", ""), requirement.get("values", ())
        if operator in ("In", "NotIn"):
            if not values:
                found.append(required(f"{at}.values", _VALUES_NEEDED))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                found.append(forbidden(f"{at}.values", _VALUES_FORBIDDEN))
        else:
            found.append(invalid(f"{at}.operator", operator, "not a valid selector operator"))
        found += _label_name(requirement.get("key", ""), f"{at}.key")
        for j, value in enumerate(values):
            found += each(f"{at}.values[{j}]", value, is_label_value(value))
    return found


def validate_node_selector(selector: Json, path: str) -> list[Cause]:
    """A `core.NodeSelector`: at least one term."""
    terms = selector.get("nodeSelectorTerms")
    if not terms:
        text = "must have at least one node selector term"
        return [required(f"{path}.nodeSelectorTerms", text)]
    found: list[Cause] = []
    for i, term in enumerate(terms):
        found += _node_term(term, f"{path}.nodeSelectorTerms[{i}]", check_values=True)
    return found


def validate_affinity(affinity: Json | None, path: str) -> list[Cause]:
    """Node affinity, Pod affinity and Pod anti-affinity."""
    if not affinity:
        return []
    found: list[Cause] = []
    node = affinity.get("nodeAffinity")
    if node:
        hard = node.get(_HARD)
        if hard is not None:
            found += validate_node_selector(hard, f"{path}.nodeAffinity.{_HARD}")
        for i, one in enumerate(node.get(_SOFT, ())):
            at = f"{path}.nodeAffinity.{_SOFT}[{i}]"
            found += _weight(one, at)
            found += _node_term(one.get("preference", {}), f"{at}.preference", check_values=False)
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind)
        if rules:
            for i, term in enumerate(rules.get(_HARD, ())):
                found += _pod_term(term, f"{path}.{kind}.{_HARD}[{i}]")
            for i, one in enumerate(rules.get(_SOFT, ())):
                at = f"{path}.{kind}.{_SOFT}[{i}]"
                found += _weight(one, at)
                found += _pod_term(one.get("podAffinityTerm", {}), f"{at}.podAffinityTerm")
    return found


def validate_tolerations(tolerations: Iterable[Json], path: str) -> list[Cause]:
    """Which taints a Pod puts up with."""
    found: list[Cause] = []
    for i, toleration in enumerate(tolerations):
        at = f"{path}[{i}]"
        key, operator = toleration.get("key", ""), toleration.get("operator", "")
        value, effect = toleration.get("value", ""), toleration.get("effect", "")
        if key:
            found += _label_name(key, f"{at}.key")
        elif operator != "Exists":
            text = (
                "operator must be Exists when `key` is empty, "
                'which means "match all values and all keys"'
            )
            found.append(invalid(f"{at}.operator", operator, text))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            found.append(invalid(f"{at}.effect", effect, text))
        if operator in ("Equal", ""):
            wrong = is_label_value(value)
            if wrong:
                found.append(invalid(f"{at}.operator", value, ";".join(wrong)))
        elif operator == "Exists":
            if value:
                text = "value must be empty when `operator` is 'Exists'"
                found.append(invalid(f"{at}.operator", value, text))
        else:
            found.append(not_supported(f"{at}.operator", operator, ("Equal", "Exists")))
        if effect and effect not in TAINT_EFFECTS:
            found.append(not_supported(f"{at}.effect", effect, TAINT_EFFECTS))
    return found


def validate_taints(taints: Iterable[Json], path: str) -> list[Cause]:
    """A node's taints: unique by key and effect."""
    found: list[Cause] = []
    seen: list[tuple[str, str]] = []
    for i, taint in enumerate(taints):
        at = f"{path}[{i}]"
        key, effect = taint.get("key", ""), taint.get("effect", "")
        found += _label_name(key, f"{at}.key")
        wrong = is_label_value(taint.get("value", ""))
        if wrong:
            found.append(invalid(f"{at}.value", taint["value"], ";".join(wrong)))
        if not effect:
            found.append(required(f"{at}.effect"))
        elif effect not in TAINT_EFFECTS:
            found.append(not_supported(f"{at}.effect", effect, TAINT_EFFECTS))
        if (key, effect) in seen:
            cause = duplicate(at, _taint(taint))
            text = f"{cause.message}: taints must be unique by key and effect pair"
            found.append(Cause(cause.reason, text, cause.field))
        seen.append((key, effect))
    return found


def validate_spreading(constraints: Sequence[Json], path: str) -> list[Cause]:
    """Topology spread constraints: unique by key and action."""
    found: list[Cause] = []
    for i, constraint in enumerate(constraints):
        at = f"{path}[{i}]"
        skew, action = constraint.get("maxSkew", 0), constraint.get("whenUnsatisfiable", "")
        key = constraint.get("topologyKey", "")
        if skew <= 0:
            found.append(invalid(f"{at}.maxSkew", skew, NOT_POSITIVE))
        if not key:
            found.append(required(f"{at}.topologyKey", "can not be empty"))
        else:
            found += _label_name(key, f"{at}.topologyKey")
        if action not in _SPREAD_ACTIONS:
            found.append(not_supported(f"{at}.whenUnsatisfiable", action, _SPREAD_ACTIONS))
        for other in constraints[i + 1 :]:
            if (other.get("topologyKey", ""), other.get("whenUnsatisfiable", "")) == (key, action):
                where = f"{at}.{{topologyKey, whenUnsatisfiable}}"
                found.append(duplicate(where, f"{{{key}, {action}}}"))
        domains = constraint.get("minDomains")
        if domains is not None:
            if domains <= 0:
                found.append(invalid(f"{at}.minDomains", domains, NOT_POSITIVE))
            if action != "DoNotSchedule":
                text = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                found.append(invalid(f"{at}.minDomains", domains, text))
        for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if constraint.get(policy) not in (None, "Honor", "Ignore"):
                found.append(not_supported(f"{at}.{policy}", constraint[policy], _POLICIES))
        found += _match_keys(constraint, f"{at}.matchLabelKeys")
        found += validate_label_selector(constraint.get("labelSelector"), f"{at}.labelSelector")
    return found


def _match_keys(constraint: Json, path: str) -> list[Cause]:
    """Keys of labels that a Pod's own values are taken of.

    Since Kubernetes 1.34 what they stand for is in the selector when this looks at it, so that
    being there as well is no fault.
    """
    keys = constraint.get("matchLabelKeys") or ()
    if keys and constraint.get("labelSelector") is None:
        return [forbidden(path, "must not be set when labelSelector is not set")]
    return [one for i, key in enumerate(keys) for one in _label_name(key, f"{path}[{i}]")]


def _node_term(term: Json, path: str, *, check_values: bool) -> list[Cause]:
    found: list[Cause] = []
    for i, one in enumerate(term.get("matchExpressions", ())):
        at = f"{path}.matchExpressions[{i}]"
        operator, values = one.get("operator", ""), one.get("values", ())
        if operator in ("In", "NotIn"):
            if not values:
                found.append(required(f"{at}.values", _VALUES_NEEDED))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                found.append(forbidden(f"{at}.values", _VALUES_FORBIDDEN))
        elif operator in ("Gt", "Lt"):
            if len(values) != 1:
                text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                found.append(required(f"{at}.values", text))
        else:
            found.append(invalid(f"{at}.operator", operator, "not a valid selector operator"))
        found += _label_name(one.get("key", ""), f"{at}.key")
        if check_values:
            for j, value in enumerate(values):
                found += each(f"{at}.values[{j}]", value, is_label_value(value))
    for i, one in enumerate(term.get("matchFields", ())):
        at = f"{path}.matchFields[{i}]"
        operator, values = one.get("operator", ""), one.get("values", ())
        if operator not in ("In", "NotIn"):
            found.append(invalid(f"{at}.operator", operator, "not a valid selector operator"))
        elif len(values) != 1:
            text = (
                "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            )
            found.append(required(f"{at}.values", text))
        if one.get("key") != "metadata.name":
            text = "not a valid field selector key"
            found.append(invalid(f"{at}.key", one.get("key", ""), text))
        else:
            for j, value in enumerate(values):
                found += each(f"{at}.values[{j}]", value, is_dns1123_subdomain(value))
    return found


def _pod_term(term: Json, path: str) -> list[Cause]:
    found = validate_label_selector(term.get("labelSelector"), f"{path}.labelSelector")
    found += validate_label_selector(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for name in term.get("namespaces", ()):
        found += each(f"{path}.namespace", name, is_dns1123_label(name))
    key = term.get("topologyKey", "")
    if not key:
        found.append(required(f"{path}.topologyKey", "can not be empty"))
    return found + _label_name(key, f"{path}.topologyKey")


def _weight(term: Mapping[str, Any], path: str) -> list[Cause]:
    weight = term.get("weight", 0)
    if 0 < weight <= 100:
        return []
    return [invalid(f"{path}.weight", weight, "must be in the range 1-100")]


def _label_name(name: str, path: str) -> list[Cause]:
    return each(path, name, is_qualified_name(name))


def _taint(taint: Json) -> Json:
    # The internal type has no names for JSON, so Go prints those of its fields.
    return {
        "Key": taint.get("key", ""),
        "Value": taint.get("value", ""),
        "Effect": taint.get("effect", ""),
        "TimeAdded": taint.get("timeAdded"),
    }


TAINT_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_HARD: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_SOFT: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_VALUES_NEEDED: Final = "must be specified when `operator` is 'In' or 'NotIn'"
_VALUES_FORBIDDEN: Final = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
_SPREAD_ACTIONS: Final = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES: Final = ("Honor", "Ignore")
