"""From a decoded JSON object to the frozen model that a component reads.

Models name only the fields that somebody reads, in snake_case; the wire's camelCase is derived.
A field that is absent or null takes the model's default. Nothing is turned back: components
write patches, or the whole decoded object with a change in it.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import attrs

from k8slite.objects.meta import parse_timestamp

T = TypeVar("T")
Read = Callable[[Any], Any]


def structure(json: Mapping[str, Any], model: type[T]) -> T:
    """Build a model, reading only the fields that it has.

    Raises KeyError, TypeError or ValueError when what is there does not fit.
    """
    read = _READERS.get(model)
    if read is None:
        read = _READERS[model] = _reader(model)
    found: T = read(json)
    return found


def camel_case(name: str) -> str:
    """`pod_ip` -> `podIP` and `host_path` -> `hostPath`, as the Kubernetes API spells them."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(_INITIALISMS.get(word, word.capitalize()) for word in rest)


def _reader(model: Any) -> Read:
    """A function that builds a model: written out field by field, and compiled.

    A Pod is read for each event; looking its fields up in a table would take twice as long. What
    is inside of it is compiled when it is first met.
    """
    scope: dict[str, Any] = {"Model": model, "refuse": _refuse, "parse_timestamp": parse_timestamp}
    lines = ["def read(json):", "    if not isinstance(json, dict): refuse(json)"]
    lines += ["    get, found = json.get, {}"]
    for number, attribute in enumerate(attrs.fields(attrs.resolve_types(model))):
        key = attribute.metadata.get("json", camel_case(attribute.name))
        value = _value(attribute.type, f"read{number}", scope)
        lines.append(
            f"    if (v := get({key!r})) is not None: found[{attribute.alias!r}] = {value}"
        )
    lines.append("    return Model(**found)")
    exec(compile("\n".join(lines), f"<reader of {model.__name__}>", "exec"), scope)
    read: Read = scope["read"]
    return read


def _value(type_: Any, name: str, scope: dict[str, Any]) -> str:
    """The expression that makes of a value `v` what a field of a type holds."""
    if get_origin(type_) in (Union, types.UnionType):
        known = [one for one in get_args(type_) if one is not type(None)]
        if len(known) > 1:
            return "v"  # decoding has made one of them
        type_ = known[0]
    if type_ in _SCALARS:
        return _SCALARS[type_]
    if attrs.has(type_):
        scope[name] = _Unread(scope, name, type_)
        return f"{name}(v)"
    if get_origin(type_) is not tuple:
        return "v"  # building a map anew would take most of the time that a Pod takes
    item = get_args(type_)[0]
    if not attrs.has(item):
        return "tuple(v)"
    scope[name] = _Unread(scope, name, item)
    return f"tuple([{name}(one) for one in v])"


class _Unread:
    """The reader of a model that nobody has met yet."""

    def __init__(self, scope: dict[str, Any], name: str, model: Any) -> None:
        self._scope = scope
        self._name = name
        self._model = model

    def __call__(self, json: Any) -> Any:
        found = structure(json, self._model)
        self._scope[self._name] = _READERS[self._model]
        return found


def _refuse(json: Any) -> None:
    raise TypeError(f"not an object: {json!r}")


_INITIALISMS: Final = {"ip": "IP", "ips": "IPs", "cidr": "CIDR", "cidrs": "CIDRs", "id": "ID"}
_SCALARS: Final[Mapping[Any, str]] = {
    str: "str(v)",
    int: "int(v)",
    bool: "bool(v)",
    datetime: "parse_timestamp(v)",
}
_READERS: Final[dict[Any, Read]] = {}
