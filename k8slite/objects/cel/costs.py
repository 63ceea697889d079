"""What calls cost when they are run: most cost one, some grow with what they look at.

Upstream: `cel-go/interpreter/runtimecost.go` (costCall) and `apiserver/pkg/cel/library/cost.go`
(CallCost). Where upstream takes next to nothing for what it does fast, the price here keeps time
bounded: whole values that are compared, lists that are joined, empty patterns and texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from k8slite.objects.cel.values import size_of

# What it costs to look at one character, and at one of a regular expression.
TRAVERSAL: Final = 0.1
PATTERN: Final = 0.25
# What each match costs that is found: the engine of expressions is a library of its own.
MATCH_COST: Final = 20
# Two checks of rights an expression.
CHECK_COST: Final = 350_000

Price = Callable[[Sequence[Any], Any], int]


def call_cost(function: str, overload: str) -> Price | None:
    """The price of a call with these arguments and this result; None: it always costs one."""
    return _BY_OVERLOAD.get(overload) or _BY_FUNCTION.get(function)


def traversal(size: float, times: float = 1) -> int:
    """The price of looking at so many characters."""
    return math.ceil(size * times * TRAVERSAL)


def _over(argument: int, times: float = 1) -> Price:
    return lambda given, _result: traversal(size_of(given[argument]), times)


def _whole(value: Any) -> int:
    """The price of looking at everything in a value."""
    if isinstance(value, str | bytes):
        return int(len(value) * TRAVERSAL)
    if isinstance(value, list):
        return sum(map(_whole, value))
    if isinstance(value, dict):
        return sum(_whole(key) + _whole(inner) for key, inner in value.items())
    return 1


def _list(given: Sequence[Any], _result: Any) -> int:
    return max(size_of(given[0]), _whole(given[0]))


def _pattern(given: Sequence[Any], _result: Any) -> int:
    pattern = max(1, math.ceil(size_of(given[1]) * PATTERN))
    return traversal(size_of(given[0]) + 1) * pattern


def _all_found(given: Sequence[Any], result: Any) -> int:
    return _pattern(given, result) + size_of(result) * MATCH_COST


def _equality(given: Sequence[Any], _result: Any) -> int:
    one, other = given
    if type(one) in _SIMPLE or type(other) in _SIMPLE:
        return 1
    if isinstance(one, list | dict) and isinstance(other, list | dict):
        return min(_deep(one), _deep(other))
    return traversal(min(size_of(one), size_of(other)))


def _deep(value: Any) -> int:
    """How many values there are in a value; of texts, by their length."""
    if isinstance(value, list):
        return 1 + sum(map(_deep, value))
    if isinstance(value, dict):
        return 1 + sum(map(_deep, value.values()))
    return max(1, traversal(size_of(value)))


def _joined_lists(_given: Sequence[Any], result: Any) -> int:
    return max(1, math.ceil(size_of(result) * _COPY))


def _in_list(given: Sequence[Any], _result: Any) -> int:
    wanted, values = given
    if isinstance(wanted, list | dict):
        return _deep(values)
    return size_of(values)


def _joined(given: Sequence[Any], _result: Any) -> int:
    return traversal(size_of(given[0]) + size_of(given[1]))


def _part(given: Sequence[Any], _result: Any) -> int:
    return traversal(size_of(given[0])) * traversal(size_of(given[1]))


def _network(given: Sequence[Any], _result: Any) -> int:
    other = traversal(size_of(given[1])) if isinstance(given[1], str) else 0
    return traversal(_ADDRESS_BYTES, 2) + other


def _sets(given: Sequence[Any], _result: Any) -> int:
    return max(1, size_of(given[0]) * size_of(given[1]))


_SIMPLE: Final = frozenset((int, bool, float, type(None)))
_ADDRESS_BYTES: Final = 16
_COPY: Final = 0.02  # of one item of a list
_BY_OVERLOAD: Final[dict[str, Price]] = {
    "starts_with_string": _over(0),
    "ends_with_string": _over(0),
    "string_to_bytes": _over(0),
    "bytes_to_string": _over(0),
    "in_list": _in_list,
    "add_list": _joined_lists,
    "equals": _equality,
    "not_equals": _equality,
    **{
        f"{name}_{type_}": _equality
        for name in ("less", "less_equals", "greater", "greater_equals")
        for type_ in ("string", "bytes")
    },
    "add_string": _joined,
    "add_bytes": _joined,
    "matches": _pattern,
    "matches_string": _pattern,
    "contains_string": _part,
    "cidr_ip": lambda _given, _result: 1,
}
_BY_FUNCTION: Final[dict[str, Price]] = {
    "check": lambda _given, _result: CHECK_COST,
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _list),
    **dict.fromkeys(("url", "lowerAscii", "upperAscii", "substring", "trim"), _over(0)),
    **dict.fromkeys(("replace", "split"), _over(0, 2)),
    "join": lambda _given, result: traversal(size_of(result), 2),
    "find": _pattern,
    "findAll": _all_found,
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "ip", "quantity", "isQuantity"), _over(0)),
    **dict.fromkeys(("semver", "isSemver", "isURL", "jsonpatch.escapeKey"), _over(0)),
    "ip.isCanonical": _over(0, 2),
    "containsIP": _network,
    "containsCIDR": lambda given, result: _network(given, result) + traversal(16) + 1,
    **dict.fromkeys(("sets.contains", "sets.equivalent", "sets.intersects"), _sets),
    "validate": lambda given, _result: traversal(size_of(given[1]) + 1) * 15,
    "format": lambda given, result: traversal(size_of(given[0]) + 2 * size_of(result)),
}
