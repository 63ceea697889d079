"""Functions of texts: those of CEL, and the extension of strings in its version 2.

Positions count characters. Upstream: `cel-go/ext/strings.go`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from k8slite.objects.cel.declarations import Functions, overloads
from k8slite.objects.cel.text_format import formatted
from k8slite.objects.cel.values import TOO_MUCH, BudgetExceeded, EvaluationFailed

# No text grows beyond what the budget of one expression lets be looked at.
TEXT_LIMIT: Final = 10_000_000
_PATTERNS_KEPT: Final = 256
# More matches than the budget of one expression pays for.
MATCHES_LIMIT: Final = 50_000


@lru_cache(maxsize=_PATTERNS_KEPT)
def pattern_of(text: str) -> Any:
    """A regular expression of RE2. Raises EvaluationFailed."""
    import re2

    try:
        return re2.compile(text)
    except re2.error as error:
        raise EvaluationFailed(f"error parsing regexp: {error}") from None


def _find(text: str, pattern: str) -> str:
    found = pattern_of(pattern).search(text)
    return found.group(0) if found else ""


def _find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    found: list[str] = []
    for match in pattern_of(pattern).finditer(text):
        if 0 <= most <= len(found):
            break
        found.append(match.group(0))
        if len(found) > MATCHES_LIMIT:
            raise BudgetExceeded(TOO_MUCH)
    return found


def _char_at(text: str, position: int) -> str:
    if not 0 <= position <= len(text):
        raise ValueError(f"index out of range: {position}")
    return text[position : position + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    if not part:
        return start
    if not 0 <= start <= len(text):
        raise ValueError(f"index out of range: {start}")
    return text.find(part, start)


def _last_index_of(text: str, part: str, start: int | None = None) -> int:
    if start is None:
        return text.rfind(part)
    if not 0 <= start <= len(text):
        raise ValueError(f"index out of range: {start}")
    return text.rfind(part, 0, start + len(part)) if part else start


def _substring(text: str, start: int, end: int | None = None) -> str:
    if not 0 <= start <= len(text):
        raise ValueError(f"index out of range: {start}")
    if end is None:
        return text[start:]
    if not 0 <= end <= len(text):
        raise ValueError(f"index out of range: {end}")
    if start > end:
        raise ValueError(f"invalid substring range. start: {start}, end: {end}")
    return text[start:end]


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    found = text.count(old) if count < 0 else min(text.count(old), count)
    if len(text) + found * (len(new) - len(old)) > TEXT_LIMIT:
        raise ValueError("text is too long")
    return text.replace(old, new, count)


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    if count < 0 or count >= len(text):
        return list(text)
    return [*text[: count - 1], text[count - 1 :]]


def _join(texts: list[Any], separator: str = "") -> str:
    size = sum(map(len, texts)) + len(separator) * len(texts)
    if size > TEXT_LIMIT:
        raise ValueError("text is too long")
    return separator.join(texts)


def _quote(text: str) -> str:
    inner = "".join(_QUOTED.get(one, one) for one in text)
    return f'"{inner}"'


def _lower(text: str) -> str:
    return text.translate(_LOWER)


def _upper(text: str) -> str:
    return text.translate(_UPPER)


def _matches(text: str, pattern: str) -> bool:
    return pattern_of(pattern).search(text) is not None


_SMALL: Final = "abcdefghijklmnopqrstuvwxyz"
_LOWER: Final = str.maketrans(_SMALL.upper(), _SMALL)
_UPPER: Final = str.maketrans(_SMALL, _SMALL.upper())
_QUOTED: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}
_TWO: Final = "string.(string) -> bool"

FUNCTIONS: Final[Functions] = {
    "contains": overloads(("contains_string", _TWO, lambda a, b: b in a)),
    "startsWith": overloads(("starts_with_string", _TWO, str.startswith)),
    "endsWith": overloads(("ends_with_string", _TWO, str.endswith)),
    "matches": overloads(
        ("matches", "(string, string) -> bool", _matches),
        ("matches_string", _TWO, _matches),
    ),
    "find": overloads(("string_find_string", "string.(string) -> string", _find)),
    "findAll": overloads(
        ("string_find_all_string", "string.(string) -> list<string>", _find_all),
        ("string_find_all_string_int", "string.(string, int) -> list<string>", _find_all),
    ),
    "charAt": overloads(("string_char_at_int", "string.(int) -> string", _char_at)),
    "indexOf": overloads(
        ("string_index_of_string", "string.(string) -> int", _index_of),
        ("string_index_of_string_int", "string.(string, int) -> int", _index_of),
    ),
    "lastIndexOf": overloads(
        ("string_last_index_of_string", "string.(string) -> int", _last_index_of),
        ("string_last_index_of_string_int", "string.(string, int) -> int", _last_index_of),
    ),
    "substring": overloads(
        ("string_substring_int", "string.(int) -> string", _substring),
        ("string_substring_int_int", "string.(int, int) -> string", _substring),
    ),
    "replace": overloads(
        ("string_replace_string_string", "string.(string, string) -> string", _replace),
        ("string_replace_string_string_int", "string.(string, string, int) -> string", _replace),
    ),
    "split": overloads(
        ("string_split_string", "string.(string) -> list<string>", _split),
        ("string_split_string_int", "string.(string, int) -> list<string>", _split),
    ),
    "join": overloads(
        ("list_join", "list<string>.() -> string", _join),
        ("list_join_string", "list<string>.(string) -> string", _join),
    ),
    "lowerAscii": overloads(("string_lower_ascii", "string.() -> string", _lower)),
    "upperAscii": overloads(("string_upper_ascii", "string.() -> string", _upper)),
    "trim": overloads(("string_trim", "string.() -> string", str.strip)),
    "format": overloads(("string_format", "string.(list<dyn>) -> string", formatted)),
    "strings.quote": overloads(("strings_quote", "(string) -> string", _quote)),
}
