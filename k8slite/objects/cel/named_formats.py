"""`format.dns1123Label().validate(text)`: the usual rules for texts; and escapes of JSON pointers.

Upstream: `apiserver/pkg/cel/library/{format,jsonpatch}.go`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date
from typing import ClassVar, Final

from attrs import frozen

from k8slite.objects.cel.addresses import url_of
from k8slite.objects.cel.declarations import Functions, Overload, overloads
from k8slite.objects.cel.times import timestamp_of
from k8slite.objects.cel.types import Type
from k8slite.objects.cel.values import NONE, EvaluationFailed, Optional
from k8slite.objects.names import (
    is_dns1035_label,
    is_dns1123_label,
    is_dns1123_subdomain,
    is_label_value,
    is_qualified_name,
)

Check = Callable[[str], list[str]]


@frozen
class Format:
    """A rule for texts by its name."""

    name: str
    cel_type: ClassVar[Type] = Type("kubernetes.NamedFormat")

    def complaints(self, text: str) -> Optional:
        """What is wrong with a text, if anything is."""
        found = FORMATS[self.name](text)
        return Optional(found, True) if found else NONE


def _prefix(check: Check) -> Check:
    """The rule for what other names begin with: it may end in a dash."""

    def answer(text: str) -> list[str]:
        return check(text[:-2] + "a" if len(text) > 1 and text.endswith("-") else text)

    return answer


def _read(read: Callable[[str], object], said: str) -> Check:
    def answer(text: str) -> list[str]:
        try:
            read(text)
        except (ValueError, EvaluationFailed, binascii.Error) as error:
            return [said or str(error)]
        return []

    return answer


def _uuid(text: str) -> list[str]:
    return [] if _UUID.fullmatch(text) else ["does not match the UUID format"]


def _date(text: str) -> object:
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _escaped_key(text: str) -> str:
    return text.replace("~", "~0").replace("/", "~1")


_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.I)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_FORMAT: Final = "kubernetes.NamedFormat"

FORMATS: Final[dict[str, Check]] = {
    "dns1123Label": is_dns1123_label,
    "dns1123Subdomain": is_dns1123_subdomain,
    "dns1035Label": is_dns1035_label,
    "qualifiedName": is_qualified_name,
    "dns1123LabelPrefix": _prefix(is_dns1123_label),
    "dns1123SubdomainPrefix": _prefix(is_dns1123_subdomain),
    "dns1035LabelPrefix": _prefix(is_dns1035_label),
    "labelValue": is_label_value,
    "uri": _read(url_of, ""),
    "uuid": _uuid,
    "byte": _read(lambda text: base64.b64decode(text, validate=True), "invalid base64"),
    "date": _read(_date, "invalid date"),
    "datetime": _read(timestamp_of, "invalid datetime"),
}


def _named(name: str) -> Optional:
    return Optional(Format(name), True) if name in FORMATS else NONE


def _constant(name: str) -> tuple[Overload, ...]:
    return overloads((f"format.{name}", f"() -> {_FORMAT}", lambda: Format(name)))


FUNCTIONS: Final[Functions] = {
    **{f"format.{name}": _constant(name) for name in FORMATS},
    "format.named": overloads(("format-named", f"(string) -> optional_type<{_FORMAT}>", _named)),
    "validate": overloads(
        (
            "format-validate",
            f"{_FORMAT}.(string) -> optional_type<list<string>>",
            Format.complaints,
        )
    ),
    "jsonpatch.escapeKey": overloads(
        ("string_jsonpatch_escapeKey_string", "(string) -> string", _escaped_key)
    ),
}
