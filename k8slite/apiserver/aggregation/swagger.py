"""The OpenAPI v2 documents of several servers as one.

Of each other server its own group and version are taken, with the definitions that they refer to;
one that is called like another and is not the same gets a name of its own. Upstream:
`kube-openapi/pkg/aggregator`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

Json = dict[str, Any]

_REFERENCE: Final = "#/definitions/"


def merged(ours: Json, others: Iterable[tuple[str, Json]]) -> Json:
    """Our document with those of others, each with the path of its group and version."""
    paths, definitions = dict(ours["paths"]), dict(ours["definitions"])
    for path, document in others:
        known = document.get("definitions")
        known = known if isinstance(known, dict) else {}
        taken = {
            key: value
            for key, value in (document.get("paths") or {}).items()
            if key.startswith(f"{path}/")
        }
        wanted = _closure(taken, known)
        renamed = {
            name: _free(name, definitions)
            for name in wanted
            if name in definitions and definitions[name] != known[name]
        }
        for name in wanted:
            definitions[renamed.get(name, name)] = _with_names(known[name], renamed)
        for key, value in taken.items():
            paths.setdefault(key, _with_names(value, renamed))
    return {**ours, "paths": dict(sorted(paths.items())), "definitions": definitions}


def _closure(value: Any, known: Json) -> list[str]:
    """The names that something refers to, and what these refer to, as far as they are known."""
    found: dict[str, None] = {}
    left = list(_references(value))
    while left:
        name = left.pop()
        if name in known and name not in found:
            found[name] = None
            left += _references(known[name])
    return sorted(found)


def _references(value: Any) -> Iterator[str]:
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            target = one.get("$ref")
            if isinstance(target, str) and target.startswith(_REFERENCE):
                yield target.removeprefix(_REFERENCE)
            left += one.values()
        elif isinstance(one, list):
            left += one


def _free(name: str, taken: Json) -> str:
    number = 2
    while f"{name}_v{number}" in taken:
        number += 1
    return f"{name}_v{number}"


def _with_names(value: Any, renamed: dict[str, str]) -> Any:
    if not renamed:
        return value
    if isinstance(value, list):
        return [_with_names(one, renamed) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _with_names(one, renamed) for key, one in value.items()}
    target = value.get("$ref")
    if isinstance(target, str):
        name = renamed.get(target.removeprefix(_REFERENCE))
        found["$ref"] = f"{_REFERENCE}{name}" if name else target
    return found
