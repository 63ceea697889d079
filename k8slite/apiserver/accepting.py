"""What a client is ready to take: the Accept header, read and put in order of preference.

    application/json;as=Table;v=v1;g=meta.k8s.io,application/json

Order as upstream's (`goautoneg`): by quality, then the more specific type, then as written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from attrs import frozen

from k8slite.objects.errors import NotAcceptable

JSON: Final = "application/json"
YAML: Final = "application/yaml"
PROTOBUF: Final = "application/vnd.kubernetes.protobuf"

# Clients repeat a handful of headers; a caller who invents new ones pays for reading them.
_REMEMBERED: Final = 256


@frozen
class Wanted:
    """One alternative of an Accept header; `*` stands for any type."""

    type: str
    subtype: str
    parameters: Mapping[str, str]
    quality: float = 1.0

    def takes(self, media_type: str) -> bool:
        """Whether something of that media type would do."""
        type_, _, subtype = media_type.partition("/")
        if self.type == "*":
            return self.subtype == "*"
        return self.type == type_ and self.subtype in (subtype, "*")

    @property
    def transform(self) -> tuple[str, str, str]:
        """The kind, version and group asked for by `as`, `v` and `g`; empty where none is."""
        found = self.parameters
        return found.get("as", ""), found.get("v", ""), found.get("g", "")


@lru_cache(_REMEMBERED)
def read_accept(header: str) -> tuple[Wanted, ...]:
    """The alternatives, the preferred one first; an absent header takes anything.

    What cannot be read is no alternative.
    """
    if not header.strip():
        return (Wanted("*", "*", {}),)
    found = [wanted for text in header.split(",") if (wanted := _wanted(text)) is not None]
    return tuple(sorted(found, key=_preference))


def not_acceptable(offered: Iterable[str]) -> NotAcceptable:
    """The refusal of a client that takes nothing of what there is."""
    listed = ", ".join(offered)
    return NotAcceptable(f"only the following media types are accepted: {listed}")


def _wanted(text: str) -> Wanted | None:
    media_type, *rest = (part.strip() for part in text.split(";"))
    type_, slash, subtype = media_type.partition("/")
    if not slash:
        # A lone star is what some old clients write for anything.
        if media_type != "*":
            return None
        type_ = subtype = "*"
    parameters: dict[str, str] = {}
    quality = 1.0
    for part in rest:
        key, _, value = part.partition("=")
        if key.strip() == "q":
            quality = _quality(value)
        else:
            parameters[key.strip()] = value.strip().strip('"')
    return Wanted(type_, subtype, parameters, quality)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def _preference(wanted: Wanted) -> tuple[float, int]:
    return -wanted.quality, (wanted.type == "*") + (wanted.subtype == "*")
