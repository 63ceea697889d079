"""Resources by the names that people use: `deployment/web`, `po`, `websites.example.com`."""

from __future__ import annotations

from typing import NamedTuple

from k8slite.client.resource import Resource
from k8slite.kinds.kind import Kind
from k8slite.kinds.table import Kinds


class Named(NamedTuple):
    """A resource and, where one was said, an object's name."""

    resource: Resource
    name: str


def named(kinds: Kinds, text: str) -> Named:
    """What `TYPE/NAME` or `TYPE` means; TYPE as for kubectl: plural, singular, short name or kind,
    perhaps with `.group` or `.version.group`.

    Where several groups have it, the first in the server's order is meant. Raises ValueError.
    """
    type_, _, name = text.partition("/")
    word, _, rest = type_.lower().partition(".")
    for kind in kinds.all():
        if word in _words(kind) and rest in ("", kind.group, f"{kind.version}.{kind.group}"):
            return Named(resource_of(kind), name)
    raise ValueError(
        f"the cluster knows no resource {type_!r}; say it as kubectl would, such as "
        "'deployment/web', and apply its CustomResourceDefinition first if it is custom"
    )


def resource_of(kind: Kind) -> Resource:
    """A kind as clients know it."""
    return Resource(kind.group, kind.version, kind.plural, kind.kind, kind.namespaced)


def _words(kind: Kind) -> tuple[str, ...]:
    return (kind.plural, kind.singular, kind.kind.lower(), *kind.short_names)
