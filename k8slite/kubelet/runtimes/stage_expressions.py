"""The expressions of a Stage of KWOK, and whether it selects an object (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8slite.kubelet.runtimes.jq_path import parts, text_of, values

Json = dict[str, Any]


def expressions(spec: Mapping[str, Any]) -> list[Json]:
    """What is to hold of an object, each with key, operator and values. Raises ValueError."""
    found = []
    for one in (spec.get("selector") or {}).get("matchExpressions") or ():
        if "cel" in one:
            raise ValueError("expressions in CEL are not played, only those of jq")
        found.append(one.get("jq") or one)
    return found


def source(holder: Mapping[str, Any], word: str) -> str:
    """Where something is told (`weightFrom`, `durationFrom`); "" for nowhere. Raises ValueError."""
    told = holder.get(f"{word}From") or {}
    if "cel" in told:
        raise ValueError("expressions in CEL are not played, only those of jq")
    return (told.get("jq") or {}).get("expression") or told.get("expressionFrom") or ""


def told(holder: Mapping[str, Any], word: str, obj: Mapping[str, Any]) -> str | None:
    """What an object tells about something; None for nothing."""
    text = source(holder, word)
    found = values(obj, parts(text)) if text else []
    return text_of(found[0]) if found else None


def selects(stage: Json, obj: Json) -> bool:
    """Whether a Stage is for an object as it is now."""
    selector, metadata = stage["spec"].get("selector"), obj["metadata"]
    if selector is None:
        return False  # an empty one selects every object, none selects no object
    for part, held in (("matchLabels", "labels"), ("matchAnnotations", "annotations")):
        given = metadata.get(held) or {}
        if any(given.get(name) != value for name, value in (selector.get(part) or {}).items()):
            return False
    return all(_holds(one, obj) for one in expressions(stage["spec"]))


def _holds(expression: Json, obj: Json) -> bool:
    found = values(obj, parts(str(expression["key"])))
    wanted = [str(one) for one in expression.get("values") or ()]
    operator = expression["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return bool(found) is (operator == "Exists")
    return any(text_of(one) in wanted for one in found) is (operator == "In")
