"""What watches over admission: webhooks and policies."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.admissionregistration.columns import TABLES
from k8slite.kinds.admissionregistration.strategies import STRATEGIES
from k8slite.kinds.entry import entry, status
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingAdmissionPolicy",
        "mutatingadmissionpolicies",
        strategies=STRATEGIES,
        namespaced=False,
        categories=("api-extensions",),
        storage="admissionregistration.k8s.io/v1beta1",
        since=36,
        table=TABLES["mutatingadmissionpolicies"],
    ),
    entry(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingAdmissionPolicyBinding",
        "mutatingadmissionpolicybindings",
        strategies=STRATEGIES,
        namespaced=False,
        categories=("api-extensions",),
        storage="admissionregistration.k8s.io/v1beta1",
        since=36,
        table=TABLES["mutatingadmissionpolicybindings"],
    ),
    entry(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        strategies=STRATEGIES,
        namespaced=False,
        categories=("api-extensions",),
        table=TABLES["mutatingwebhookconfigurations"],
    ),
    entry(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        strategies=STRATEGIES,
        namespaced=False,
        categories=("api-extensions",),
        subresources=(status("ValidatingAdmissionPolicy"),),
        table=TABLES["validatingadmissionpolicies"],
    ),
    entry(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        strategies=STRATEGIES,
        namespaced=False,
        categories=("api-extensions",),
        table=TABLES["validatingadmissionpolicybindings"],
    ),
    entry(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        strategies=STRATEGIES,
        namespaced=False,
        categories=("api-extensions",),
        table=TABLES["validatingwebhookconfigurations"],
    ),
)
