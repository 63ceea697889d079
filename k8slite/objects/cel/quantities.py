"""Quantities and versions.

Upstream: `apiserver/pkg/cel/library/{quantity,semverlib}.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, Final

from attrs import field, frozen

from k8slite.objects.cel.declarations import Declared, Functions, overloads
from k8slite.objects.cel.types import Type
from k8slite.objects.quantity import nano

_NANO: Final = 10**9
_INT_LIMIT: Final = 1 << 63


@frozen(order=True)
class Quantity:
    """An amount, to a billionth."""

    nano: int
    cel_type: ClassVar[Type] = Type("kubernetes.Quantity")

    @property
    def is_integer(self) -> bool:
        """Whether it is whole and fits in 64 bits."""
        return self.nano % _NANO == 0 and -_INT_LIMIT <= self.nano // _NANO < _INT_LIMIT

    def __str__(self) -> str:
        whole, rest = divmod(abs(self.nano), _NANO)
        sign = "-" if self.nano < 0 else ""
        return f"{sign}{whole}{f'.{rest:09d}'.rstrip('0').rstrip('.')}"


@frozen(order=True)
class Version:
    """A semantic version."""

    order: tuple[Any, ...]
    text: str = field(order=False, eq=False)
    cel_type: ClassVar[Type] = Type("kubernetes.Semver")

    def __str__(self) -> str:
        return self.text


def quantity_of(text: str) -> Quantity:
    """Raises ValueError."""
    try:
        return Quantity(nano(text))
    except (ValueError, ArithmeticError, KeyError):
        raise ValueError(
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ) from None


def version_of(text: str, normalize: bool = False) -> Version:
    """Raises ValueError."""
    found = _VERSION.fullmatch(_normalized(text) if normalize else text)
    if found is None:
        raise ValueError("No Major.Minor.Patch elements found")
    parts = []
    for one in (found[4] or "").split("."):
        if one.isdecimal() and len(one) > 1 and one.startswith("0"):
            raise ValueError(f'Numeric PreRelease version must not contain leading zeroes "{one}"')
        parts.append((0, int(one), "") if one.isdecimal() else (1, 0, one))
    order = (*(int(found[i]) for i in (1, 2, 3)), found[4] is None, tuple(parts))
    return Version(order, found[0])


def is_one(read: Callable[..., Any]) -> Callable[..., bool]:
    """Whether a text can be read so."""

    def answer(*given: Any) -> bool:
        try:
            read(*given)
        except ValueError:
            return False
        return True

    return answer


def _normalized(text: str) -> str:
    parts = text.removeprefix("v").split(".", 2)
    for number, part in enumerate(parts):
        if len(part) > 1:
            short = part.lstrip("0")
            parts[number] = short if short[:1].isdecimal() else "0" + short
    if len(parts) < 3 and ("+" in parts[-1] or "-" in parts[-1]):
        raise ValueError("short version cannot contain PreRelease/Build meta data")
    return ".".join((*parts, "0", "0")[: max(3, len(parts))])


def _integer(quantity: Quantity) -> int:
    if not quantity.is_integer:
        raise ValueError("cannot convert value to integer")
    return quantity.nano // _NANO


def _sign(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def _compared(suffix: str, result: str, run: Callable[[Any, Any], Any]) -> list[Declared]:
    return [
        (f"{kind}_{suffix}", f"{type_}.({type_}) -> {result}", run)
        for kind, type_ in (("quantity", _Q), ("semver", _V))
    ]


_Q: Final = "kubernetes.Quantity"
_V: Final = "kubernetes.Semver"
_NUMBER: Final = r"(0|[1-9]\d*)"
_VERSION: Final = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)

FUNCTIONS: Final[Functions] = {
    "quantity": overloads(("string_to_quantity", f"(string) -> {_Q}", quantity_of)),
    "isQuantity": overloads(("is_quantity_string", "(string) -> bool", is_one(quantity_of))),
    "sign": overloads(
        ("quantity_sign", f"({_Q}) -> int", lambda one: _sign(one.nano, 0)),
        ("quantity_sign_member", f"{_Q}.() -> int", lambda one: _sign(one.nano, 0)),
    ),
    "isInteger": overloads(("quantity_is_integer", f"{_Q}.() -> bool", lambda one: one.is_integer)),
    "asInteger": overloads(("quantity_get_int", f"{_Q}.() -> int", _integer)),
    "asApproximateFloat": overloads(
        ("quantity_get_float", f"{_Q}.() -> double", lambda one: one.nano / _NANO)
    ),
    "add": overloads(
        ("quantity_add", f"{_Q}.({_Q}) -> {_Q}", lambda a, b: Quantity(a.nano + b.nano)),
        ("quantity_add_int", f"{_Q}.(int) -> {_Q}", lambda a, b: Quantity(a.nano + b * _NANO)),
    ),
    "sub": overloads(
        ("quantity_sub", f"{_Q}.({_Q}) -> {_Q}", lambda a, b: Quantity(a.nano - b.nano)),
        ("quantity_sub_int", f"{_Q}.(int) -> {_Q}", lambda a, b: Quantity(a.nano - b * _NANO)),
    ),
    "isGreaterThan": overloads(*_compared("is_greater_than", "bool", lambda a, b: a > b)),
    "isLessThan": overloads(*_compared("is_less_than", "bool", lambda a, b: a < b)),
    "compareTo": overloads(*_compared("compare_to", "int", _sign)),
    "semver": overloads(
        ("string_to_semver", f"(string) -> {_V}", version_of),
        ("string_bool_to_semver", f"(string, bool) -> {_V}", version_of),
    ),
    "isSemver": overloads(
        ("is_semver_string", "(string) -> bool", is_one(version_of)),
        ("is_semver_string_bool", "(string, bool) -> bool", is_one(version_of)),
    ),
    "major": overloads(("semver_major", f"{_V}.() -> int", lambda one: one.order[0])),
    "minor": overloads(("semver_minor", f"{_V}.() -> int", lambda one: one.order[1])),
    "patch": overloads(("semver_patch", f"{_V}.() -> int", lambda one: one.order[2])),
}
