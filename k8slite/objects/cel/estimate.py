"""What an expression may cost at most, told from its types alone.

    worst_cost(expression.checked)

A type of a schema says how many elements, characters or bytes there can be of it (`Type.most`);
of what nothing is known, there may be 2^64. Agrees with upstream's `cel-go/checker/cost.go` and
`apiserver/pkg/cel/library/cost.go` on what rules of schemas usually do: fields, comparisons,
loops, texts, lists and maps. Upstream follows sizes by the path of a field, here they go along with
types: items that went through a conditional or a list written out can differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import define, field

from k8slite.objects.cel.call_estimates import call_estimate
from k8slite.objects.cel.checker import Checked
from k8slite.objects.cel.depth import room
from k8slite.objects.cel.spans import MOST, NOTHING, ONE, UNKNOWN, Span
from k8slite.objects.cel.tree import (
    RESULT,
    Call,
    Comprehension,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Node,
    ObjectOf,
    Select,
)
from k8slite.objects.cel.types import Type


def worst_cost(checked: Checked) -> int:
    """The most that an expression can cost, at most 2^64 - 1."""
    with room():
        return min(_Estimate(checked).cost(checked.root).most, MOST)


@define(eq=False)
class _Estimate:
    checked: Checked
    sizes: dict[Node, Span] = field(factory=dict)
    items: dict[Node, Span] = field(factory=dict)  # sizes of a list's or a map's values
    # Names of loops: the size of what they stand for and of its items, as far as it is known.
    scopes: dict[str, list[tuple[Span | None, Span | None]]] = field(factory=dict)

    def cost(self, node: Node) -> Span:
        """What it costs to work out one place."""
        return _COSTS[type(node)](self, node)

    def size(self, node: Node) -> Span:
        """How much there is of a value."""
        return self.known_size(node) or UNKNOWN

    def known_size(self, node: Node) -> Span | None:
        found = self.sizes.get(node) or _written_size(node)
        if found is not None:
            return found
        type_ = self.checked.types[node]
        if type_.most is not None and self.is_place(node):
            return Span(0, type_.most)
        if _is_scalar(type_):
            return ONE
        if isinstance(node, Ident) and self.scopes.get(node.name):
            return self.scopes[node.name][-1][0]
        return None

    def is_place(self, node: Node) -> bool:
        """Whether a node is a variable, a field or an item, whose size its type tells.

        Not the value of a map that is named like a field: upstream does not look there.
        """
        if isinstance(node, Select):
            return self.checked.types[node.operand].is_object
        return isinstance(node, Ident) or (isinstance(node, Call) and node.function == "_[_]")

    def item_size(self, node: Node) -> Span | None:
        found = self.items.get(node)
        if found is None and isinstance(node, Ident) and self.scopes.get(node.name):
            found = self.scopes[node.name][-1][1]
        return found

    def element_size(self, node: Node) -> Span:
        """How much there is of one item of a list."""
        parameters = self.checked.types[node].parameters
        if parameters and parameters[0].most is not None:
            return Span(0, parameters[0].most)
        return self.item_size(node) or UNKNOWN

    def _nothing(self, _node: Node) -> Span:
        return NOTHING

    def _ident(self, _node: Ident) -> Span:
        return ONE

    def _select(self, node: Select) -> Span:
        if node in self.checked.variables:
            return ONE
        operand = self.cost(node.operand)
        type_ = self.checked.types[node.operand]
        is_one = not node.test and (type_.is_object or type_.name in ("map", "dyn"))
        return operand + ONE if is_one else operand

    def _call(self, node: Call) -> Span:
        costs = [self.cost(one) for one in node.arguments]
        if node.function == "dyn":
            self.copy_sizes(node, node.arguments[0])
            return ONE + costs[0]
        total = NOTHING
        target = None if node in self.checked.static else node.target
        if target is not None:
            total = self.cost(target)
        given = [*(() if target is None else (target,)), *node.arguments]
        ids = [one.id for one in self.checked.overloads.get(node, ())] or [node.function]
        name = node.function
        if node in self.checked.static and node.target is not None:
            name = f"{node.target.name}.{name}" if isinstance(node.target, Ident) else name
        found: Span | None = None
        for id_ in ids:
            one = self.called(node, name, id_, given, costs)
            found = one if found is None else found | one
        return total + (found or NOTHING)

    def called(self, node: Call, name: str, id_: str, given: list[Node], costs: list[Span]) -> Span:
        """What one overload costs, with its arguments."""
        if id_ in ("logical_and", "logical_or"):
            return Span(costs[0].least, costs[0].most + costs[1].most)
        if id_ == "conditional":
            self.sizes[node] = self.size(given[1]) | self.size(given[2])
            first, second = self.item_size(given[1]), self.item_size(given[2])
            if first is not None and second is not None:
                self.items[node] = first | second
            return costs[0] + (costs[1] | costs[2])
        arguments = sum(costs, NOTHING)
        if id_ in ("index_list", "index_map"):
            inner = self.item_size(given[0])
            if inner is not None:
                self.sizes[node] = inner
        estimate = call_estimate(name, id_)
        return (ONE if estimate is None else estimate(self, node, given)) + arguments

    def copy_sizes(self, node: Node, source: Node) -> None:
        size, items = self.known_size(source), self.item_size(source)
        if size is not None:
            self.sizes[node] = size
        if items is not None:
            self.items[node] = items

    def _list(self, node: ListOf) -> Span:
        return self.written(node, [one.value for one in node.elements], []) + Span(10, 10)

    def _map(self, node: MapOf) -> Span:
        keys = [one.key for one in node.entries]
        return self.written(node, [one.value for one in node.entries], keys) + Span(30, 30)

    def written(self, node: Node, values: list[Node], keys: list[Node]) -> Span:
        total = sum((self.cost(one) for one in (*keys, *values)), NOTHING)
        sizes = [self.size(one) for one in values]
        inner = sizes[0] if sizes else NOTHING
        for one in sizes:
            inner |= one
        self.items[node] = inner
        return total

    def _object(self, node: ObjectOf) -> Span:
        return sum((self.cost(one.value) for one in node.fields), Span(40, 40))

    def _comprehension(self, node: Comprehension) -> Span:
        total = self.cost(node.source) + self.cost(node.initial)
        is_bound = _is_empty(node.source) and node.gathered != RESULT
        initial = self.known_size(node.initial), self.item_size(node.initial)
        self.scopes.setdefault(node.gathered, []).append(initial)
        for name in node.variables:
            self.scopes.setdefault(name, []).append((self.item_size(node.source), None))
        loop = self.cost(node.condition) + self.cost(node.step)
        for name in node.variables:
            self.scopes[name].pop()
        total += self.cost(node.result)
        self.scopes[node.gathered].pop()
        if is_bound:
            self.copy_sizes(node, node.result)
            return total
        rounds = self.size(node.source)
        if isinstance(node.initial, Literal):
            self.sizes[node] = ONE
        else:
            self.sizes[node] = rounds
            inner = self.item_size(node.step)
            if inner is not None:
                self.items[node] = inner
        return total + rounds * loop


def _is_scalar(type_: Type) -> bool:
    if type_.name == "optional_type":
        return _is_scalar(type_.parameters[0])
    return type_.name in _SCALARS


def _is_empty(node: Node) -> bool:
    return isinstance(node, ListOf) and not node.elements


def _written_size(node: Node) -> Span | None:
    if isinstance(node, Literal):
        size = len(node.value) if isinstance(node.value, str | bytes) else 1
        return Span(size, size)
    if isinstance(node, ListOf):
        return Span(len(node.elements), len(node.elements))
    if isinstance(node, MapOf):
        return Span(len(node.entries), len(node.entries))
    return None


_SCALARS: Final = (
    *("bool", "int", "uint", "double", "google.protobuf.Timestamp", "google.protobuf.Duration"),
)
_COSTS: Final[dict[type, Callable[[_Estimate, Any], Span]]] = {
    Literal: _Estimate._nothing,
    Ident: _Estimate._ident,
    Select: _Estimate._select,
    Call: _Estimate._call,
    ListOf: _Estimate._list,
    MapOf: _Estimate._map,
    ObjectOf: _Estimate._object,
    Comprehension: _Estimate._comprehension,
}
