"""Minimal objects of many kinds come out as a real API server fills them in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kinds.oracle_cases import cases, created, need_oracle, strategy_of

Json = dict[str, Any]

CASES = cases("defaults.json")

# What is meant to differ, and why.
EXPECTED = {
    "SelfSubjectAccessReview": "its status is the authorizer's answer, not a default",
}


def test_cases_are_there() -> None:
    need_oracle()
    assert len(CASES) >= 30


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{c['request']['body']['kind']}-{i}" for i, c in enumerate(CASES)]
)
def test_defaults(case: Json) -> None:
    body = case["request"]["body"]
    if body["kind"] in EXPECTED:
        pytest.skip(EXPECTED[body["kind"]])
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


def without_admission(obj: Json) -> Json:
    """The object without what admission and the registry add."""
    found = json.loads(json.dumps(obj))
    spec = found.get("spec") or {}
    if found["kind"] == "Pod":
        for key in ("tolerations", "serviceAccount", "serviceAccountName", "priority"):
            spec.pop(key, None)
        spec.pop("preemptionPolicy", None)
        for container in spec["containers"] + spec.get("initContainers", []):
            mounts = container.pop("volumeMounts", [])
            kept = [m for m in mounts if not m["name"].startswith("kube-api-access")]
            if kept:
                container["volumeMounts"] = kept
        volumes = spec.pop("volumes", [])
        kept = [v for v in volumes if not v["name"].startswith("kube-api-access")]
        if kept:
            spec["volumes"] = kept
    if found["kind"] == "Service":
        for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(key, None)
        for port in spec.get("ports", []):
            port.pop("nodePort", None)
    # Protection is the work of an admission plugin.
    if found["metadata"].get("finalizers") == ["kubernetes.io/pv-protection"]:
        del found["metadata"]["finalizers"]
    return found
