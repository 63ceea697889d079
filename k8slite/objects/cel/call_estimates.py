"""What calls may cost at most, by the sizes of their arguments, and how large their results are.

Upstream: `cel-go/checker/cost.go` (functionCost), `apiserver/pkg/cel/library/cost.go`
(EstimateCallCost).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Protocol

from k8slite.objects.cel.checker import Checked
from k8slite.objects.cel.costs import CHECK_COST, PATTERN, TRAVERSAL
from k8slite.objects.cel.spans import MOST, ONE, UNKNOWN, Span
from k8slite.objects.cel.tree import Call, Literal, Node
from k8slite.objects.cel.types import Type


class Sizes(Protocol):
    """What is known of the sizes of values; results are noted in `sizes` and `items`."""

    checked: Checked
    sizes: dict[Node, Span]
    items: dict[Node, Span]

    def size(self, node: Node) -> Span:
        """How much there is of a value."""
        ...

    def item_size(self, node: Node) -> Span | None:
        """How much there is of one item, if that is known apart from its type."""
        ...

    def element_size(self, node: Node) -> Span:
        """How much there is of one item of a list."""
        ...


Cost = Callable[[Sizes, Call, list[Node]], Span]


def call_estimate(function: str, overload: str) -> Cost | None:
    """The estimate for a call; None: it costs one."""
    return _BY_OVERLOAD.get(overload) or _BY_FUNCTION.get(function)


def _over(argument: int, times: float = 1, *, same_size: bool = False) -> Cost:
    """The cost of looking at every character of an argument."""

    def cost(estimate: Sizes, node: Call, given: list[Node]) -> Span:
        size = estimate.size(given[argument])
        if same_size:
            estimate.sizes[node] = size
        return size.times(times * TRAVERSAL)

    return cost


def _in_list(estimate: Sizes, _node: Call, given: list[Node]) -> Span:
    return estimate.size(given[1])


def _pattern(estimate: Sizes, node: Call, given: list[Node]) -> Span:
    size = estimate.size(given[0])
    if node.function.startswith("find"):
        estimate.sizes[node] = Span(0, size.most)
    return (size + ONE).times(TRAVERSAL) * estimate.size(given[1]).times(PATTERN)


def _part(estimate: Sizes, _node: Call, given: list[Node]) -> Span:
    one, other = (estimate.size(argument).times(TRAVERSAL) for argument in given)
    return one * other


def _joined(estimate: Sizes, node: Call, given: list[Node]) -> Span:
    size = estimate.size(given[0]) + estimate.size(given[1])
    estimate.sizes[node] = size
    return size.times(TRAVERSAL)


def _joined_lists(estimate: Sizes, node: Call, given: list[Node]) -> Span:
    estimate.sizes[node] = estimate.size(given[0]) + estimate.size(given[1])
    first, second = (estimate.item_size(one) for one in given)
    if first is not None and second is not None:
        estimate.items[node] = first | second
    return ONE


def _compared(estimate: Sizes, _node: Call, given: list[Node]) -> Span:
    if any(_is_opaque(estimate.checked.types[one]) for one in given):
        return ONE
    most = min(estimate.size(one).most for one in given)
    return Span(int(most > 0), most).times(TRAVERSAL)


def _over_list(estimate: Sizes, _node: Call, given: list[Node]) -> Span:
    type_ = estimate.checked.types[given[0]]
    size = estimate.size(given[0])
    if type_.name != "list":
        return size.times(TRAVERSAL)
    one = ONE
    if type_.parameters[0].name in ("string", "bytes"):
        one += estimate.element_size(given[0]).times(TRAVERSAL)
    return size * one


def _replace(estimate: Sizes, node: Call, given: list[Node]) -> Span:
    size, old, new = (estimate.size(one) for one in given[:3])
    if old.least == 0:
        most = size.most + (size.most + 1) * new.most
    elif new.most <= old.least:
        most = size.most
    else:
        most = math.ceil(min(size.most, MOST) / old.least) * new.most
    estimate.sizes[node] = Span(0, most)
    return size.times(2 * TRAVERSAL)


def _split(estimate: Sizes, node: Call, given: list[Node]) -> Span:
    size = estimate.size(given[0])
    most = size.most
    if len(given) > 2 and isinstance(given[2], Literal) and isinstance(given[2].value, int):
        most = given[2].value if given[2].value >= 0 else most
    estimate.sizes[node] = Span(0, most)
    return size.times(2 * TRAVERSAL)


def _join(estimate: Sizes, node: Call, given: list[Node]) -> Span:
    count = estimate.size(given[0])
    size = count * estimate.element_size(given[0])
    if len(given) > 1:
        gaps = Span(max(count.least - 1, 0), max(count.most - 1, 0))
        size += estimate.size(given[1]) * gaps
    estimate.sizes[node] = size
    return size.times(TRAVERSAL)


def _format(estimate: Sizes, node: Call, given: list[Node]) -> Span:
    size = estimate.size(given[0])
    estimate.sizes[node] = UNKNOWN
    return size.times(TRAVERSAL)


def _sets(estimate: Sizes, _node: Call, given: list[Node]) -> Span:
    return estimate.size(given[0]) * estimate.size(given[1]) + ONE


def _network(estimate: Sizes, node: Call, given: list[Node]) -> Span:
    size = Span(4, 16)
    cost = (size + size).times(TRAVERSAL)
    if node.function == "containsCIDR":
        cost += size.times(TRAVERSAL) + ONE
    if estimate.checked.types[given[1]].name == "string":
        cost += estimate.size(given[1]).times(TRAVERSAL)
    return cost


def _is_opaque(type_: Type) -> bool:
    return type_.name.startswith(("kubernetes.", "net."))


_CHECK: Final = Span(CHECK_COST, CHECK_COST)
_BY_OVERLOAD: Final[dict[str, Cost]] = {
    "starts_with_string": _over(1),
    "ends_with_string": _over(1),
    "string_to_bytes": _over(0, same_size=True),
    "bytes_to_string": _over(0, same_size=True),
    "string_to_string": lambda _estimate, _node, _given: ONE,
    "in_list": _in_list,
    "matches": _pattern,
    "matches_string": _pattern,
    "contains_string": _part,
    "add_string": _joined,
    "add_bytes": _joined,
    "add_list": _joined_lists,
    "equals": _compared,
    "not_equals": _compared,
    **{
        f"{name}_{type_}": _compared
        for name in ("less", "less_equals", "greater", "greater_equals")
        for type_ in ("string", "bytes")
    },
    "cidr_ip": lambda _estimate, _node, _given: ONE,
}
_BY_FUNCTION: Final[dict[str, Cost]] = {
    "check": lambda _estimate, _node, _given: _CHECK,
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _over_list),
    "url": _over(0),
    **dict.fromkeys(("lowerAscii", "upperAscii", "substring", "trim"), _over(0, same_size=True)),
    "replace": _replace,
    "split": _split,
    "join": _join,
    "format": _format,
    **dict.fromkeys(("find", "findAll"), _pattern),
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "ip", "quantity", "isQuantity"), _over(0)),
    "ip.isCanonical": _over(0, 2),
    **dict.fromkeys(("containsIP", "containsCIDR"), _network),
    **dict.fromkeys(("sets.contains", "sets.equivalent", "sets.intersects"), _sets),
}
