"""What differs between two versions of an object, by paths of fields, for people to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

Json = dict[str, Any]

LINES_MOST: Final = 12  # of one difference; more is told by number
VALUE_MOST: Final = 80  # characters of one value
_SILENT: Final = ("metadata.resourceVersion", "metadata.managedFields")
# What items of lists are told apart by, the first that they have.
_NAMES: Final = ("name", "type", "uid", "ip", "port")


def difference(before: Json, now: Json) -> list[str]:
    """A line for each field: "spec.replicas: 3 -> 2"."""
    lines = list(_between("", before, now))
    if len(lines) > LINES_MOST:
        lines[LINES_MOST:] = [f"... and {len(lines) - LINES_MOST} more"]
    return lines


def _between(path: str, before: Any, now: Any) -> Iterator[str]:
    if before == now or path in _SILENT:
        return
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            yield from _between(f"{path}.{key}".lstrip("."), before.get(key), now.get(key))
    elif isinstance(before, list) and isinstance(now, list):
        old, new = _named(before), _named(now)
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _between(f"{path}[{key}]", old.get(key), new.get(key))
    else:
        yield f"{path}: {_short(before)} -> {_short(now)}"


def _named(items: list[Any]) -> dict[str, Any]:
    for name in _NAMES:
        if all(isinstance(item, dict) and name in item for item in items):
            return {str(item[name]): item for item in items}
    return {str(number): item for number, item in enumerate(items)}


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return text if len(text) <= VALUE_MOST else f"{text[:VALUE_MOST]}..."
