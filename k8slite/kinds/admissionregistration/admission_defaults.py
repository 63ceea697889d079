"""What admission webhooks and policies get where nothing was said.

Mirrors `pkg/apis/admissionregistration/v1/defaults.go`.
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

WEBHOOK_TIMEOUT_SECONDS: Final = 10
HTTPS_PORT: Final = 443


def default_validating_webhooks(configuration: Json) -> None:
    """Fill in a ValidatingWebhookConfiguration."""
    for webhook in configuration.get("webhooks", ()):
        _default_webhook(webhook)


def default_mutating_webhooks(configuration: Json) -> None:
    """Fill in a MutatingWebhookConfiguration."""
    for webhook in configuration.get("webhooks", ()):
        _default_webhook(webhook)
        webhook.setdefault("reinvocationPolicy", "Never")


def default_policy(policy: Json) -> None:
    """Fill in a ValidatingAdmissionPolicy or a MutatingAdmissionPolicy."""
    spec = policy.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    if "matchConstraints" in spec:
        _default_match(spec["matchConstraints"])


def default_validating_policy(policy: Json) -> None:
    """Fill in a ValidatingAdmissionPolicy, which has a status."""
    default_policy(policy)
    policy.setdefault("status", {})


def default_binding(binding: Json) -> None:
    """Fill in the binding of a policy."""
    spec = binding.setdefault("spec", {})
    if "matchResources" in spec:
        _default_match(spec["matchResources"])


def _default_webhook(webhook: Json) -> None:
    webhook.setdefault("failurePolicy", "Fail")
    webhook.setdefault("matchPolicy", "Equivalent")
    webhook.setdefault("namespaceSelector", {})
    webhook.setdefault("objectSelector", {})
    webhook.setdefault("timeoutSeconds", WEBHOOK_TIMEOUT_SECONDS)
    for rule in webhook.get("rules", ()):
        rule.setdefault("scope", "*")
    service = webhook.get("clientConfig", {}).get("service")
    if service is not None:
        service.setdefault("port", HTTPS_PORT)


def _default_match(match: Json) -> None:
    match.setdefault("matchPolicy", "Equivalent")
    match.setdefault("namespaceSelector", {})
    match.setdefault("objectSelector", {})
    for key in ("resourceRules", "excludeResourceRules"):
        for rule in match.get(key, ()):
            rule.setdefault("scope", "*")
