"""Every object that a real API server holds is complete and good in our eyes too."""

from __future__ import annotations

import json
from typing import Any

from k8slite.objects.metadata_validation import validate_metadata
from tests.kinds.oracle_cases import cases, need_oracle, strategy_of

Json = dict[str, Any]


def recorded() -> list[tuple[str, Json]]:
    found = [(f"{path}/x", item) for path, items in dict(BOOTSTRAP).items() for item in items]
    for case in cases("protobuf.json"):
        obj = case["json"] if isinstance(case["json"], dict) else json.loads(case["json"])
        if obj["kind"] != "Status" and "items" not in obj:
            found.append((case["path"], obj))
    return found


BOOTSTRAP: Any = cases("bootstrap.json")


def test_nothing_is_missing_and_nothing_is_wrong() -> None:
    need_oracle()
    objects = recorded()
    assert len(objects) > 100
    for path, obj in objects:
        strategy, _ = strategy_of(path)
        new = json.loads(json.dumps(obj))
        group, _, version = path.lstrip("/").removeprefix("apis/").partition("/")
        new.setdefault("apiVersion", f"{group}/{version.partition('/')[0]}")
        old = json.loads(json.dumps(new))
        strategy.default(new)
        strategy.prepare(new, old)
        assert new == old, path
        namespaced = "namespace" in new["metadata"]
        for before in (None, old):
            found = validate_metadata(new, before, strategy.name_rule, namespaced)
            assert found + strategy.validate(new, before) == [], path
