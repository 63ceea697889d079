"""Rules for what rules over others: quotas, limits, webhooks, API services, leases, roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.kinds.oracle_cases import strategies
from tests.kinds.test_validation_rules import new, shown, updated

Json = dict[str, Any]

HOOKS = "validatingwebhookconfigurations"
MUTATING = "mutatingwebhookconfigurations"
ADMISSION = "admissionregistration"
RULE: Json = {
    "operations": ["CREATE"],
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["pods"],
}
HOOK: Json = {
    "name": "a.e.com",
    "clientConfig": {"url": "https://e.com"},
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "rules": [RULE],
}


def quota(hard: Json, **spec: Any) -> Json:
    return {"spec": {"hard": hard, **spec}}


def chosen(**one: Any) -> Json:
    return quota({"pods": "1"}, scopeSelector={"matchExpressions": [one]})


def limits(kind: str = "Container", **item: Any) -> Json:
    return {"spec": {"limits": [{"type": kind, **item}]}}


def hook(**changes: Any) -> Json:
    return {"webhooks": [{**HOOK, **changes}]}


def ruled(**changes: Any) -> Json:
    return hook(rules=[{**RULE, **changes}])


AT = "webhooks[0].rules[0]"
CASES: list[tuple[str, str, Json, list[str]]] = [
    # Quotas
    (
        "core",
        "resourcequotas",
        quota({"cpu": "1"}, scopes=["BestEffort", "NotBestEffort", "Odd"]),
        [
            'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Odd"]: unsupported scope '
            "applied to resource",
            'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Odd"]: unsupported scope',
            'spec.scopes: Invalid value: ["BestEffort","NotBestEffort","Odd"]: conflicting scopes',
        ],
    ),
    (
        "core",
        "resourcequotas",
        chosen(scopeName="BestEffort", operator="In", values=["x"]),
        [
            "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exist' "
            "when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
            "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
            "ResourceQuotaScopeCrossNamespacePodAffinity"
        ],
    ),
    (
        "core",
        "resourcequotas",
        chosen(scopeName="PriorityClass", operator="In"),
        [
            "spec.scopeSelector.matchExpressions.values: Required value: must be at least one "
            "value when `operator` is 'In' or 'NotIn' for scope selector"
        ],
    ),
    (
        "core",
        "resourcequotas",
        quota(
            {"secrets": "1"},
            scopeSelector={
                "matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]
            },
        ),
        [
            "spec.scopeSelector.matchExpressions: Invalid value: "
            '{"MatchExpressions":[{"ScopeName":"PriorityClass","Operator":"Exists",'
            '"Values":null}]}: unsupported scope applied to resource'
        ],
    ),
    # Limits
    (
        "core",
        "limitranges",
        limits("odd"),
        [
            'spec.limits[0].type: Invalid value: "odd": must be a standard limit type or fully '
            "qualified"
        ],
    ),
    (
        "core",
        "limitranges",
        limits(
            min={"cpu": "2"},
            max={"cpu": "3"},
            default={"cpu": "1"},
            defaultRequest={"cpu": "4"},
            maxLimitRequestRatio={"cpu": "2"},
        ),
        [
            'spec.limits[0].defaultRequest[cpu]: Invalid value: "4": default request value 4 is '
            "greater than max value 3",
            'spec.limits[0].defaultRequest[cpu]: Invalid value: "4": default request value 4 is '
            "greater than default limit value 1",
            'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default '
            "value 1",
            'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "2": ratio 2 is greater than '
            "max/min = 1.500000",
        ],
    ),
    (
        "core",
        "limitranges",
        limits(default={"e.com/gpu": "2"}, defaultRequest={"e.com/gpu": "1"}),
        [
            'spec.limits[0].defaultRequest[e.com/gpu]: Invalid value: "1": default value 2 must '
            "equal to defaultRequest value 1 in e.com/gpu"
        ],
    ),
    # Webhooks
    (ADMISSION, HOOKS, hook(), []),
    (
        ADMISSION,
        HOOKS,
        hook(name="e.com", admissionReviewVersions=["v2", "v2"], timeoutSeconds=31),
        [
            'webhooks[0].name: Invalid value: "e.com": should be a domain with at least three '
            "segments separated by dots",
            "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 "
            "and 30 seconds",
            'webhooks[0].admissionReviewVersions[1]: Invalid value: "v2": duplicate version',
            'webhooks[0].admissionReviewVersions: Invalid value: ["v2","v2"]: must include at '
            "least one of v1, v1beta1",
        ],
    ),
    (
        ADMISSION,
        HOOKS,
        ruled(
            operations=["*", "GET"],
            apiVersions=["", "v1"],
            resources=["pods/*", "pods/status", "*/scale", "nodes/scale", "*", "nodes", ""],
        ),
        [
            f'{AT}.operations: Invalid value: ["*","GET"]: if \'*\' is present, must not specify '
            "other operations",
            f'{AT}.operations[1]: Unsupported value: "GET": supported values: "*", "CONNECT", '
            '"CREATE", "DELETE", "UPDATE"',
            f"{AT}.apiVersions[0]: Required value",
            f"{AT}.resources[1]: Invalid value: \"pods/status\": if 'pods/*' is present, must not "
            "specify pods/status",
            f"{AT}.resources[3]: Invalid value: \"nodes/scale\": if '*/scale' is present, must not "
            "specify nodes/scale",
            f"{AT}.resources[6]: Required value",
            f'{AT}.resources: Invalid value: ["pods/*","pods/status","*/scale","nodes/scale","*",'
            '"nodes",""]: if \'*\' is present, must not specify other resources without '
            "subresources",
        ],
    ),
    (
        ADMISSION,
        HOOKS,
        ruled(resources=["*/*", "pods"]),
        [
            f'{AT}.resources: Invalid value: ["*/*","pods"]: if \'*/*\' is present, must not '
            "specify other resources"
        ],
    ),
    (
        ADMISSION,
        MUTATING,
        hook(reinvocationPolicy="Odd"),
        [
            'webhooks[0].reinvocationPolicy: Unsupported value: "Odd": supported values: '
            '"IfNeeded", "Never"'
        ],
    ),
    # Others
    (
        "coordination",
        "leases",
        {"spec": {"strategy": "Odd", "holderIdentity": ""}},
        [
            'spec.holderIdentity: Invalid value: "": must not be empty',
            'spec.strategy.strategy: Unsupported value: "Odd": supported values: '
            '"OldestEmulationVersion"',
        ],
    ),
    (
        "coordination",
        "leases",
        {"spec": {"preferredHolder": "me"}},
        ["spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"],
    ),
    (
        "scheduling",
        "priorityclasses",
        {"metadata": {"name": "system-node-critical"}, "value": 1},
        [
            "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for "
            "system use only. error: value of system-node-critical PriorityClass must be "
            "2000001000"
        ],
    ),
    (
        "apiregistration",
        "apiservices",
        {
            "metadata": {"name": "v2."},
            "spec": {"version": "v2", "groupPriorityMinimum": 1, "versionPriority": 1},
        },
        [
            "spec.group: Required value: only v1 may have an empty group and it better be legacy "
            "kube",
        ],
    ),
]


@pytest.mark.parametrize(("group", "plural", "fields", "expected"), CASES)
def test_new_objects(group: str, plural: str, fields: Json, expected: list[str]) -> None:
    assert new(group, plural, **fields) == expected


UPDATES: list[tuple[str, str, Json, Callable[[Json], Any], list[str]]] = [
    (
        "core",
        "resourcequotas",
        quota({"pods": "1"}, scopes=["BestEffort"]),
        lambda o: o["spec"].update(scopes=["Terminating"]),
        ['spec.scopes: Invalid value: ["Terminating"]: field is immutable'],
    ),
    (
        "rbac",
        "rolebindings",
        {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"}},
        lambda o: o["roleRef"].update(name="b"),
        [
            'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role",'
            '"Name":"b"}: cannot change roleRef'
        ],
    ),
]


@pytest.mark.parametrize(("group", "plural", "body", "change", "expected"), UPDATES)
def test_updates(
    group: str, plural: str, body: Json, change: Callable[[Json], Any], expected: list[str]
) -> None:
    assert updated(group, plural, change, **body) == expected


def test_what_a_quota_says_is_used() -> None:
    validate = strategies("core")["resourcequotas"].validate_status
    found = validate({"status": {"hard": {"odd": "1"}, "used": {"pods": "-1"}}}, {})
    assert shown(found) == [
        'status.hard[odd]: Invalid value: "odd": must be a standard resource type or fully '
        "qualified",
        'status.hard[odd]: Invalid value: "odd": must be a standard resource for quota',
        'status.used[pods]: Invalid value: "-1": must be greater than or equal to 0',
    ]
