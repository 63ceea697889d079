"""Rules for workloads and what watches over them, each in upstream's words and order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.kinds.oracle_cases import strategies
from tests.kinds.test_validation_rules import JOB, new, shown, updated, workload

Json = dict[str, Any]

APPS, BATCH, SCALING, POLICY = "apps", "batch", "autoscaling", "policy"
STATEFUL: Json = {**workload(), "serviceName": "s"}
RAW: Json = {"data": {"a": 1}, "revision": 1}
TARGET: Json = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
NOT_NEGATIVE = "must be greater than or equal to 0"


def rolling(**strategy: Any) -> Json:
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": strategy}}


def job(**spec: Any) -> Json:
    """A Job that brings its own selector, which the server would make else."""
    labelled = {"metadata": {"labels": {"a": "b"}}, "spec": JOB["template"]["spec"]}
    selector = {"matchLabels": {"a": "b"}}
    return {"manualSelector": True, "selector": selector, "template": labelled, **spec}


def indexed(**spec: Any) -> Json:
    return job(completionMode="Indexed", **spec)


def cron(**spec: Any) -> Json:
    return {"schedule": "* * * * *", "jobTemplate": {"spec": JOB}, **spec}


def scaled(**spec: Any) -> Json:
    return {"scaleTargetRef": TARGET, "maxReplicas": 1, **spec}


def measured(kind: str, key: str, source: Json, **more: Any) -> Json:
    return scaled(metrics=[{"type": kind, key: source, **more}])


def behaving(**rules: Any) -> Json:
    return scaled(behavior={"scaleUp": rules})


PODS: Json = {"type": "Pods", "value": 1, "periodSeconds": 1}
SPECS: list[tuple[str, str, Json, list[str]]] = [
    # StatefulSets
    (APPS, "statefulsets", STATEFUL, []),
    (
        APPS,
        "statefulsets",
        {**STATEFUL, **rolling(partition=-1, maxUnavailable=0)},
        [
            f"spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: {NOT_NEGATIVE}",
            "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0",
        ],
    ),
    (
        APPS,
        "statefulsets",
        {**STATEFUL, **rolling(maxUnavailable="101%")},
        [
            'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be '
            "greater than 100%"
        ],
    ),
    (
        APPS,
        "statefulsets",
        {
            **STATEFUL,
            "podManagementPolicy": "x",
            "replicas": -1,
            "minReadySeconds": -1,
            "ordinals": {"start": -1},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "x", "whenScaled": "Delete"},
        },
        [
            'spec.podManagementPolicy: Invalid value: "x": must be \'OrderedReady\' or '
            "'Parallel'",
            'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "x": '
            'supported values: "Delete", "Retain"',
            f"spec.replicas: Invalid value: -1: {NOT_NEGATIVE}",
            f"spec.minReadySeconds: Invalid value: -1: {NOT_NEGATIVE}",
            f"spec.ordinals.start: Invalid value: -1: {NOT_NEGATIVE}",
        ],
    ),
    # DaemonSets
    (
        APPS,
        "daemonsets",
        workload(**rolling(maxUnavailable="x", maxSurge="101%")),
        [
            'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "x": a valid percent '
            "string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
            "regex used for validation is '[0-9]+%')",
            'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "101%": must not be '
            "greater than 100%",
        ],
    ),
    (
        APPS,
        "daemonsets",
        workload(**rolling(maxUnavailable="00%", maxSurge=0)),
        [
            "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when "
            "maxSurge is 0"
        ],
    ),
    # Deployments
    (
        APPS,
        "deployments",
        workload(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "0%",
                                                                      "maxSurge": "0"}}),
        [
            'spec.strategy.rollingUpdate.maxSurge: Invalid value: "0": a valid percent string must '
            "be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
            "validation is '[0-9]+%')",
            'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when '
            "`maxSurge` is 0",
        ],
    ),
    # Jobs
    (BATCH, "jobs", job(managedBy="acme.io/foo"), []),
    (
        BATCH,
        "jobs",
        job(managedBy="foo"),
        [
            'spec.managedBy: Invalid value: "foo": must be a domain-prefixed path (such as '
            '"acme.io/foo")'
        ],
    ),
    (
        BATCH,
        "jobs",
        job(managedBy="acme.io/" + "x" * 56),
        ["spec.managedBy: Too long: may not be more than 63 bytes"],
    ),
    (
        BATCH,
        "jobs",
        job(managedBy="Acme/f o"),
        [
            'spec.managedBy: Invalid value: "Acme": a lowercase RFC 1123 subdomain must consist of '
            "lower case alphanumeric characters, '-' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            'spec.managedBy: Invalid value: "f o": Invalid path (regex used for validation is '
            "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')",
        ],
    ),
    (
        BATCH,
        "jobs",
        job(maxFailedIndexes=1, completionMode="x"),
        [
            "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
            'spec.completionMode: Unsupported value: "x": supported values: "Indexed", '
            '"NonIndexed"',
        ],
    ),
    (
        BATCH,
        "jobs",
        indexed(completions=100_001, backoffLimitPerIndex=1, parallelism=10_001),
        [
            "spec.maxFailedIndexes: Required value: must be specified when completions is above "
            "100000",
            "spec.parallelism: Invalid value: 10001: must be less than or equal to 10000 when "
            "completions are above 100000 and used with backoff limit per index",
        ],
    ),
    (
        BATCH,
        "jobs",
        indexed(completions=200_000, backoffLimitPerIndex=1, maxFailedIndexes=100_001),
        [
            "spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 100000",
            "spec.maxFailedIndexes: Invalid value: 100001: must be less than or equal to 10000 "
            "when completions are above 100000 and used with backoff limit per index",
        ],
    ),
    # CronJobs
    (
        BATCH,
        "cronjobs",
        cron(schedule="TZ=UTC * * * * *"),
        [
            'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in '
            "schedule, use timeZone field instead"
        ],
    ),
    (
        BATCH,
        "cronjobs",
        cron(timeZone=""),
        ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string'],
    ),
    (
        BATCH,
        "cronjobs",
        cron(timeZone="../etc"),
        ['spec.timeZone: Invalid value: "../etc": unknown time zone ../etc'],
    ),
    (
        BATCH,
        "cronjobs",
        cron(timeZone="local"),
        [
            'spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone as '
            "defined in https://www.iana.org/time-zones"
        ],
    ),
    (
        BATCH,
        "cronjobs",
        cron(jobTemplate={"spec": {**JOB, "manualSelector": True, "selector": {}}}),
        [
            "spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated",
            "spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "
            '"false", "nil"',
        ],
    ),
    # HorizontalPodAutoscalers
    (SCALING, "horizontalpodautoscalers", scaled(), []),
    (
        SCALING,
        "horizontalpodautoscalers",
        scaled(metrics=[{}]),
        [
            "spec.metrics[0].type: Required value: must specify a metric source type",
            'spec.metrics[0].type: Unsupported value: "": supported values: "ContainerResource", '
            '"External", "Object", "Pods", "Resource"',
            'spec.metrics[0].type: Unsupported value: "": supported values: "ContainerResource", '
            '"External", "Object", "Pods", "Resource"',
        ],
    ),
    (
        SCALING,
        "horizontalpodautoscalers",
        measured("Resource", "pods", {"metric": {"name": ""}, "target": {}}),
        [
            "spec.metrics[0].pods.metric.name: Required value: must specify a metric name",
            "spec.metrics[0].pods.target.type: Required value: must specify a metric target type",
            'spec.metrics[0].pods.target.type: Invalid value: "": must be either Utilization, '
            "Value, or AverageValue",
            "spec.metrics[0].pods.target.averageValue: Required value: must specify a positive "
            "target averageValue",
            "spec.metrics[0].resource: Required value: must populate information for the given "
            "metric source",
        ],
    ),
    (
        SCALING,
        "horizontalpodautoscalers",
        measured(
            "Object",
            "object",
            {
                "describedObject": {"kind": "", "name": "a/b"},
                "metric": {"name": "m"},
                "target": {"type": "Value", "value": "0"},
            },
            resource={"name": "cpu", "target": {}},
        ),
        [
            "spec.metrics[0].object.describedObject.kind: Required value",
            "spec.metrics[0].object.describedObject.name: Invalid value: \"a/b\": may not contain "
            "'/'",
            'spec.metrics[0].object.target.value: Invalid value: "0": must be positive',
            "spec.metrics[0].resource: Forbidden: must populate the given metric source only",
        ],
    ),
    (
        SCALING,
        "horizontalpodautoscalers",
        measured(
            "External",
            "external",
            {"metric": {"name": "m"}, "target": {"type": "Value", "value": 1, "averageValue": 1}},
        ),
        [
            "spec.metrics[0].external.target.value: Forbidden: may not set both a target value for "
            "metric and a per-pod target"
        ],
    ),
    (
        SCALING,
        "horizontalpodautoscalers",
        measured(
            "ContainerResource",
            "containerResource",
            {
                "name": "gpu",
                "container": "",
                "target": {"type": "Utilization", "averageUtilization": 0, "averageValue": "1"},
            },
        ),
        [
            'spec.metrics[0].containerResource.name: Invalid value: "gpu": must be a standard '
            "resource type or fully qualified",
            'spec.metrics[0].containerResource.name: Invalid value: "gpu": must be a standard '
            "resource for containers",
            "spec.metrics[0].containerResource.container: Required value: must specify a container",
            "spec.metrics[0].containerResource.target.averageUtilization: Invalid value: 0: must "
            "be greater than 0",
            "spec.metrics[0].containerResource.target.averageValue: Forbidden: may not set both a "
            "target raw value and a target utilization",
        ],
    ),
    (
        SCALING,
        "horizontalpodautoscalers",
        measured("Resource", "resource", {"name": "", "target": {"type": "Utilization"}}),
        [
            "spec.metrics[0].resource.name: Required value: must specify a resource name",
            "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a "
            "target raw value or a target utilization",
        ],
    ),
    (
        SCALING,
        "horizontalpodautoscalers",
        behaving(stabilizationWindowSeconds=3601, selectPolicy="x", policies=[]),
        [
            "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less "
            "than or equal to 3600",
            'spec.behavior.scaleUp.selectPolicy: Unsupported value: "x": supported values: '
            '"Disabled", "Max", "Min"',
            "spec.behavior.scaleUp.policies: Required value: must specify at least one Policy",
        ],
    ),
    (
        SCALING,
        "horizontalpodautoscalers",
        behaving(
            stabilizationWindowSeconds=-1,
            policies=[PODS, {"type": "x", "value": 0, "periodSeconds": 1801}],
        ),
        [
            "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: -1: must be greater "
            "than or equal to zero",
            'spec.behavior.scaleUp.policies[1].type: Unsupported value: "x": supported values: '
            '"Percent", "Pods"',
            "spec.behavior.scaleUp.policies[1].value: Invalid value: 0: must be greater than zero",
            "spec.behavior.scaleUp.policies[1].periodSeconds: Invalid value: 1801: must be less "
            "than or equal to 1800",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("group", "plural", "spec", "expected"), SPECS)
def test_specs(group: str, plural: str, spec: Json, expected: list[str]) -> None:
    assert new(group, plural, spec=spec) == expected


def test_a_job_whose_pods_would_have_no_host_name_is_refused() -> None:
    long = "x" * 60
    body = indexed(completions=1000)
    found = new(BATCH, "jobs", spec=body, metadata={"name": long})
    assert found == [
        f'metadata.name: Invalid value: "{long}": will not able to create pod with invalid DNS '
        f"label: {long}-999"
    ]


@pytest.mark.parametrize("name", ["a.b", "a" * 64])
def test_a_stateful_set_is_named_like_the_hosts_of_its_pods(name: str) -> None:
    found = new(APPS, "statefulsets", spec=STATEFUL, metadata={"name": name})
    assert [one.partition(":")[0] for one in found] == ["metadata.name"]


UPDATES: list[tuple[str, str, Json, Callable[[Json], Any], list[str]]] = [
    (
        APPS,
        "statefulsets",
        {"spec": STATEFUL},
        lambda o: o["spec"].update(serviceName="t", replicas=-1),
        [
            f"spec.replicas: Invalid value: -1: {NOT_NEGATIVE}",
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', "
            "'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
            "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ],
    ),
    (
        APPS,
        "controllerrevisions",
        RAW,
        lambda o: o.update(data={"a": 2}, revision=-1),
        [
            f"revision: Invalid value: -1: {NOT_NEGATIVE}",
            'data: Invalid value: {"a":2}: field is immutable',
        ],
    ),
    (
        BATCH,
        "jobs",
        {"spec": job(completions=2)},
        lambda o: o["spec"].update(completions=3),
        ["spec.completions: Invalid value: 3: field is immutable"],
    ),
    (
        BATCH,
        "jobs",
        {"spec": indexed(completions=2, parallelism=2)},
        lambda o: o["spec"].update(completions=3),
        [
            "spec.completions: Invalid value: 3: can only be modified in tandem with "
            "spec.parallelism"
        ],
    ),
    (
        BATCH,
        "jobs",
        {"spec": indexed(completions=2, parallelism=2)},
        lambda o: o["spec"].update(completions=3, parallelism=3),
        [],
    ),
    (
        BATCH,
        "cronjobs",
        {"spec": cron()},
        lambda o: o["spec"].update(schedule="TZ=UTC * * * * *"),
        [
            'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in '
            "schedule, use timeZone field instead"
        ],
    ),
]


@pytest.mark.parametrize(("group", "plural", "body", "change", "expected"), UPDATES)
def test_updates(
    group: str, plural: str, body: Json, change: Callable[[Json], Any], expected: list[str]
) -> None:
    assert updated(group, plural, change, **body) == expected


STATUSES: list[tuple[str, str, Json, Json, list[str]]] = [
    (
        APPS,
        "statefulsets",
        {"replicas": 1, "readyReplicas": 2, "currentReplicas": 2, "availableReplicas": 3},
        {"collisionCount": 2},
        [
            "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
            "status.currentReplicas: Invalid value: 2: cannot be greater than status.replicas",
            "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
            "status.availableReplicas: Invalid value: 3: cannot be greater than "
            "status.readyReplicas",
            "status.collisionCount: Invalid value: 0: cannot be decremented",
        ],
    ),
    (
        APPS,
        "daemonsets",
        {"numberReady": -1, "collisionCount": 1},
        {"collisionCount": 2},
        [
            f"status.numberReady: Invalid value: -1: {NOT_NEGATIVE}",
            "status.collisionCount: Invalid value: 1: cannot be decremented",
        ],
    ),
    (
        APPS,
        "deployments",
        {"replicas": 1, "updatedReplicas": 2, "availableReplicas": 1, "collisionCount": 0},
        {"collisionCount": 1},
        [
            "status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas",
            "status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas",
            "status.collisionCount: Invalid value: 0: cannot be decremented",
        ],
    ),
    (
        SCALING,
        "horizontalpodautoscalers",
        {"currentReplicas": -1, "desiredReplicas": -2},
        {},
        [
            f"status.currentReplicas: Invalid value: -1: {NOT_NEGATIVE}",
            f"status.desiredReplicas: Invalid value: -2: {NOT_NEGATIVE}",
        ],
    ),
    (
        POLICY,
        "poddisruptionbudgets",
        {
            "disruptionsAllowed": -1,
            "conditions": [
                {"type": "A", "status": "x", "reason": "1", "lastTransitionTime": "2026"},
                {"type": "A", "status": "True", "observedGeneration": -1},
            ],
        },
        {},
        [
            'status.conditions[0].status: Unsupported value: "x": supported values: "False", '
            '"True", "Unknown"',
            'status.conditions[0].reason: Invalid value: "1": a condition reason must start with '
            "alphabetic character, optionally followed by a string of alphanumeric characters or "
            "'_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or "
            "'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for "
            "validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')",
            'status.conditions[1].type: Duplicate value: "A"',
            "status.conditions[1].observedGeneration: Invalid value: -1: must be greater than or "
            "equal to zero",
            "status.conditions[1].lastTransitionTime: Required value: must be set",
            "status.conditions[1].reason: Required value: must be set",
            f"status.disruptionsAllowed: Invalid value: -1: {NOT_NEGATIVE}",
        ],
    ),
]


@pytest.mark.parametrize(("group", "plural", "after", "before", "expected"), STATUSES)
def test_statuses(group: str, plural: str, after: Json, before: Json, expected: list[str]) -> None:
    validate = strategies(group)[plural].validate_status
    meta: Json = {"metadata": {"name": "x"}}
    found = validate({**meta, "status": after}, {**meta, "status": before})
    assert shown(found) == expected


def test_an_autoscaler_that_was_at_nothing_may_stay_there() -> None:
    validate = strategies(SCALING)["horizontalpodautoscalers"].validate
    meta: Json = {"metadata": {"name": "x"}}
    at_none = {**meta, "spec": scaled(minReplicas=0)}
    assert shown(validate(at_none, None))[0] == (
        "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"
    )
    assert shown(validate(at_none, at_none)) == [
        "spec.metrics: Forbidden: must specify at least one Object or External metric to support "
        "scaling to zero replicas"
    ]
