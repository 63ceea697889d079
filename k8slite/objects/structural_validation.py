"""A custom object against its schema, complaint by complaint. Pure.

Messages are those of `kube-openapi/pkg/validation` as `apiextensions-apiserver/pkg/apiserver/
validation` turns them into field errors.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, invalid, not_supported, quoted, required, too_many
from k8slite.objects.sameness import same
from k8slite.objects.structural import Structural

Json = dict[str, Any]


def validate_values(schema: Structural, obj: Any, old: Any = None) -> list[Cause]:
    """All complaints about an object; its metadata is somebody else's business.

    What is as it was in `old` is not complained about (upstream: CRDValidationRatcheting).
    """
    return list(_below(schema, obj, "", old))


def old_item(schema: Structural, item: Any, old: Any, *, absent: Any = None) -> Any:
    """The item of an old list that a new one has come of; `absent` where that cannot be told."""
    keys = schema.json.get("x-kubernetes-list-map-keys")
    if schema.json.get("x-kubernetes-list-type") != "map" or not keys:
        return absent
    if not isinstance(old, list) or not isinstance(item, dict):
        return absent
    wanted = [item.get(key) for key in keys]
    for one in old:
        if isinstance(one, dict) and [one.get(key) for key in keys] == wanted:
            return one
    return absent


def _below(schema: Structural, value: Any, path: str, old: Any = None) -> Iterator[Cause]:
    json = schema.json
    if old is not None and same(old, value):
        return
    if value is None and schema.nullable:
        return
    wrong = _type_complaint(schema, value, path)
    if wrong is not None:
        yield wrong
        return
    yield from _constraints(json, value, path)
    yield from _junctors(json, value, path)
    if isinstance(value, dict):
        for name, inner in value.items():
            below = schema.of_field(name)
            if below is not None and not (not path and name == "metadata"):
                before = old.get(name) if isinstance(old, dict) else None
                where = _field(path, name, name in schema.properties)
                yield from _below(below, inner, where, before)
    elif isinstance(value, list) and schema.items is not None:
        for number, one in enumerate(value):
            before = old_item(schema, one, old)
            yield from _below(schema.items, one, f"{path}[{number}]", before)
        yield from _repeated(json, value, path)


def _field(path: str, name: str, known: bool) -> str:
    if not known:
        return f"{path}[{name}]" if path else f"[{name}]"
    return f"{path}.{name}" if path else name


def _type_complaint(schema: Structural, value: Any, path: str) -> Cause | None:
    if schema.int_or_string:
        if _type_of(value) in ("integer", "string"):
            return None
        return _wrong_type(path, "integer,string", value)
    if not schema.type:
        return None
    found = _type_of(value)
    if found == schema.type or (schema.type == "number" and found == "integer"):
        return None
    if schema.type == "integer" and isinstance(value, float) and value.is_integer():
        return None
    return _wrong_type(path, schema.type, value)


def _wrong_type(path: str, wanted: str, value: Any) -> Cause:
    found = quoted(_type_of(value))
    detail = f"{path or '<nil>'} in body must be of type {wanted}: {found}"
    return Cause("FieldValueTypeInvalid", f"Invalid value: {found}: {detail}", path or "<nil>")


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _constraints(json: Json, value: Any, path: str) -> Iterator[Cause]:
    enum = json.get("enum")
    if enum is not None and not any(value == one and type(value) is type(one) for one in enum):
        shown = [one if isinstance(one, str) else quoted(one) for one in enum]
        yield not_supported(path, value, shown)
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield from _number(json, value, path)
    elif isinstance(value, str):
        yield from _string(json, value, path)
    elif isinstance(value, list):
        least, most = json.get("minItems"), json.get("maxItems")
        if least is not None and len(value) < least:
            yield _said(path, len(value), f"should have at least {least} items")
        if most is not None and len(value) > most:
            yield too_many(path, len(value), most)
        if json.get("uniqueItems") and any(
            one in value[:number] for number, one in enumerate(value)
        ):
            yield _said(path, value, "shouldn't contain duplicates")
    elif isinstance(value, dict):
        least, most = json.get("minProperties"), json.get("maxProperties")
        if least is not None and len(value) < least:
            yield _said(path, len(value), f"should have at least {least} properties")
        if most is not None and len(value) > most:
            yield too_many(path, len(value), most)
        for name in json.get("required") or ():
            if name not in value:
                yield required(f"{path}.{name}" if path else name)


def _number(json: Json, value: float, path: str) -> Iterator[Cause]:
    least, most, step = json.get("minimum"), json.get("maximum"), json.get("multipleOf")
    if least is not None:
        if json.get("exclusiveMinimum"):
            if value <= least:
                yield _said(path, value, f"should be greater than {_plain(least)}")
        elif value < least:
            yield _said(path, value, f"should be greater than or equal to {_plain(least)}")
    if most is not None:
        if json.get("exclusiveMaximum"):
            if value >= most:
                yield _said(path, value, f"should be less than {_plain(most)}")
        elif value > most:
            yield _said(path, value, f"should be less than or equal to {_plain(most)}")
    if step and abs(value / step - round(value / step)) > 1e-9:
        yield _said(path, value, f"should be a multiple of {_plain(step)}")


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _string(json: Json, value: str, path: str) -> Iterator[Cause]:
    least, most = json.get("minLength"), json.get("maxLength")
    if least is not None and len(value) < least:
        yield _said(path, value, f"should be at least {least} chars long")
    if most is not None and len(value) > most:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {most} bytes", path)
    pattern = json.get("pattern")
    if pattern:
        found = compiled(pattern)
        if found is not None and found.search(value) is None:
            yield _said(path, value, f"should match '{pattern}'")
    check = _FORMATS.get(json.get("format", ""))
    if check is not None and not check(value):
        detail = f"{path} in body must be of type {json['format']}: {quoted(value)}"
        message = f"Invalid value: {quoted(value)}: {detail}"
        yield Cause("FieldValueTypeInvalid", message, path)


def _junctors(json: Json, value: Any, path: str) -> Iterator[Cause]:
    place = f"{path or '<nil>'}"
    if json.get("anyOf") and not any(_fits(one, value) for one in json["anyOf"]):
        yield _said(path, value, f'"{place}" must validate at least one schema (anyOf)', whole=True)
    if json.get("oneOf"):
        count = sum(_fits(one, value) for one in json["oneOf"])
        if count != 1:
            found = "Found none valid" if not count else f"Found {count} valid alternatives"
            text = f'"{place}" must validate one and only one schema (oneOf). {found}'
            yield _said(path, value, text, whole=True)
    if json.get("allOf") and not all(_fits(one, value) for one in json["allOf"]):
        text = f'"{place}" must validate all the schemas (allOf)'
        yield _said(path, value, text, whole=True)
    if isinstance(json.get("not"), dict) and _fits(json["not"], value):
        yield _said(path, value, f'"{place}" must not validate the schema (not)', whole=True)


def _fits(json: Json, value: Any) -> bool:
    # Schemas in junctors hold constraints only, never types of their own.
    return next(_below(_junctor(json), value, ""), None) is None


def _junctor(json: Json) -> Structural:
    found = _JUNCTORS.get(id(json))
    if found is None or found.json is not json:
        if len(_JUNCTORS) >= _JUNCTORS_MOST:
            _JUNCTORS.clear()
        found = _JUNCTORS[id(json)] = Structural.of(json)
    return found


def _repeated(json: Json, value: list[Any], path: str) -> Iterator[Cause]:
    kind = json.get("x-kubernetes-list-type", "atomic")
    if kind == "set":
        for number, one in enumerate(value):
            if any(same(one, other) for other in value[:number]):
                yield duplicate(f"{path}[{number}]", one)
    elif kind == "map":
        keys = json.get("x-kubernetes-list-map-keys") or ()
        met: list[Json] = []
        for number, one in enumerate(value):
            found = {key: one[key] for key in keys if isinstance(one, dict) and key in one}
            if found in met:
                yield duplicate(f"{path}[{number}]", found)
            met.append(found)


def _said(path: str, value: Any, text: str, *, whole: bool = False) -> Cause:
    where = path or "<nil>"
    return invalid(where, value, text if whole else f"{where} in body {text}")


@lru_cache(1024)
def compiled(pattern: str) -> Any:
    """A pattern of Go's syntax, found in linear time; None where it cannot be read.

    (RE2 is the engine that Go's is a port of; Python's own has other syntax and no bound.)
    """
    import re2  # only custom resources have patterns

    try:
        return re2.compile(pattern)
    except re2.error:
        return None


def _date_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "T" in text.upper() and (text[-1] in "zZ" or "+" in text[10:] or "-" in text[10:])


def _date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10


def _byte(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return False
    return True


def _address(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version == version
        except ValueError:
            return False

    return check


def _cidr(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text


def _uri(text: str) -> bool:
    try:
        found = urlsplit(text)
    except ValueError:
        return False
    return bool(found.scheme) or text.startswith("/")


def _matches(pattern: str) -> Callable[[str], bool]:
    expression = re.compile(pattern, re.ASCII)
    return lambda text: expression.fullmatch(text) is not None


_JUNCTORS: Final[dict[int, Structural]] = {}
_JUNCTORS_MOST: Final = 4096
_UUID: Final = "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?%s-?[0-9a-fA-F]{12}"
_FORMATS: Final[dict[str, Callable[[str], bool]]] = {
    "date-time": _date_time,
    "datetime": _date_time,
    "date": _date,
    "byte": _byte,
    "duration": _matches(r"[+-]?((\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h))+|0"),
    "email": _matches(r"[^@\s]+@[^@\s]+"),
    "hostname": _matches(
        r"(?=.{1,255}$)[a-zA-Z0-9]([-a-zA-Z0-9]{0,62})(\.[a-zA-Z0-9][-a-zA-Z0-9]{0,62})*"
    ),
    "ipv4": _address(4),
    "ipv6": _address(6),
    "cidr": _cidr,
    "mac": _matches(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"),
    "uri": _uri,
    "uuid": _matches(_UUID % "[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}"),
    "uuid3": _matches(_UUID % "3[0-9a-fA-F]{3}-?[0-9a-fA-F]{4}"),
    "uuid4": _matches(_UUID % "4[0-9a-fA-F]{3}-?[89abAB][0-9a-fA-F]{3}"),
    "uuid5": _matches(_UUID % "5[0-9a-fA-F]{3}-?[89abAB][0-9a-fA-F]{3}"),
    "hexcolor": _matches("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "isbn10": _matches("(?:[0-9]{9}X|[0-9]{10})"),
    "isbn13": _matches("(?:[0-9]{13})"),
    "creditcard": _matches("[0-9]{13,19}"),
    "ssn": _matches(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
}
