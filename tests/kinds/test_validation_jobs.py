"""A Job's policies and status, in upstream's words."""

import json
from typing import Any

import pytest

from tests.kinds.oracle_cases import created, strategies

Json = dict[str, Any]

JOB: Json = {
    "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
}
INDEXED: Json = {**JOB, "completionMode": "Indexed", "completions": 5}
CODES: Json = {"operator": "In", "values": [1]}


def complaints(spec: Json) -> list[str]:
    body = {"metadata": {"name": "x"}, "spec": spec}
    found = created(strategies("batch")["jobs"], body, True)[1]
    return [f"{cause.field}: {cause.message}" for cause in found]


def failing(**rule: Any) -> Json:
    return {**JOB, "podFailurePolicy": {"rules": [rule]}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (failing(action="FailJob", onExitCodes=CODES), ""),
        (failing(onExitCodes=CODES), 'action: Required value: valid values: ["Count" "FailIndex"'),
        (failing(action="Stop", onExitCodes=CODES), 'action: Unsupported value: "Stop"'),
        (failing(action="FailIndex", onExitCodes=CODES), "requires the backoffLimitPerIndex"),
        (failing(action="Count"), "Invalid value: specifying one of OnExitCodes and"),
        (
            failing(action="Count", onExitCodes={"operator": "In", "values": [0]}),
            "values[0]: Invalid value: 0: must not be 0 for the In operator",
        ),
        (
            failing(action="Count", onExitCodes={"operator": "In", "values": [3, 2]}),
            "values: Invalid value: [3,2]: must be ordered",
        ),
        (
            failing(action="Count", onExitCodes={"operator": "NotIn", "values": [2, 2]}),
            "values[1]: Duplicate value: 2",
        ),
        (
            failing(action="Count", onExitCodes={**CODES, "containerName": "d"}),
            'containerName: Invalid value: "d": must be one of the container or initContainer',
        ),
        (
            failing(action="Count", onPodConditions=[{"type": "X", "status": "Maybe"}]),
            'status: Unsupported value: "Maybe"',
        ),
        (
            {**failing(action="Count", onExitCodes=CODES), "podReplacementPolicy": "Terminating"},
            'podReplacementPolicy: Unsupported value: "Terminating": supported values: "Failed"',
        ),
        ({**INDEXED, "successPolicy": {"rules": [{"succeededIndexes": "0,2-4"}]}}, ""),
        ({**JOB, "successPolicy": {"rules": []}}, "requires indexed completion mode"),
        ({**INDEXED, "successPolicy": {"rules": []}}, "at least one rules must be specified"),
        ({**INDEXED, "successPolicy": {"rules": [{}]}}, "at least one of succeededCount or"),
        (
            {**INDEXED, "successPolicy": {"rules": [{"succeededIndexes": "5"}]}},
            'error parsing succeededIndexes: too large index: "5"',
        ),
        (
            {**INDEXED, "successPolicy": {"rules": [{"succeededIndexes": "3,1"}]}},
            "non-increasing order, previous: 3, current: 1",
        ),
        (
            {
                **INDEXED,
                "successPolicy": {"rules": [{"succeededIndexes": "1-2", "succeededCount": 3}]},
            },
            "must be less than or equal to 2 (the number of indexes in the specified",
        ),
        ({**INDEXED, "maxFailedIndexes": 1}, "when maxFailedIndexes is specified"),
        (
            {**INDEXED, "backoffLimitPerIndex": 1, "maxFailedIndexes": 6},
            "must be less than or equal to completions",
        ),
    ],
)
def test_policies(spec: Json, expected: str) -> None:
    found = complaints(spec)
    if not expected:
        assert found == []
    else:
        [one] = found
        assert expected in one


def condition(*types: str) -> list[Json]:
    return [{"type": one, "status": "True"} for one in types]


BEGUN: Json = {"startTime": "2026-01-01T00:00:00Z"}
DONE: Json = {
    **BEGUN,
    "completionTime": "2026-01-01T00:01:00Z",
    "conditions": condition("SuccessCriteriaMet", "Complete"),
}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (BEGUN, {**BEGUN, "active": 2, "ready": 1}, ""),
        (BEGUN, DONE, ""),
        (
            {**BEGUN, "conditions": condition("Suspended")},
            {"startTime": "2026-01-01T09:00:00Z"},
            "",
        ),
        (BEGUN, {**BEGUN, "active": -1}, "status.active: Invalid value: -1: must be greater"),
        (BEGUN, {**BEGUN, "ready": 1}, "cannot set more ready pods than active"),
        (BEGUN, {**DONE, "active": 1}, "active>0 is invalid for finished job"),
        (BEGUN, {**DONE, "conditions": condition("Complete")}, "without the SuccessCriteriaMet"),
        (BEGUN, {**BEGUN, "conditions": condition("Failed")}, "without the FailureTarget=true"),
        ({**BEGUN, "succeeded": 2}, {**BEGUN, "succeeded": 1}, "cannot decrease the succeeded"),
        ({**BEGUN, "failed": 2}, BEGUN, "cannot decrease the failed counter"),
        (BEGUN, {}, "startTime cannot be removed for unsuspended job"),
        (DONE, {**DONE, "completionTime": "2026-01-01T00:02:00Z"}, "completionTime cannot be mut"),
        (BEGUN, {**BEGUN, "completedIndexes": "1"}, "when non-indexed completion mode"),
        (BEGUN, {**BEGUN, "failedIndexes": "1"}, "when backoffLimitPerIndex is null"),
    ],
)
def test_status(old: Json, new: Json, expected: str) -> None:
    strategy = strategies("batch")["jobs"]
    before, _ = created(strategy, {"metadata": {"name": "x"}, "spec": JOB}, True)
    after = json.loads(json.dumps(before))
    before["status"], after["status"] = old, new
    found = [f"{cause.field}: {cause.message}" for cause in strategy.validate_status(after, before)]
    if not expected:
        assert found == []
    else:
        assert expected in found[0]
