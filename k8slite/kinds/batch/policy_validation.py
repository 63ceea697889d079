"""A Job's policies for failure, success and replacement (upstream: `validatePodFailurePolicy`,
`validateSuccessPolicy` of `pkg/apis/batch/validation`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from k8slite.kinds.core.controller_validation import not_negative
from k8slite.objects.errors import Cause
from k8slite.objects.fields import (
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from k8slite.objects.names import is_qualified_name

Json = dict[str, Any]

_RULES_MOST: Final = 20  # of either policy
_PATTERNS_MOST: Final = 20
_EXIT_CODES_MOST: Final = 255
_INDEXES_MOST: Final = 64 * 1024  # bytes of a text of indexes


def validate_policies(spec: Json, path: str) -> list[Cause]:
    """All three of a Job's spec."""
    found: list[Cause] = []
    failures, successes = spec.get("podFailurePolicy"), spec.get("successPolicy")
    if failures is not None:
        found += _failure_policy(spec, failures, f"{path}.podFailurePolicy.rules")
    if successes is not None:
        at = f"{path}.successPolicy"
        if spec.get("completionMode") != "Indexed":
            found.append(invalid(at, successes, "requires indexed completion mode"))
        else:
            found += _success_policy(successes, f"{at}.rules", spec.get("completions") or 0)
    replacement = spec.get("podReplacementPolicy")
    known = _REPLACEMENTS if failures is None else ("Failed",)
    if replacement is not None and replacement not in known:
        found.append(not_supported(f"{path}.podReplacementPolicy", replacement, known))
    return found


def count_indexes(text: str, completions: int) -> int:
    """How many indexes a text names. Raises ValueError, as `validateIndexesFormat` words it."""
    total, last = 0, -1
    for part in text.split(",") if text else ():
        bounds = part.split("-")
        if len(bounds) > 2:
            raise ValueError(
                f'the fragment "{part}" violates the pattern, expected an index or two indexes '
                "separated by '-'"
            )
        numbers = []
        for bound in bounds:
            if not bound.isdecimal():
                raise ValueError(f'cannot convert string to integer for index: "{bound}"')
            number = int(bound)
            if number >= completions:
                raise ValueError(f'too large index: "{bound}"')
            if number <= last:
                raise ValueError(f"non-increasing order, previous: {last}, current: {number}")
            last = number
            numbers.append(number)
        total += numbers[-1] - numbers[0] + 1
    return total


def without_value(path: str, text: str) -> Cause:
    """A complaint that does not show the value."""
    return Cause("FieldValueInvalid", f"Invalid value: {text}", path)


def _failure_policy(spec: Json, policy: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    rules = policy.get("rules") or ()
    if len(rules) > _RULES_MOST:
        found.append(too_many(path, len(rules), _RULES_MOST))
    template = (spec.get("template") or {}).get("spec") or {}
    names = [
        one.get("name")
        for group in ("containers", "initContainers")
        for one in template.get(group) or ()
    ]
    for number, rule in enumerate(rules):
        at = f"{path}[{number}]"
        found += _action(spec, rule.get("action", ""), f"{at}.action")
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
        if codes is not None:
            found += _exit_codes(codes, f"{at}.onExitCodes", names)
        if conditions:
            found += _conditions(conditions, f"{at}.onPodConditions")
        if codes is not None and conditions:
            text = "specifying both OnExitCodes and OnPodConditions is not supported"
            found.append(without_value(at, text))
        if codes is None and not conditions:
            found.append(
                without_value(at, "specifying one of OnExitCodes and OnPodConditions is required")
            )
    return found


def _action(spec: Json, action: str, path: str) -> list[Cause]:
    if action == "":
        return [required(path, f"valid values: {_listed(_ACTIONS)}")]
    if action not in _ACTIONS:
        return [not_supported(path, action, _ACTIONS)]
    if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        return [invalid(path, action, "requires the backoffLimitPerIndex to be set")]
    return []


def _exit_codes(codes: Json, path: str, names: Iterable[Any]) -> list[Cause]:
    found: list[Cause] = []
    operator = codes.get("operator", "")
    if operator == "":
        found.append(required(f"{path}.operator", f"valid values: {_listed(_OPERATORS)}"))
    elif operator not in _OPERATORS:
        found.append(not_supported(f"{path}.operator", operator, _OPERATORS))
    container = codes.get("containerName")
    if container is not None and container not in names:
        text = "must be one of the container or initContainer names in the pod template"
        found.append(invalid(f"{path}.containerName", container, text))
    values = codes.get("values") or []
    if not values:
        found.append(invalid(f"{path}.values", values, "at least one value is required"))
    elif len(values) > _EXIT_CODES_MOST:
        found.append(too_many(f"{path}.values", len(values), _EXIT_CODES_MOST))
    for number, value in enumerate(values):
        at = f"{path}.values[{number}]"
        if operator == "In" and value == 0:
            found.append(invalid(at, value, "must not be 0 for the In operator"))
        if value in values[:number]:
            found.append(duplicate(at, value))
    if sorted(values) != values:
        found.append(invalid(f"{path}.values", values, "must be ordered"))
    return found


def _conditions(conditions: list[Json], path: str) -> list[Cause]:
    found: list[Cause] = []
    if len(conditions) > _PATTERNS_MOST:
        found.append(too_many(path, len(conditions), _PATTERNS_MOST))
    for number, pattern in enumerate(conditions):
        at = f"{path}[{number}]"
        type_ = pattern.get("type", "")
        found += [invalid(f"{at}.type", type_, text) for text in is_qualified_name(type_)]
        status = pattern.get("status", "")
        if status == "":
            found.append(required(f"{at}.status", f"valid values: {_listed(_STATUSES)}"))
        elif status not in _STATUSES:
            found.append(not_supported(f"{at}.status", status, _STATUSES))
    return found


def _success_policy(policy: Json, path: str, completions: int) -> list[Cause]:
    found: list[Cause] = []
    rules = policy.get("rules") or ()
    if not rules:
        text = "at least one rules must be specified when the successPolicy is specified"
        found.append(required(path, text))
    if len(rules) > _RULES_MOST:
        found.append(too_many(path, len(rules), _RULES_MOST))
    for number, rule in enumerate(rules):
        found += _success_rule(rule, f"{path}[{number}]", completions)
    return found


def _success_rule(rule: Json, path: str, completions: int) -> list[Cause]:
    found: list[Cause] = []
    indexes, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    if indexes is None and count is None:
        text = "at least one of succeededCount or succeededIndexes must be specified"
        return [required(path, text)]
    total = 0
    if indexes is not None:
        at = f"{path}.succeededIndexes"
        if len(indexes) > _INDEXES_MOST:
            found.append(too_long(at, _INDEXES_MOST))
        try:
            total = count_indexes(indexes, completions)
        except ValueError as error:
            found.append(invalid(at, indexes, f"error parsing succeededIndexes: {error}"))
    if count is not None:
        at = f"{path}.succeededCount"
        found += not_negative(rule, "succeededCount", path)
        limit = f"must be less than or equal to {completions} (the number of specified completions)"
        if count > completions:
            found.append(invalid(at, count, limit))
        if indexes is not None and count > total:
            text = (
                f"must be less than or equal to {total} (the number of indexes in the specified "
                "succeededIndexes field)"
            )
            found.append(invalid(at, count, text))
    return found


def _listed(values: Iterable[str]) -> str:
    """As Go prints a list of quoted strings."""
    return "[" + " ".join(f'"{value}"' for value in values) + "]"


_ACTIONS: Final = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS: Final = ("In", "NotIn")
_STATUSES: Final = ("False", "True", "Unknown")
_REPLACEMENTS: Final = ("Failed", "TerminatingOrFailed")
