"""The fieldPath of a rule: `.spec.parts['a.b']`, which must lead to a field of its schema.

Upstream: `apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go` (ValidFieldPath).
"""

from __future__ import annotations

import re
from typing import Final

from k8slite.objects.structural import Structural


def normalized_path(path: str, schema: Structural) -> str:
    """The path as complaints show it: `spec.parts[a.b]`. Raises ValueError."""
    found = ""
    at = 0
    here: Structural | None = schema
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise ValueError(f"expected [ or . but got: {path[at:]}")
        at = match.end()
        name = match[1] if match[1] is not None else _unescaped(match[2])
        if here is not None and name in here.properties:
            found += f".{name}"
            here = here.properties[name]
        elif here is not None and here.values is not None and not here.properties:
            found += f"[{name}]"
            here = here.values
        else:
            raise ValueError("does not refer to a valid field")
    return found.removeprefix(".")


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise ValueError(f"invalid string literal: invalid escape char {match[0]}")
        return _ESCAPES[match[1]]

    return _ESCAPE.sub(one, text)


_STEP: Final = re.compile(r"\.([^.\[\]]+)|\['((?:[^'\\]|\\.)*)'\]")
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {
    **dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True)),
    "'": "'",
    "\\": "\\",
}
