"""Functions of lists and sets, and values that may not be there.

Upstream: `apiserver/pkg/cel/library/lists.go`, `cel-go/ext/sets.go`, `cel/library.go` (optionals).
"""

from __future__ import annotations

import itertools
from typing import Any, Final

from k8slite.objects.cel.declarations import Declared, Functions, overloads
from k8slite.objects.cel.standard import FUNCTIONS as STANDARD
from k8slite.objects.cel.standard import looked_up
from k8slite.objects.cel.values import (
    COMPARISONS_LIMIT,
    NONE,
    TOO_MUCH,
    BudgetExceeded,
    Duration,
    Made,
    Optional,
    UInt,
    contains,
    equal,
    has_key,
)


def _is_sorted(values: list[Any]) -> bool:
    return all(one <= other for one, other in itertools.pairwise(values))


def _sum(values: list[Any], nothing: Any) -> Any:
    add = STANDARD["_+_"]
    total = nothing
    for value in values:
        for one in add:
            if type(value) is type(total) and one.id in _ADDS[type(total)]:
                total = one.run(total, value)
                break
        else:
            raise TypeError("no sum of such values")
    return total


def _sum_of_some(values: list[Any]) -> Any:
    return _sum(values, _NOTHING.get(type(values[0]), 0) if values else 0)


def _extreme(values: list[Any], name: str) -> Any:
    if not values:
        raise ValueError(f"{name} called on empty list")
    return min(values) if name == "min" else max(values)


def _index_of(values: list[Any], wanted: Any) -> int:
    return next((at for at, one in enumerate(values) if equal(one, wanted)), -1)


def _last_index_of(values: list[Any], wanted: Any) -> int:
    return next((at for at in reversed(range(len(values))) if equal(values[at], wanted)), -1)


def _subset(values: list[Any], wanted: list[Any]) -> bool:
    _affordable(values, wanted)
    return all(contains(values, one) for one in wanted)


def _intersect(values: list[Any], others: list[Any]) -> bool:
    _affordable(values, others)
    return any(contains(others, one) for one in values)


def _affordable(values: list[Any], others: list[Any]) -> None:
    """Raises BudgetExceeded where each would be compared with each for too long."""
    if len(values) * len(others) > COMPARISONS_LIMIT:
        raise BudgetExceeded(TOO_MUCH)


def _some(value: Any) -> Optional:
    return Optional(value, True)


def _some_if_any(value: Any) -> Optional:
    if isinstance(value, Made):
        return _some(value) if value.fields else NONE
    if isinstance(value, Duration):
        return _some(value) if value.nanoseconds else NONE
    return _some(value) if value is not None and (value or value != value) else NONE


def _value(optional: Optional) -> Any:
    if not optional.is_there:
        raise ValueError("optional.none() dereference")
    return optional.value


def _unwrapped(optionals: list[Any]) -> list[Any]:
    return [one.value for one in optionals if one.is_there]


def at_or_none(values: Any, key: Any) -> Optional:
    """The value of a list or a map at a key, if it is there."""
    if isinstance(values, Optional):
        return at_or_none(values.value, key) if values.is_there else NONE
    if isinstance(values, list):
        if type(key) is not int:
            raise TypeError("a list has numbers for its keys")
        return _some(values[key]) if 0 <= key < len(values) else NONE
    if isinstance(values, Made):
        values = values.fields
    if not isinstance(values, dict):
        raise TypeError("neither a list nor a map")
    return _some(looked_up(values, key)) if has_key(values, key) else NONE


def _ordered(suffix: str, name: str, run: Any) -> list[Declared]:
    """A function of lists whose items have an order."""
    return [
        (f"list_{one}_{suffix}", f"list<{one}>.() -> {one}", run)
        if name
        else (f"list_{one}_{suffix}", f"list<{one}>.() -> bool", run)
        for one in _COMPARABLE
    ]


_COMPARABLE: Final = (
    *("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"),
)
_NOTHING: Final[dict[type, Any]] = {
    int: 0,
    UInt: UInt(0),
    float: 0.0,
    Duration: Duration(0),
}
_ADDS: Final[dict[type, str]] = {
    int: "add_int64",
    UInt: "add_uint64",
    float: "add_double",
    Duration: "add_duration_duration",
}

FUNCTIONS: Final[Functions] = {
    "isSorted": overloads(*_ordered("is_sorted_bool", "", _is_sorted)),
    "sum": overloads(
        ("list_int_sum_int", "list<int>.() -> int", _sum_of_some),
        ("list_uint_sum_uint", "list<uint>.() -> uint", lambda a: _sum(a, UInt(0))),
        ("list_double_sum_double", "list<double>.() -> double", lambda a: _sum(a, 0.0)),
        (
            "list_duration_sum_duration",
            "list<duration>.() -> duration",
            lambda a: _sum(a, Duration(0)),
        ),
    ),
    "min": overloads(*_ordered("min", "min", lambda a: _extreme(a, "min"))),
    "max": overloads(*_ordered("max", "max", lambda a: _extreme(a, "max"))),
    "indexOf": overloads(("list_a_index_of_int", "list<A>.(A) -> int", _index_of)),
    "lastIndexOf": overloads(("list_a_last_index_of_int", "list<A>.(A) -> int", _last_index_of)),
    "sets.contains": overloads(("list_sets_contains_list", "(list<A>, list<A>) -> bool", _subset)),
    "sets.equivalent": overloads(
        (
            "list_sets_equivalent_list",
            "(list<A>, list<A>) -> bool",
            lambda a, b: _subset(a, b) and _subset(b, a),
        )
    ),
    "sets.intersects": overloads(
        (
            "list_sets_intersects_list",
            "(list<A>, list<A>) -> bool",
            _intersect,
        )
    ),
    "optional.of": overloads(("optional_of", "(A) -> optional_type<A>", _some)),
    "optional.ofNonZeroValue": overloads(
        ("optional_ofNonZeroValue", "(A) -> optional_type<A>", _some_if_any)
    ),
    "optional.none": overloads(("optional_none", "() -> optional_type<A>", lambda: NONE)),
    "optional.unwrap": overloads(
        ("optional_unwrap", "(list<optional_type<A>>) -> list<A>", _unwrapped)
    ),
    "unwrapOpt": overloads(
        ("optional_unwrapOpt", "list<optional_type<A>>.() -> list<A>", _unwrapped)
    ),
    "value": overloads(("optional_value", "optional_type<A>.() -> A", _value)),
    "hasValue": overloads(
        ("optional_hasValue", "optional_type<A>.() -> bool", lambda one: one.is_there)
    ),
    # These two are never run where the first one is enough: `evaluation` sees to it.
    "or": overloads(
        (
            "optional_or_optional",
            "optional_type<A>.(optional_type<A>) -> optional_type<A>",
            lambda one, other: one if one.is_there else other,
        )
    ),
    "orValue": overloads(
        (
            "optional_orValue_value",
            "optional_type<A>.(A) -> A",
            lambda one, other: one.value if one.is_there else other,
        )
    ),
    "_[?_]": overloads(
        ("list_optindex_optional_int", "(list<A>, int) -> optional_type<A>", at_or_none),
        (
            "optional_list_optindex_optional_int",
            "(optional_type<list<A>>, int) -> optional_type<A>",
            at_or_none,
        ),
        ("map_optindex_optional_value", "(map<A, B>, A) -> optional_type<B>", at_or_none),
        (
            "optional_map_optindex_optional_value",
            "(optional_type<map<A, B>>, A) -> optional_type<B>",
            at_or_none,
        ),
    ),
    "_[_]": overloads(
        (
            "optional_list_index_int",
            "(optional_type<list<A>>, int) -> optional_type<A>",
            at_or_none,
        ),
        (
            "optional_map_index_value",
            "(optional_type<map<A, B>>, A) -> optional_type<B>",
            at_or_none,
        ),
    ),
    "first": overloads(
        ("list_first", "list<A>.() -> optional_type<A>", lambda a: at_or_none(a, 0))
    ),
    "last": overloads(
        ("list_last", "list<A>.() -> optional_type<A>", lambda a: at_or_none(a, len(a) - 1))
    ),
}
