"""How the kinds of group `admissionregistration` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.admissionregistration.admission_defaults import (
    default_binding,
    default_mutating_webhooks,
    default_policy,
    default_validating_policy,
    default_validating_webhooks,
)
from k8slite.kinds.admissionregistration.admission_validation import (
    validate_mutating_binding,
    validate_mutating_policy,
    validate_mutating_webhooks,
    validate_validating_binding,
    validate_validating_policy,
    validate_webhooks,
)
from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "mutatingadmissionpolicies": Strategy(
        default=default_policy,
        validate=validate_mutating_policy,
        generation=True,
        unconditional_update=False,
        plain_finalizers=True,
    ),
    "mutatingadmissionpolicybindings": Strategy(
        default=default_binding,
        validate=validate_mutating_binding,
        generation=True,
        unconditional_update=False,
        plain_finalizers=True,
    ),
    "mutatingwebhookconfigurations": Strategy(
        default=default_mutating_webhooks,
        validate=validate_mutating_webhooks,
        generation=True,
        generation_fields=("webhooks",),
        unconditional_update=False,
        plain_finalizers=True,
    ),
    "validatingadmissionpolicies": Strategy(
        default=default_validating_policy,
        prepare=keep_status,
        validate=validate_validating_policy,
        generation=True,
        status=True,
        unconditional_update=False,
        plain_finalizers=True,
    ),
    "validatingadmissionpolicybindings": Strategy(
        default=default_binding,
        validate=validate_validating_binding,
        generation=True,
        unconditional_update=False,
        plain_finalizers=True,
    ),
    "validatingwebhookconfigurations": Strategy(
        default=default_validating_webhooks,
        validate=validate_webhooks,
        generation=True,
        generation_fields=("webhooks",),
        unconditional_update=False,
        plain_finalizers=True,
    ),
}
