"""Types for every place of an expression, or what is wrong with it.

Upstream: `cel-go/checker/checker.go`, and the validators of literals in `cel/validator.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field, frozen

from k8slite.objects.cel.complaints import Complaint
from k8slite.objects.cel.declarations import Functions, Overload
from k8slite.objects.cel.strings import pattern_of
from k8slite.objects.cel.times import duration_of, timestamp_of
from k8slite.objects.cel.tree import (
    Call,
    Comprehension,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Node,
    ObjectOf,
    Select,
    qualified,
)
from k8slite.objects.cel.types import (
    BOOL,
    DYN,
    ERROR,
    INT,
    Substitutions,
    Type,
    assignable,
    list_of,
    map_of,
    most_general,
    optional_of,
    substituted,
)
from k8slite.objects.cel.values import EvaluationFailed, type_of

ObjectTypes = Callable[[str], Type | None]


@frozen
class Names:
    """What an expression may name."""

    variables: Mapping[str, Type]
    functions: Functions
    types: Mapping[str, Type]
    # The type of an object that is written out by its name; None if there is none.
    object_type: ObjectTypes = lambda _name: None


@define(eq=False)
class Checked:
    """A tree with its types."""

    root: Node
    types: dict[Node, Type] = field(factory=dict)
    overloads: dict[Node, tuple[Overload, ...]] = field(factory=dict)
    # Where a variable with dots is meant, or a function with its namespace.
    variables: dict[Node, str] = field(factory=dict)
    static: set[Node] = field(factory=set)  # calls whose target only names a namespace
    used: dict[str, None] = field(factory=dict)  # variables of the outside, in order
    complaints: list[Complaint] = field(factory=list)

    @property
    def result(self) -> Type:
        """The type of the whole."""
        return self.types[self.root]


def check(root: Node, names: Names) -> Checked:
    """A tree with types; `complaints` tells what is wrong."""
    checker = _Checker(names, Checked(root))
    checker.check(root)
    found = checker.found
    for node, type_ in found.types.items():
        found.types[node] = substituted(checker.known, type_, to_dyn=True)
    return found


@define(eq=False)
class _Checker:
    names: Names
    found: Checked
    known: Substitutions = field(factory=Substitutions)
    scopes: list[dict[str, Type]] = field(factory=list)
    count: int = 0

    def check(self, node: Node) -> Type:
        """The type of one place."""
        type_ = _CHECKS[type(node)](self, node)
        self.found.types[node] = type_
        return type_

    def complain(self, at: int, message: str) -> Type:
        self.found.complaints.append(Complaint(at, message))
        return ERROR

    def fresh(self) -> Type:
        self.count += 1
        return Type(f"_var{self.count - 1}")

    def resolved(self, type_: Type) -> Type:
        """A type as far as it is known by now."""
        return substituted(self.known, type_)

    def goes(self, wanted: Type, found: Type) -> bool:
        mark = self.known.mark()
        if assignable(self.known, wanted, found):
            return True
        self.known.back_to(mark)
        return False

    def variable(self, node: Node, name: str) -> Type | None:
        """The type of what a name means; None if it means nothing."""
        if not name.startswith("."):
            for scope in reversed(self.scopes):
                if name in scope:
                    return scope[name]
        name = name.removeprefix(".")
        found = self.names.variables.get(name)
        if found is not None:
            self.found.variables[node] = name
            self.found.used[name] = None
            return found
        found = self.names.types.get(name) or self.names.object_type(name)
        if found is not None:
            self.found.variables[node] = name
            return Type("type", (found,))
        return None

    def _literal(self, node: Literal) -> Type:
        return type_of(node.value)

    def _ident(self, node: Ident) -> Type:
        found = self.variable(node, node.name)
        if found is None:
            return self.undeclared(node.at, node.name)
        return found

    def undeclared(self, at: int, name: str) -> Type:
        return self.complain(at, f"undeclared reference to '{name}' (in container '')")

    def _select(self, node: Select) -> Type:
        name = qualified(node)
        root = name.partition(".")[0]
        if name and not any(root in scope for scope in self.scopes):
            found = self.variable(node, name)
            if found is not None:
                return found
        type_ = self.selected(node.at, self.check(node.operand), node.field)
        return BOOL if node.test else type_

    def selected(self, at: int, operand: Type, name: str) -> Type:
        """The type of a field."""
        operand = self.resolved(operand)
        if operand.name == "optional_type":
            return optional_of(self.selected(at, operand.parameters[0], name))
        if operand.fields is not None:
            found = operand.fields.get(name)
            return self.complain(at, f"undefined field '{name}'") if found is None else found
        if operand.name == "map":
            return operand.parameters[1]
        if operand.is_parameter:
            self.goes(DYN, operand)
            return DYN
        if operand.name in ("dyn", "error"):
            return DYN
        return self.complain(at, f"type '{operand}' does not support field selection")

    def _call(self, node: Call) -> Type:
        if node.function == "_?._":
            return self.optional_select(node)
        if node.target is not None:
            function = f"{qualified(node.target)}.{node.function}".removeprefix(".")
            if qualified(node.target) and function in self.names.functions:
                self.found.static.add(node)
                given = [self.check(one) for one in node.arguments]
                return self.overloaded(node, function, given, is_member=False)
        given = [self.check(one) for one in node.arguments]
        if node.target is not None:
            given.insert(0, self.check(node.target))
        function = node.function.removeprefix(".")
        if function not in self.names.functions:
            return self.undeclared(node.at, node.function)
        found = self.overloaded(node, function, given, is_member=node.target is not None)
        self.literals(node)
        return found

    def overloaded(self, node: Node, name: str, given: list[Type], *, is_member: bool) -> Type:
        """The result of a function for what it is given."""
        result: Type | None = None
        fitting: list[Overload] = []
        for overload in self.names.functions[name]:
            if overload.is_member != is_member or len(overload.parameters) != len(given):
                continue
            fresh = {one: self.fresh() for one in overload.type_parameters}
            known = self.known
            mark = known.mark()
            wanted = [substituted(fresh, one) for one in overload.parameters]
            # Upstream's order of the two: what is given must go where it is wanted.
            if not all(assignable(known, g, w) for g, w in zip(given, wanted, strict=True)):
                known.back_to(mark)
                continue
            fitting.append(overload)
            found = self.resolved(substituted(fresh, overload.result))
            if result is None:
                result = found
            elif result.name != "dyn" and result != found:
                result = DYN
        if result is None:
            shown = [str(one) for one in given]
            said = f"{shown[0]}.({', '.join(shown[1:])})" if is_member else f"({', '.join(shown)})"
            assert isinstance(node, Call), "only calls have overloads"
            text = f"found no matching overload for '{name}' applied to '{said}'"
            return self.complain(node.at, text)
        self.found.overloads[node] = tuple(fitting)
        return result

    def optional_select(self, node: Call) -> Type:
        operand, name = node.arguments
        assert isinstance(name, Literal), "the parser writes the field's name there"
        found = self.selected(node.at, self.check(operand), name.value)
        self.check(name)
        return found if found.name == "optional_type" else optional_of(found)

    def _list(self, node: ListOf) -> Type:
        joined: Type | None = None
        for element in node.elements:
            type_ = self.check(element.value)
            if element.optional:
                type_ = self.unwrapped(element.at, type_)
            joined = self.joined(element.at, joined, type_)
        return list_of(joined or self.fresh())

    def _map(self, node: MapOf) -> Type:
        keys: Type | None = None
        values: Type | None = None
        for entry in node.entries:
            keys = self.joined(entry.key.at, keys, self.check(entry.key))
            type_ = self.check(entry.value)
            if entry.optional:
                type_ = self.unwrapped(entry.value.at, type_)
            values = self.joined(entry.value.at, values, type_)
        return map_of(keys or self.fresh(), values or self.fresh())

    def unwrapped(self, at: int, type_: Type) -> Type:
        """The type of what an optional value holds."""
        type_ = self.resolved(type_)
        if type_.name == "optional_type":
            return type_.parameters[0]
        if type_.name in ("dyn", "error"):
            return DYN
        return self.mismatch(at, optional_of(type_), type_)

    def mismatch(self, at: int, wanted: Type, found: Type) -> Type:
        return self.complain(at, f"expected type '{wanted}' but found '{found}'")

    def joined(self, at: int, before: Type | None, type_: Type) -> Type:
        if before is None:
            return type_
        if self.goes(before, type_):
            return most_general(before, type_)
        return self.mismatch(at, before, type_)

    def _object(self, node: ObjectOf) -> Type:
        name = node.name.removeprefix(".")
        type_ = self.names.object_type(name)
        if type_ is None:
            if name in self.names.types:
                return self.complain(node.at, f"'{name}' is not a message type")
            return self.undeclared(node.at, name)
        for one in node.fields:
            found = self.check(one.value)
            if one.optional:
                found = self.unwrapped(one.value.at, found)
            wanted = type_.fields.get(one.name) if type_.fields is not None else DYN
            if wanted is None:
                self.complain(one.at, f"undefined field '{one.name}'")
            elif not self.goes(wanted, found):
                text = (
                    f"expected type of field '{one.name}' is '{wanted}' but provided type is "
                    f"'{self.resolved(found)}'"
                )
                self.complain(one.at, text)
        return type_

    def _comprehension(self, node: Comprehension) -> Type:
        source = self.resolved(self.check(node.source))
        gathered = self.check(node.initial)
        inner = self.variables_over(node, source)
        self.scopes.append({node.gathered: gathered})
        self.scopes.append(dict(zip(node.variables, inner, strict=True)))
        condition = self.check(node.condition)
        if not self.goes(BOOL, condition):
            self.mismatch(node.condition.at, BOOL, condition)
        step = self.check(node.step)
        if not self.goes(gathered, step):
            self.mismatch(node.step.at, self.resolved(gathered), self.resolved(step))
        self.scopes.pop()
        result = self.check(node.result)
        self.scopes.pop()
        return self.resolved(result)

    def variables_over(self, node: Comprehension, source: Type) -> tuple[Type, ...]:
        """The types of a loop's variables."""
        is_two = len(node.variables) == 2
        if source.name == "list":
            return (INT, source.parameters[0]) if is_two else source.parameters
        if source.name == "map":
            return source.parameters if is_two else source.parameters[:1]
        if source.is_parameter:
            self.goes(DYN, source)
        elif source.name not in ("dyn", "error"):
            text = (
                f"expression of type '{source}' cannot be range of a comprehension (must be list, "
                "map, or dynamic)"
            )
            self.complain(node.source.at, text)
            return (ERROR,) * len(node.variables)
        return (DYN,) * len(node.variables)

    def literals(self, node: Call) -> None:
        """Whether texts that are written out are what a function reads."""
        read = _READ.get(node.function)
        if read is None or not node.arguments:
            return
        argument = node.arguments[-1]
        if isinstance(argument, Literal) and isinstance(argument.value, str):
            try:
                read(argument.value)
            except (ValueError, EvaluationFailed):
                self.complain(argument.at, f"invalid {node.function} argument")


_READ: Final[dict[str, Callable[[str], Any]]] = {
    "duration": duration_of,
    "timestamp": timestamp_of,
    "matches": pattern_of,
}
_CHECKS: Final[dict[type, Callable[[_Checker, Any], Type]]] = {
    Literal: _Checker._literal,
    Ident: _Checker._ident,
    Select: _Checker._select,
    Call: _Checker._call,
    ListOf: _Checker._list,
    MapOf: _Checker._map,
    ObjectOf: _Checker._object,
    Comprehension: _Checker._comprehension,
}
