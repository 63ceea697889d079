"""Functions: what they take and give, and what does it.

    overloads(("size_string", "(string) -> int", len))
    overloads(("string_trim", "string.() -> string", str.strip))

Upstream: `cel-go/common/decls`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from attrs import frozen

from k8slite.objects.cel.types import DURATION, TIMESTAMP, Type

Functions = Mapping[str, tuple["Overload", ...]]
Declared = tuple[str, str, Callable[..., Any]]


@frozen(eq=False)
class Overload:
    """One of the ways to call a function; `run` raises ValueError where there is no answer."""

    id: str
    parameters: tuple[Type, ...]  # of a method, what it is called on comes first
    result: Type
    is_member: bool
    run: Callable[..., Any]
    type_parameters: tuple[str, ...] = ()


def overloads(*declared: Declared) -> tuple[Overload, ...]:
    """Overloads as they are written in a table: id, signature, what does it."""
    return tuple(_overload(*one) for one in declared)


def merged(tables: Iterable[Functions]) -> Functions:
    """All functions of several tables; overloads of one name add up."""
    found: dict[str, tuple[Overload, ...]] = {}
    for table in tables:
        for name, more in table.items():
            found[name] = (*found.get(name, ()), *more)
    return found


def type_named(text: str) -> Type:
    """A type as signatures write it: `map<string, list<A>>`."""
    words = _WORDS.findall(text)
    found = _type(words)
    assert not words, f"{text} is a type"
    return found


def _overload(id_: str, signature: str, run: Callable[..., Any]) -> Overload:
    taken, _, given = signature.partition(" -> ")
    target, _, rest = taken.partition("(")
    words = _WORDS.findall(rest.removesuffix(")"))
    parameters: list[Type] = []
    if target:
        parameters.append(type_named(target.removesuffix(".")))
    while words:
        parameters.append(_type(words))
        if words:
            words.pop(0)
    result = type_named(given)
    names = dict.fromkeys(_parameters((*parameters, result)))
    return Overload(id_, tuple(parameters), result, bool(target), run, tuple(names))


def _type(words: list[str]) -> Type:
    name = words.pop(0)
    inner: list[Type] = []
    if words and words[0] == "<":
        while words.pop(0) != ">":
            inner.append(_type(words))
    return _SHORT.get(name) or Type(name, tuple(inner))


def _parameters(types: Iterable[Type]) -> Iterable[str]:
    for one in types:
        if one.is_parameter:
            yield one.name
        yield from _parameters(one.parameters)


_WORDS: Final = re.compile(r"[\w.]*\w|[<>,]")
_SHORT: Final = {"timestamp": TIMESTAMP, "duration": DURATION}
