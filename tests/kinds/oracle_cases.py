"""The recorded answers of a real API server, and what it takes to put questions to a strategy."""

from __future__ import annotations

import importlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from k8slite.kinds.kind import Strategy
from k8slite.objects.errors import Cause
from k8slite.objects.metadata_validation import validate_metadata

Json = dict[str, Any]

ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle"


def cases(name: str) -> list[Json]:
    """The recorded cases of one file; none where the recordings are not at hand."""
    path = ORACLE / name
    return json.loads(path.read_bytes()) if path.exists() else []


def need_oracle() -> None:
    """Skip the test where the recordings are not at hand."""
    if not ORACLE.exists():
        pytest.skip("the folder shared/oracle is not beside this checkout")


def strategy_of(path: str) -> tuple[Strategy, bool]:
    """The strategy behind a request's path, and whether the kind is namespaced."""
    parts = path.partition("?")[0].strip("/").split("/")
    group = "core" if parts[0] == "api" else parts[1].partition(".")[0]
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespaced = rest[0] == "namespaces" and len(rest) > 2
    plural = rest[2] if namespaced else rest[0]
    return strategies(group)[plural], namespaced


@cache
def strategies(group: str) -> dict[str, Strategy]:
    return dict(importlib.import_module(f"k8slite.kinds.{group}.strategies").STRATEGIES)


def created(strategy: Strategy, body: Json, namespaced: bool) -> tuple[Json, list[Cause]]:
    """What the registry would make of a new object, and its complaints."""
    new = without_nulls(json.loads(json.dumps(body)))
    metadata = new.setdefault("metadata", {})
    metadata["uid"] = "UID"
    metadata["creationTimestamp"] = "TIME"
    if namespaced:
        metadata.setdefault("namespace", "default")
    if strategy.generation:
        metadata["generation"] = 1
    strategy.prepare(new, None)
    strategy.default(new)
    if new.get("kind") == "Pod":
        # What the ServiceAccount admission plugin does.
        new["spec"].setdefault("serviceAccountName", "default")
        new["spec"].setdefault("serviceAccount", "default")
    found = validate_metadata(new, None, strategy.name_rule, namespaced)
    return new, found + strategy.validate(new, None)


def without_nulls(value: Any) -> Any:
    """What the decoder leaves of a request's body."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(one) for one in value]
    return value


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
