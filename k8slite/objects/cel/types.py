"""Types of expressions: how they are written, which of them goes where another is wanted.

Upstream: `cel-go/checker/types.go` (isAssignable, mostGeneral, substitute).
"""

from __future__ import annotations

from typing import Final, Protocol

from attrs import field, frozen


class Fields(Protocol):
    """The fields of an object's type, by the names that expressions use."""

    def get(self, name: str, /) -> Type | None:
        """The type of a field; None if there is no such field."""
        ...


@frozen
class Type:
    """A type by its name, with parameters: list(int), map(string, dyn), kubernetes.Quantity."""

    name: str
    parameters: tuple[Type, ...] = ()
    fields: Fields | None = field(default=None, eq=False, repr=False)  # of an object
    # The most elements, characters or bytes that a value of a schema can have.
    most: int | None = field(default=None, eq=False)
    least_bytes: int = field(default=0, eq=False)  # that a value takes in JSON

    @property
    def is_object(self) -> bool:
        """Whether it has fields of its own."""
        return self.fields is not None

    @property
    def is_parameter(self) -> bool:
        """Whether it stands for any type, always the same one."""
        return self.name[0] == "_" or (len(self.name) == 1 and self.name.isupper())

    def __str__(self) -> str:
        if not self.parameters or self.name == "type":
            inner = f"({self.parameters[0]})" if self.parameters else ""
            return _SPOKEN.get(self.name, self.name) + inner
        return f"{self.name}({', '.join(map(str, self.parameters))})"


class Substitutions:
    """What parameters stand for; what was noted since a mark can be taken back."""

    def __init__(self) -> None:
        self._found: dict[str, Type] = {}
        self._noted: list[tuple[str, Type | None]] = []

    def get(self, name: str, /) -> Type | None:
        """What a parameter stands for, if that is known."""
        return self._found.get(name)

    def note(self, name: str, type_: Type) -> None:
        """From now on a parameter stands for this."""
        self._noted.append((name, self._found.get(name)))
        self._found[name] = type_

    def mark(self) -> int:
        """Where to go back to."""
        return len(self._noted)

    def back_to(self, mark: int) -> None:
        """Take back what was noted since."""
        while len(self._noted) > mark:
            name, before = self._noted.pop()
            if before is None:
                del self._found[name]
            else:
                self._found[name] = before


def list_of(element: Type, most: int | None = None) -> Type:
    """list(element)."""
    return Type("list", (element,), most=most)


def map_of(key: Type, value: Type, most: int | None = None) -> Type:
    """map(key, value)."""
    return Type("map", (key, value), most=most)


def optional_of(inner: Type) -> Type:
    """optional_type(inner)."""
    return Type("optional_type", (inner,))


def assignable(known: Substitutions, wanted: Type, found: Type) -> bool:
    """Whether `found` goes where `wanted` is asked for; what parameters stand for is noted.

    A failure may leave notes behind: who goes on takes them back.
    """
    if found.is_parameter:
        is_fitting, had_one = _substitutes(known, wanted, found)
        if is_fitting:
            return True
        if had_one:
            return False
    if wanted.is_parameter:
        return _substitutes(known, found, wanted)[0]
    if wanted.name in _WILD or found.name in _WILD:
        return True
    if wanted.name == "null_type":
        return found.name == "null_type" or _may_be_null(found)
    if wanted.name == "wrapper":
        inner = wanted.parameters[0]
        return found.name == "null_type" or assignable(known, inner, found)
    if found.name == "null_type" and _may_be_null(wanted):
        return True
    if wanted.name != found.name:
        return False
    if wanted.name == "type":
        return True
    return len(wanted.parameters) == len(found.parameters) and all(
        assignable(known, one, other)
        for one, other in zip(wanted.parameters, found.parameters, strict=True)
    )


def most_general(one: Type, other: Type) -> Type:
    """The less specific of two types that go together."""
    return one if _less_specific(one, other) else other


def substituted(known: Fields, type_: Type, *, to_dyn: bool = False) -> Type:
    """A type with what its parameters stand for; `to_dyn`: free ones become dyn."""
    if type_.is_parameter:
        found = known.get(type_.name)
        if found is not None and found != type_:
            return substituted(known, found, to_dyn=to_dyn)
        return DYN if to_dyn else type_
    if not type_.parameters:
        return type_
    inner = tuple(substituted(known, one, to_dyn=to_dyn) for one in type_.parameters)
    return Type(type_.name, inner, type_.fields, type_.most, type_.least_bytes)


def _substitutes(known: Substitutions, type_: Type, parameter: Type) -> tuple[bool, bool]:
    """Whether a type can stand for a parameter, and whether the parameter stood for one before."""
    if type_ == parameter:
        return True, True
    before = known.get(parameter.name)
    if before is not None:
        if before == type_:
            return True, True
        if assignable(known, type_, before):
            known.note(parameter.name, most_general(type_, before))
            return True, True
        return False, True
    if _refers(known, parameter, type_):
        return False, False
    known.note(parameter.name, type_)
    return True, False


def _refers(known: Substitutions, parameter: Type, within: Type) -> bool:
    if within == parameter:
        return True
    if within.is_parameter:
        inner = known.get(within.name)
        return inner is not None and _refers(known, parameter, inner)
    return any(_refers(known, parameter, one) for one in within.parameters)


def _less_specific(one: Type, other: Type) -> bool:
    if one.name == "dyn" or one.is_parameter:
        return True
    if other.name == "dyn" or other.is_parameter or one.name != other.name:
        return False
    if one.name == "type":
        return True
    return len(one.parameters) == len(other.parameters) and all(
        _less_specific(a, b) for a, b in zip(one.parameters, other.parameters, strict=True)
    )


def _may_be_null(type_: Type) -> bool:
    return type_.name not in _NEVER_NULL


DYN: Final = Type("dyn")
ERROR: Final = Type("error")
BOOL: Final = Type("bool", least_bytes=4)
INT: Final = Type("int", least_bytes=1)
UINT: Final = Type("uint", least_bytes=1)
DOUBLE: Final = Type("double", least_bytes=1)
STRING: Final = Type("string", least_bytes=2)
BYTES: Final = Type("bytes", least_bytes=2)
NULL: Final = Type("null_type")
TIMESTAMP: Final = Type("google.protobuf.Timestamp")
DURATION: Final = Type("google.protobuf.Duration")
TYPE: Final = Type("type")

_WILD: Final = ("dyn", "error")
_NEVER_NULL: Final = (
    *("bool", "int", "uint", "double", "string", "bytes", "list", "map", "type", "wrapper"),
)
_SPOKEN: Final = {
    "error": "!error!",
    "null_type": "null",
    "google.protobuf.Timestamp": "timestamp",
    "google.protobuf.Duration": "duration",
}
