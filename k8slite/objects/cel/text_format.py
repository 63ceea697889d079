"""`'%s is %d'.format([a, b])`: texts with values put in.

Upstream: `cel-go/ext/formatting.go`.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from k8slite.objects.cel.types import Type
from k8slite.objects.cel.values import Duration, Timestamp, type_of

_DEFAULT_PRECISION: Final = 6
# Digits behind the point that are written at most.
_PRECISION_LIMIT: Final = 1000


def formatted(text: str, values: list[Any]) -> str:
    """A text with values in place of its clauses. Raises ValueError."""
    found: list[str] = []
    at, used = 0, 0
    for match in _CLAUSE.finditer(text):
        found.append(text[at : match.start()])
        at = match.end()
        precision, verb = match[1], match[2]
        if verb == "%" and precision is None:
            found.append("%")
            continue
        if verb not in _VERBS:
            known = verb or "%"
            raise ValueError(
                f'could not parse formatting clause: unrecognized formatting clause "{known}"'
            )
        if used >= len(values):
            raise ValueError(f"index {used} out of range")
        digits = _DEFAULT_PRECISION if precision is None else int(precision[1:] or 0)
        if digits > _PRECISION_LIMIT:
            raise ValueError(f"precision {digits} is too large")
        found.append(_written(verb, values[used], digits))
        used += 1
    return "".join((*found, text[at:]))


def _written(verb: str, value: Any, digits: int) -> str:
    if verb == "s":
        return _text(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if verb == "d" and is_number:
        return _text(value)
    if verb in "fe" and is_number:
        number = float(value)
        if math.isnan(number) or math.isinf(number):
            return _text(number)
        return f"{number:.{digits}{verb}}"
    if verb in "boxX" and isinstance(value, int):
        return format(int(value), verb)
    if verb in "xX" and isinstance(value, str | bytes):
        raw = value.encode() if isinstance(value, str) else value
        return raw.hex() if verb == "x" else raw.hex().upper()
    named = _WANTED[verb]
    raise ValueError(
        f"error during formatting: {named} can only be used on {_TAKES[verb]}, "
        f"was given {type_of(value)}"
    )


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        text = repr(value)
        return text.removesuffix(".0")
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        pairs = sorted((_text(key), _text(inner)) for key, inner in value.items())
        return "{" + ", ".join(f"{key}: {inner}" for key, inner in pairs) + "}"
    if isinstance(value, str | Timestamp | Duration | Type):
        return str(value)
    raise ValueError(
        "error during formatting: string clause can only be used on strings, bools, bytes, ints, "
        f"doubles, maps, lists, types, durations, and timestamps, was given {type_of(value)}"
    )


_CLAUSE: Final = re.compile(r"%(\.\d*)?(.|$)", re.DOTALL)
_VERBS: Final = "sdfeboxX"
_WANTED: Final = {
    "d": "decimal clause",
    "f": "fixed-point clause",
    "e": "scientific clause",
    "b": "binary clause",
    "o": "octal clause",
    "x": "hex clause",
    "X": "hex clause",
}
_TAKES: Final = {
    "d": "integers",
    "f": "doubles",
    "e": "doubles",
    "b": "integers and bools",
    "o": "integers",
    "x": "integers, byte buffers, and strings",
    "X": "integers, byte buffers, and strings",
}
