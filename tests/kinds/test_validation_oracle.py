"""Wrong objects are refused in a real API server's words."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.objects.fields import refuse
from tests.kinds.oracle_cases import (
    cases,
    created,
    need_oracle,
    strategy_of,
    without_admission,
)

Json = dict[str, Any]

# What a strategy alone does not answer; the tests of the API server ask for it.
ELSEWHERE = ("failed to allocate IP", "compilation failed")
CASES = [
    case
    for case in cases("errors.json")
    if case["request"]["method"] == "POST"
    and case["status"] in (201, 422)
    and "/binding" not in case["request"]["path"]
    and not any(text in case["response"].get("message", "") for text in ELSEWHERE)
]


def test_cases_are_there() -> None:
    need_oracle()
    assert len(CASES) >= 30


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{c['request']['body']['kind']}-{i}" for i, c in enumerate(CASES)]
)
def test_answer(case: Json) -> None:
    body, answer = case["request"]["body"], case["response"]
    message = answer.get("message", "")
    strategy, namespaced = strategy_of(case["request"]["path"])
    new, causes = created(strategy, body, namespaced)
    if case["status"] == 201:
        assert causes == []
        answer["metadata"].pop("managedFields", None)
        assert without_admission(new) == without_admission(answer)
        return
    assert [cause.json() for cause in causes] == answer["details"]["causes"]
    error = refuse(
        body["kind"], answer["details"].get("group", ""), body["metadata"]["name"], causes
    )
    assert error.status()["message"] == message
    assert error.status()["details"] == answer["details"]
