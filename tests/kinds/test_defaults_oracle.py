"""Minimal objects of many kinds come out as a real API server fills them in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kinds.oracle_cases import (
    cases,
    created,
    need_oracle,
    strategy_of,
    without_admission,
)

Json = dict[str, Any]

# The status of an access review is the authorizer's answer: the tests of the API server ask for it.
CASES = [
    case
    for case in cases("defaults.json")
    if case["request"]["body"]["kind"] != "SelfSubjectAccessReview"
]


def test_cases_are_there() -> None:
    need_oracle()
    assert len(CASES) >= 30


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{c['request']['body']['kind']}-{i}" for i, c in enumerate(CASES)]
)
def test_defaults(case: Json) -> None:
    body = case["request"]["body"]
    strategy, namespaced = strategy_of(case["request"]["path"])
    new, causes = created(strategy, body, namespaced)
    assert causes == []
    assert without_admission(new) == without_admission(case["response"])


def test_defaulting_twice_changes_nothing() -> None:
    need_oracle()
    for case in CASES:
        strategy, namespaced = strategy_of(case["request"]["path"])
        new, _ = created(strategy, case["request"]["body"], namespaced)
        again = json.loads(json.dumps(new))
        strategy.default(again)
        assert again == new
