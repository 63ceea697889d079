"""Expressions in CEL that choose devices: compiled once, asked of one device after the other.

    selector = compile_selector('device.attributes["gpu.example.com"].model == "a100"')
    device = device_of("gpu.example.com", attributes, capacity)
    selector.matches(device)                                        # True

Upstream: `dynamic-resource-allocation/cel/compile.go`. A device answers every domain: one of which
it says nothing has no attributes and no capacity. Attributes that are lists are not known here
(the gate DRAListTypeAttributes, off in 1.37).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from k8slite.objects.cel.environment import Environment, Expression, Failed, Uncompilable
from k8slite.objects.cel.types import BOOL, DYN, STRING, Type
from k8slite.objects.cel.values import FilledMap, type_of

Json = dict[str, Any]

# What an expression may cost, by estimate and when it is asked.
COST_LIMIT: Final = 1_000_000
_DRIVER_MOST: Final = 63
_DOMAIN_MOST: Final = 63
_NAME_MOST: Final = 32
_ATTRIBUTES_MOST: Final = 32
_VALUE_MOST: Final = 64


@frozen(eq=False)
class Device:
    """A device as expressions see it."""

    variables: Mapping[str, Any]


@frozen(eq=False)
class DeviceSelector:
    """A compiled expression that is true of some devices."""

    text: str
    _expression: Expression = field(repr=False)

    @property
    def worst_cost(self) -> int:
        """What it can cost at most; more than COST_LIMIT is refused when it is written."""
        # Only who writes expressions needs it.
        from k8slite.objects.cel.estimate import worst_cost

        return worst_cost(self._expression.checked)

    def matches(self, device: Device) -> bool:
        """Whether it is true of a device. Raises Failed with upstream's message."""
        found = self._expression.evaluate(device.variables)
        if isinstance(found, bool):
            return found
        name = type_of(found).name
        raise Failed(
            f"CEL result of type {name} could not be converted to bool: "
            f"unsupported type conversion from '{name}' to bool"
        )


def compile_selector(text: str) -> DeviceSelector:
    """An expression that can be asked of devices. Raises Uncompilable with upstream's message."""
    try:
        expression = _ENVIRONMENT.compile(text)
    except Uncompilable as error:
        raise Uncompilable(f"compilation failed: {error}") from None
    if expression.type.name not in ("bool", "dyn"):
        raise Uncompilable(f"must evaluate to bool or the unknown type, not {expression.type}")
    return DeviceSelector(text, expression)


def device_of(
    driver: str,
    attributes: Mapping[str, Json],
    capacity: Mapping[str, Json],
    *,
    shared: bool = False,
) -> Device:
    """A device of a ResourceSlice; `shared`: it allows multiple allocations.

    Names without a domain are the driver's. Raises Failed for an attribute without a value that can
    be read.
    """
    # Quantities and versions of CEL: only who has devices needs them.
    from k8slite.objects.cel.quantities import quantity_of

    known: FilledMap = FilledMap()
    for name, attribute in attributes.items():
        _put(known, name, driver, _attribute(name, attribute))
    amounts: FilledMap = FilledMap()
    for name, amount in capacity.items():
        _put(amounts, name, driver, quantity_of(str(amount.get("value", "0"))))
    device = {
        "driver": driver,
        "attributes": known,
        "capacity": amounts,
        "allowMultipleAllocations": shared,
    }
    return Device({"device": device})


def _put(domains: FilledMap, name: str, driver: str, value: Any) -> None:
    domain, slash, id_ = name.partition("/")
    if not slash:
        domain, id_ = driver, name
    domains.setdefault(domain, {})[id_] = value


def _attribute(name: str, attribute: Json) -> Any:
    from k8slite.objects.cel.quantities import version_of

    for kind in ("int", "bool", "string"):
        if attribute.get(kind) is not None:
            return attribute[kind]
    if attribute.get("version") is None:
        raise Failed(f"attribute {name}: unsupported attribute value")
    try:
        return version_of(attribute["version"])
    except ValueError as error:
        raise Failed(f"attribute {name}: parse semantic version: {error}") from None


class _AnyAttribute:
    """The attributes of a domain: all of any type, and of the same largest size."""

    def get(self, _name: str, /) -> Type:
        return _ATTRIBUTE


def _text(most: int) -> Type:
    return Type(STRING.name, most=most)


def _domains(inner: Type) -> Type:
    return Type("map", (_text(_DOMAIN_MOST), inner), most=_ATTRIBUTES_MOST)


_ATTRIBUTE: Final = Type(DYN.name, most=_VALUE_MOST)
_ATTRIBUTES: Final = Type(
    "map", (_text(_NAME_MOST), _ATTRIBUTE), fields=_AnyAttribute(), most=_ATTRIBUTES_MOST
)
_AMOUNTS: Final = Type(
    "map", (_text(_NAME_MOST), Type("kubernetes.Quantity")), most=_ATTRIBUTES_MOST
)
_DEVICE: Final = Type(
    "kubernetes.DRADevice",
    fields={
        "driver": _text(_DRIVER_MOST),
        "attributes": _domains(_ATTRIBUTES),
        "capacity": _domains(_AMOUNTS),
        "allowMultipleAllocations": BOOL,
    },
    most=0,
)
_ENVIRONMENT: Final = Environment({"device": _DEVICE}, binds=True)
