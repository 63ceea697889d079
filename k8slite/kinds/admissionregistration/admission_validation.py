"""Admission webhooks and policies.

Mirrors the main rules of `pkg/apis/admissionregistration/validation`.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.admissionregistration.policy_expressions import (
    condition_complaints,
    policy_complaints,
)
from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.kinds.webhook_client import validate_client
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1123_subdomain, is_qualified_name

Json = dict[str, Any]

_TIMEOUT_LIMIT_SECONDS: Final = 30


def validate_webhooks(new: Json, _old: Json | None) -> list[Cause]:
    """A ValidatingWebhookConfiguration."""
    found: list[Cause] = []
    names: list[str] = []
    for i, webhook in enumerate(new.get("webhooks", ())):
        at = f"webhooks[{i}]"
        found += _webhook(webhook, at)
        name = webhook.get("name", "")
        if name in names:
            found.append(duplicate(f"{at}.name", name))
        names.append(name)
    return found


def validate_mutating_webhooks(new: Json, old: Json | None) -> list[Cause]:
    """A MutatingWebhookConfiguration."""
    found = validate_webhooks(new, old)
    for i, webhook in enumerate(new.get("webhooks", ())):
        again = webhook.get("reinvocationPolicy")
        if again not in (None, "IfNeeded", "Never"):
            at = f"webhooks[{i}].reinvocationPolicy"
            found.append(not_supported(at, again, ("IfNeeded", "Never")))
    return found


def validate_validating_policy(new: Json, _old: Json | None) -> list[Cause]:
    """A ValidatingAdmissionPolicy."""
    spec = new.get("spec", {})
    found = _policy(spec)
    validations = spec.get("validations", ())
    if not validations and not spec.get("auditAnnotations"):
        text = "validations or auditAnnotations must be specified"
        found.append(required("spec.validations", text))
        found.append(required("spec.auditAnnotations", text))
    for i, validation in enumerate(validations):
        if not validation.get("expression", "").strip():
            at = f"spec.validations[{i}].expression"
            found.append(required(at, "expression is not specified"))
    return [*found, *policy_complaints(spec)]


def validate_mutating_policy(new: Json, _old: Json | None) -> list[Cause]:
    """A MutatingAdmissionPolicy."""
    spec = new.get("spec", {})
    found = _policy(spec)
    if not spec.get("mutations"):
        text = "mutations must contain at least one item"
        found.append(required("spec.mutations", text))
    again = spec.get("reinvocationPolicy", "")
    if again not in ("IfNeeded", "Never"):
        at = "spec.reinvocationPolicy"
        known = ("IfNeeded", "Never")
        found.append(not_supported(at, again, known) if again else required(at))
    return found


def validate_validating_binding(new: Json, _old: Json | None) -> list[Cause]:
    """A ValidatingAdmissionPolicyBinding."""
    spec = new.get("spec", {})
    found = _binding(spec)
    actions = spec.get("validationActions", ())
    if not actions:
        found.append(
            required("spec.validationActions", "at least one validation action is required")
        )
    for i, action in enumerate(actions):
        if action not in ("Audit", "Deny", "Warn"):
            at = f"spec.validationActions[{i}]"
            found.append(not_supported(at, action, ("Audit", "Deny", "Warn")))
        elif action in actions[:i]:
            found.append(duplicate(f"spec.validationActions[{i}]", action))
    if "Deny" in actions and "Warn" in actions:
        text = (
            "must not contain both Deny and Warn (repeating the same validation failure "
            "information in the API response and headers serves no purpose)"
        )
        found.append(invalid("spec.validationActions", actions, text))
    return found


def validate_mutating_binding(new: Json, _old: Json | None) -> list[Cause]:
    """A MutatingAdmissionPolicyBinding."""
    return _binding(new.get("spec", {}))


def _webhook(webhook: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    name = webhook.get("name", "")
    wrong = each(f"{path}.name", name, is_dns1123_subdomain(name))
    if not name:
        wrong = [required(f"{path}.name")]
    elif not wrong and name.count(".") < 2:
        text = "should be a domain with at least three segments separated by dots"
        wrong = [invalid(f"{path}.name", name, text)]
    found += wrong
    found += validate_label_selector(webhook.get("namespaceSelector"), f"{path}.namespaceSelector")
    found += validate_label_selector(webhook.get("objectSelector"), f"{path}.objectSelector")
    for i, rule in enumerate(webhook.get("rules", ())):
        found += _rule(rule, f"{path}.rules[{i}]")
    for key, known in _CHOICES:
        value = webhook.get(key)
        if value is not None and value not in known:
            found.append(not_supported(f"{path}.{key}", value, known))
    effects = webhook.get("sideEffects")
    if effects is None:
        text = "must specify one of None, NoneOnDryRun"
        found.append(required(f"{path}.sideEffects", text))
    elif effects not in ("None", "NoneOnDryRun"):
        known = ("None", "NoneOnDryRun")
        found.append(not_supported(f"{path}.sideEffects", effects, known))
    seconds = webhook.get("timeoutSeconds")
    if seconds is not None and not 0 < seconds <= _TIMEOUT_LIMIT_SECONDS:
        text = "the timeout value must be between 1 and 30 seconds"
        found.append(invalid(f"{path}.timeoutSeconds", seconds, text))
    found += validate_client(webhook.get("clientConfig", {}), f"{path}.clientConfig")
    conditions = webhook.get("matchConditions") or ()
    found += condition_complaints(conditions, f"{path}.matchConditions")
    versions = webhook.get("admissionReviewVersions", ())
    at = f"{path}.admissionReviewVersions"
    if not versions:
        text = "must specify one of v1, v1beta1"
        found.append(required(at, text))
    elif not {"v1", "v1beta1"} & set(versions):
        text = "must include at least one of v1, v1beta1"
        found.append(invalid(at, versions, text))
    return found


def _rule(rule: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    for key in ("operations", "apiGroups", "apiVersions", "resources"):
        values = rule.get(key, ())
        if not values:
            found.append(required(f"{path}.{key}"))
        elif len(values) > 1 and "*" in values and key != "resources":
            text = "if '*' is present, must not specify other " + _SPOKEN[key]
            found.append(invalid(f"{path}.{key}", values, text))
    for i, operation in enumerate(rule.get("operations", ())):
        if operation not in _OPERATIONS:
            found.append(not_supported(f"{path}.operations[{i}]", operation, _OPERATIONS))
    scope = rule.get("scope")
    if scope is not None and scope not in ("*", "Cluster", "Namespaced"):
        found.append(not_supported(f"{path}.scope", scope, ("*", "Cluster", "Namespaced")))
    return found


def _policy(spec: Json) -> list[Cause]:
    found: list[Cause] = []
    policy = spec.get("failurePolicy")
    if policy not in (None, "Fail", "Ignore"):
        found.append(not_supported("spec.failurePolicy", policy, ("Fail", "Ignore")))
    kind = spec.get("paramKind")
    if kind is not None:
        found += [
            required(f"spec.paramKind.{key}") for key in ("apiVersion", "kind") if not kind.get(key)
        ]
    match = spec.get("matchConstraints")
    if match is None:
        found.append(required("spec.matchConstraints"))
    else:
        found += _match(match, "spec.matchConstraints")
        if not match.get("resourceRules"):
            found.append(required("spec.matchConstraints.resourceRules"))
    for i, condition in enumerate(spec.get("matchConditions", ())):
        at = f"spec.matchConditions[{i}]"
        name = condition.get("name", "")
        found += (
            each(f"{at}.name", name, is_qualified_name(name)) if name else [required(f"{at}.name")]
        )
        if not condition.get("expression", "").strip():
            found.append(required(f"{at}.expression"))
    return found


def _binding(spec: Json) -> list[Cause]:
    found: list[Cause] = []
    name = spec.get("policyName", "")
    if not name:
        found.append(required("spec.policyName"))
    else:
        found += each("spec.policyName", name, is_dns1123_subdomain(name))
    if "matchResources" in spec:
        found += _match(spec["matchResources"], "spec.matchResources")
    return found


def _match(match: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    policy = match.get("matchPolicy")
    if policy not in (None, "Equivalent", "Exact"):
        found.append(not_supported(f"{path}.matchPolicy", policy, ("Equivalent", "Exact")))
    for key in ("namespaceSelector", "objectSelector"):
        found += validate_label_selector(match.get(key), f"{path}.{key}")
    for key in ("resourceRules", "excludeResourceRules"):
        for i, rule in enumerate(match.get(key, ())):
            found += _rule(rule, f"{path}.{key}[{i}]")
    return found


_CHOICES: Final = (
    ("failurePolicy", ("Fail", "Ignore")),
    ("matchPolicy", ("Equivalent", "Exact")),
)
_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SPOKEN: Final = {
    "operations": "operations",
    "apiGroups": "API groups",
    "apiVersions": "API versions",
}
