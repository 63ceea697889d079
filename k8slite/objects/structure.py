"""From a decoded JSON object to the frozen model that a component reads.

Models name only the fields that somebody reads, in snake_case; the wire's camelCase is derived.
A field that is absent or null takes the model's default. Nothing is turned back: components
write patches, or the whole decoded object with a change in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from k8slite.objects.meta import parse_timestamp

T = TypeVar("T")


def structure(json: dict[str, Any], model: type[T]) -> T:
    """Build a model, reading only the fields that it has.

    Raises KeyError, TypeError or ValueError when what is there does not fit.
    """
    try:
        return _converter.structure(json, model)
    except TypeError:
        # A null stands for an absent field; most servers leave it out, so looking first
        # would cost every object what only few need.
        return _converter.structure(_without_nulls(json), model)


def camel_case(name: str) -> str:
    """`pod_ip` -> `podIP` and `host_path` -> `hostPath`, as the Kubernetes API spells them."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(_INITIALISMS.get(word, word.capitalize()) for word in rest)


def _structured_model(model: Any) -> Callable[[Any, Any], Any]:
    renamed: dict[str, Any] = {
        attribute.name: override(rename=attribute.metadata.get("json", camel_case(attribute.name)))
        for attribute in attrs.fields(attrs.resolve_types(model))
    }
    return make_dict_structure_fn(model, _converter, **renamed)


def _is_tuple_of_models(type_: Any) -> bool:
    parts = get_args(type_)
    return get_origin(type_) is tuple and len(parts) == 2 and attrs.has(parts[0])


def _structured_tuple(type_: Any) -> Callable[[Any, Any], Any]:
    """As cattrs does it, without looking the item's hook up for each item."""
    item = get_args(type_)[0]
    read = _converter.get_structure_hook(item)
    return lambda values, _: tuple([read(value, item) for value in values])


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _read_time(text: Any, _: Any) -> datetime:
    return parse_timestamp(text)


def _as_it_is(value: Any, _: Any) -> Any:
    if value is None:
        raise TypeError("a null stands for an absent field")
    return value


_INITIALISMS = {"ip": "IP", "ips": "IPs", "cidr": "CIDR", "cidrs": "CIDRs", "id": "ID"}

_converter = Converter(detailed_validation=False)
_converter.register_structure_hook_factory(attrs.has, _structured_model)
_converter.register_structure_hook(datetime, _read_time)
# What decoding made is what the model says already: building it anew, item by item, would take
# most of the time that a Pod takes.
_AS_IT_IS = (int | str, str | int, str | int | None, Mapping[str, str], Mapping[str, str | int])
_converter.register_structure_hook_func(lambda type_: type_ in _AS_IT_IS, _as_it_is)
_converter.register_structure_hook_func(
    lambda type_: type_ == tuple[str, ...], lambda value, _: tuple(value)
)
_converter.register_structure_hook_factory(_is_tuple_of_models, _structured_tuple)
