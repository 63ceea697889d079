"""The simple JSON paths of printer columns, scales and selectable fields. Pure.

    .spec.replicas   .status.conditions[?(@.type=="Ready")].status   .metadata.labels['a/b']

Upstream: `client-go/util/jsonpath`, of which definitions may use this part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

Find = Callable[[Any], Iterator[Any]]

_STEP: Final = re.compile(
    r"""
    \.(?P<name>(?:\\.|[^.\[\]\\])+)
    | \[\s*(?:'(?P<single>(?:\\.|[^'\\])*)'|"(?P<double>(?:\\.|[^"\\])*)")\s*\]
    | \[\s*(?P<index>-?\d+)\s*\]
    | \[\s*(?P<all>\*)\s*\]
    | \[\?\(\s*@(?P<filter>[^=!<>]*?)\s*(?P<operator>==|!=)\s*(?P<value>[^)]*?)\s*\)\]
    """,
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(.)")


class BadPath(ValueError):
    """A path that cannot be read."""


def parse_path(text: str) -> Find:
    """A function from an object to what is found at a path. Raises BadPath."""
    steps: list[Find] = []
    rest = text.strip()
    if rest.startswith("{") and rest.endswith("}"):
        rest = rest[1:-1]
    position = 0
    while position < len(rest):
        found = _STEP.match(rest, position)
        if found is None:
            raise BadPath(f"invalid JSON path {text}")
        steps.append(_step(found))
        position = found.end()

    def find(obj: Any) -> Iterator[Any]:
        values = [obj]
        for step in steps:
            values = [one for value in values for one in step(value)]
        return iter(values)

    return find


def field_names(text: str) -> tuple[str, ...]:
    """The fields of a path that has nothing else. Raises BadPath."""
    names = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        name = found and (found["name"] or found["single"] or found["double"])
        if found is None or not name or name == "*":
            raise BadPath(f"invalid JSON path {text}")
        names.append(_ESCAPE.sub(r"\1", name))
        position = found.end()
    if not names:
        raise BadPath(f"invalid JSON path {text}")
    return tuple(names)


def _step(found: re.Match[str]) -> Find:
    if found["index"] is not None:
        return _at(int(found["index"]))
    if found["all"] or found["name"] == "*":
        return _every
    if found["operator"]:
        return _filter(found["filter"], found["operator"], found["value"])
    return _field(_ESCAPE.sub(r"\1", found["name"] or found["single"] or found["double"] or ""))


def _field(name: str) -> Find:
    def find(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return find


def _at(index: int) -> Find:
    def find(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return find


def _every(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _filter(path: str, operator: str, text: str) -> Find:
    inner = parse_path(path)
    wanted = _literal(text)

    def find(value: Any) -> Iterator[Any]:
        for one in _every(value):
            here = next(inner(one), None)
            if (here == wanted) == (operator == "=="):
                yield one

    return find


def _literal(text: str) -> Any:
    if text[:1] in ("'", '"') and text[-1:] == text[:1]:
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text)
    except ValueError:
        return text
