"""Which objects a list or a watch is about: labels and fields, read from a small header.

The header is computed once per write (or once per object after a restart) and kept beside the
stored bytes, so that selecting never decodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from k8slite.kinds.kind import Kind
from k8slite.objects.codec import loads
from k8slite.objects.errors import BadRequest
from k8slite.objects.heartbeats import Shape
from k8slite.objects.selectors import Selector, parse_fields, parse_selector
from k8slite.store.store import Stored

Json = dict[str, Any]


@frozen(eq=False)
class Header:
    """What selectors can ask of an object."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    fields: Mapping[str, str]
    # What heartbeats leave as it is, where the object has them; of no interest to selectors.
    shape: Shape | None = None


def make_header(kind: Kind, obj: Json) -> Header:
    """Read the header from a decoded object of the stored version."""
    metadata = obj["metadata"]
    return Header(
        metadata["name"],
        metadata.get("namespace", ""),
        metadata.get("labels") or {},
        {path: read(obj) for path, read in kind.selectable.items()},
    )


def header(kind: Kind, stored: Stored) -> Header:
    """The header of a stored object; decoded at most once."""
    found = stored.header
    if found is None:
        found = stored.header = make_header(kind, loads(stored.value))
    assert isinstance(found, Header)
    return found


@frozen
class Selection:
    """A label selector and a field selector; both must hold."""

    labels: Selector | None
    fields: tuple[tuple[str, str, str], ...]  # path, "=" or "!=", value

    @property
    def everything(self) -> bool:
        return self.labels is None and not self.fields

    @property
    def name(self) -> str:
        """The one name that can match, or ""."""
        for path, operator, value in self.fields:
            if path == "metadata.name" and operator == "=":
                return value
        return ""

    def matcher(self, kind: Kind) -> Callable[[Stored], bool]:
        """A predicate on stored objects of that kind."""
        labels, fields = self.labels, self.fields

        def matches(stored: Stored) -> bool:
            found = stored.header or header(kind, stored)
            if labels is not None and not labels.matches(found.labels):
                return False
            if fields and any(path not in found.fields for path in kind.selectable):
                # A custom resource has more selectable fields than when this was written.
                found = stored.header = make_header(kind, loads(stored.value))
            return all(
                (_field(found, path) == value) == (operator == "=")
                for path, operator, value in fields
            )

        return matches if not self.everything else _any


def select(kind: Kind, label_selector: str, field_selector: str) -> Selection:
    """Parse both selectors, which a client wrote for this kind, for where its objects are kept.

    Raises BadRequest with upstream's messages.
    """
    try:
        labels = parse_selector(label_selector) if label_selector else None
        fields = tuple(parse_fields(field_selector)) if field_selector else ()
    except ValueError as error:
        raise BadRequest(str(error)) from None
    for path, _, _ in fields:
        known = path == "metadata.name" or (path == "metadata.namespace" and kind.namespaced)
        if not known and path not in kind.selectable:
            raise BadRequest(f"field label not supported: {path}")
    stored = kind.stored_labels
    return Selection(
        labels,
        tuple((stored.get(path, path), operator, value) for path, operator, value in fields),
    )


def _field(found: Header, path: str) -> str:
    if path == "metadata.name":
        return found.name
    if path == "metadata.namespace":
        return found.namespace
    return found.fields[path]


def _any(_stored: Stored) -> bool:
    return True
