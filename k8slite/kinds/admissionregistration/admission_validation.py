"""Admission webhooks and policies.

Mirrors the main rules of `pkg/apis/admissionregistration/validation`.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.admissionregistration.policy_expressions import (
    composition_for,
    condition_complaints,
    mutation_complaints,
    validation_complaints,
    variable_complaints,
)
from k8slite.kinds.admissionregistration.policy_matching import (
    binding_complaints,
    policy_complaints,
    rule_complaints,
)
from k8slite.kinds.core.selector_validation import validate_label_selector
from k8slite.kinds.webhook_client import validate_client
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1035_label, is_dns1123_subdomain

Json = dict[str, Any]

_TIMEOUT_LIMIT_SECONDS: Final = 30


def validate_webhooks(new: Json, _old: Json | None) -> list[Cause]:
    """A ValidatingWebhookConfiguration."""
    return _webhooks(new, mutate=False)


def validate_mutating_webhooks(new: Json, _old: Json | None) -> list[Cause]:
    """A MutatingWebhookConfiguration."""
    return _webhooks(new, mutate=True)


def validate_validating_policy(new: Json, _old: Json | None) -> list[Cause]:
    """A ValidatingAdmissionPolicy."""
    spec = new.get("spec", {})
    found = policy_complaints(spec)
    composition = composition_for(spec)
    found += variable_complaints(composition, spec.get("variables") or ())
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        text = "validations or auditAnnotations must contain at least one item"
        found.append(required("spec.validations", text))
        found.append(required("spec.auditAnnotations", text))
    name = new.get("metadata", {}).get("name", "")
    return [*found, *validation_complaints(composition, spec, name)]


def validate_mutating_policy(new: Json, _old: Json | None) -> list[Cause]:
    """A MutatingAdmissionPolicy."""
    spec = new.get("spec", {})
    found = policy_complaints(spec)
    composition = composition_for(spec)
    found += variable_complaints(composition, spec.get("variables") or ())
    if not spec.get("mutations"):
        text = "mutations must contain at least one item"
        found.append(required("spec.mutations", text))
    found += mutation_complaints(composition, spec.get("mutations") or ())
    again = spec.get("reinvocationPolicy", "")
    if again not in ("IfNeeded", "Never"):
        at = "spec.reinvocationPolicy"
        known = ("IfNeeded", "Never")
        found.append(not_supported(at, again, known) if again else required(at))
    return found


def validate_validating_binding(new: Json, _old: Json | None) -> list[Cause]:
    """A ValidatingAdmissionPolicyBinding."""
    spec = new.get("spec", {})
    found = binding_complaints(spec)
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
    return binding_complaints(new.get("spec", {}))


def _webhooks(new: Json, *, mutate: bool) -> list[Cause]:
    found: list[Cause] = []
    names: list[str] = []
    for i, webhook in enumerate(new.get("webhooks") or ()):
        at, name = f"webhooks[{i}]", webhook.get("name", "")
        found += _webhook(webhook, at, mutate=mutate)
        versions = webhook.get("admissionReviewVersions") or []
        found += _versions(versions, f"{at}.admissionReviewVersions")
        if name and name in names:
            found.append(duplicate(f"{at}.name", name))
        names.append(name)
    return found


def _webhook(webhook: Json, path: str, *, mutate: bool) -> list[Cause]:
    found = _name(webhook.get("name", ""), f"{path}.name")
    for i, rule in enumerate(webhook.get("rules") or ()):
        found += rule_complaints(rule, f"{path}.rules[{i}]")
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
    for key in ("namespaceSelector", "objectSelector"):
        found += validate_label_selector(webhook.get(key), f"{path}.{key}")
    again = webhook.get("reinvocationPolicy")
    if mutate and again not in (None, "IfNeeded", "Never"):
        found.append(not_supported(f"{path}.reinvocationPolicy", again, ("IfNeeded", "Never")))
    found += validate_client(webhook.get("clientConfig") or {}, f"{path}.clientConfig")
    conditions = webhook.get("matchConditions") or ()
    return [*found, *condition_complaints(conditions, f"{path}.matchConditions")]


def _name(name: str, at: str) -> list[Cause]:
    """Upstream: `IsFullyQualifiedName`."""
    if not name:
        return [required(at)]
    wrong = is_dns1123_subdomain(name)
    if wrong:
        return [invalid(at, name, ",".join(wrong))]
    if name.count(".") < 2:
        text = "should be a domain with at least three segments separated by dots"
        return [invalid(at, name, text)]
    return []


def _versions(versions: list[str], at: str) -> list[Cause]:
    if not versions:
        return [required(at, "must specify one of v1, v1beta1")]
    found: list[Cause] = []
    for i, version in enumerate(versions):
        if version in versions[:i]:
            found.append(invalid(f"{at}[{i}]", version, "duplicate version"))
        else:
            found += each(f"{at}[{i}]", version, is_dns1035_label(version))
    if not {"v1", "v1beta1"} & set(versions):
        found.append(invalid(at, versions, "must include at least one of v1, v1beta1"))
    return found


_CHOICES: Final = (
    ("failurePolicy", ("Fail", "Ignore")),
    ("matchPolicy", ("Equivalent", "Exact")),
)
