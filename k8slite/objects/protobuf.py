"""The API's objects as `application/vnd.kubernetes.protobuf`.

    decode(body)                          # {"apiVersion": "v1", "kind": "Pod", "metadata": ...}
    encode(obj)                           # the same bytes that Kubernetes makes of it
    watch_event("ADDED", obj)             # one frame of a watch

An object stands in an envelope (upstream: `runtime.Unknown`) after four magic bytes; a frame is its
length in four bytes and a `WatchEvent`. Custom resources have no such form. Mirrors upstream's
`apimachinery/pkg/runtime/serializer/protobuf`.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.protobuf_messages import Message, message
from k8slite.objects.protobuf_wire import BYTES, Malformed, piece, pieces, tag, wrong_wire

__all__ = ("Malformed", "NotEncodable", "Undecodable", "decode", "encode", "watch_event")

Json = dict[str, Any]

_MAGIC: Final = b"k8s\0"


class Undecodable(ValueError):
    """A body that is no object; `kind` and `api_version` as far as they were found out."""

    def __init__(self, message: str, api_version: str = "", kind: str = "") -> None:
        super().__init__(message)
        self.api_version = api_version
        self.kind = kind


class NotEncodable(ValueError):
    """An object of a kind that has no protobuf form."""


def decode(body: bytes, *, api_version: str = "", kind: str = "") -> Json:
    """The object in a body; `api_version` and `kind` are used where it does not say what it is.

    Fields are there as in the JSON that a Go client would send. Raises Undecodable.
    """
    if not body:
        raise Undecodable("empty data")
    if not body.startswith(_MAGIC):
        expected = " ".join(map(str, _MAGIC))
        raise Undecodable(
            f"provided data does not appear to be a protobuf message, expected prefix [{expected}]"
        )
    try:
        found_version, found_kind, raw = _envelope(body[len(_MAGIC) :])
    except Malformed as error:
        raise Undecodable(str(error)) from None
    api_version, kind = found_version or api_version, found_kind or kind
    if not kind:
        raise Undecodable("Object 'Kind' is missing in 'unstructured object has no kind'")
    if not api_version:
        raise Undecodable("Object 'apiVersion' is missing in 'object has no apiVersion field'")
    shape = _message(api_version, kind)
    if shape is None:
        raise Undecodable(
            f'no kind "{kind}" is registered for version "{api_version}" in scheme '
            '"pkg/api/legacyscheme/scheme.go:30"',
            api_version,
            kind,
        )
    try:
        obj = shape.read(raw)
    except Malformed as error:
        raise Undecodable(str(error), api_version, kind) from None
    return {"apiVersion": api_version, "kind": kind, **obj}


def encode(obj: Json) -> bytes:
    """An object, a list or a Status, by its apiVersion and kind.

    Raises NotEncodable for a kind without such a form, and for an object that is not of its kind.
    """
    api_version, kind = obj.get("apiVersion", ""), obj.get("kind", "")
    shape = _message(api_version, kind)
    if shape is None:
        raise NotEncodable(
            f"object {kind} in version {api_version} does not implement the protobuf marshalling "
            "interface and cannot be encoded to a protobuf message"
        )
    type_meta = piece(_FIRST, api_version.encode()) + piece(_SECOND, kind.encode())
    try:
        raw = shape.write(obj)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise NotEncodable(f"{kind} in version {api_version}: {error}") from error
    return b"".join((_MAGIC, piece(_FIRST, type_meta), piece(_SECOND, raw), _NO_CONTENT_TYPE))


def watch_event(event: str, obj: Json) -> bytes:
    """One frame of a watch. Raises NotEncodable."""
    raw = piece(_FIRST, encode(obj))
    frame = piece(_FIRST, event.encode()) + piece(_SECOND, raw)
    return len(frame).to_bytes(4, "big") + frame


def unfilled(api_version: str, kind: str) -> Json:
    """What Go prints of an object that nobody filled in."""
    found = _message(api_version, kind)
    return {"metadata": {}} if found is None else found.unfilled


def _message(api_version: str, kind: str) -> Message | None:
    group, _, version = api_version.rpartition("/")
    # Upstream's packages are named as the first part of their group.
    package = _PACKAGES.get(group) or group.partition(".")[0]
    found = message(f"{package}/{version}.{kind}")
    if found is None:
        # What every group takes over from apimachinery: DeleteOptions, Status and the like.
        found = message(f"meta/v1.{kind}") if kind in _EVERYWHERE else None
    return found


def _envelope(data: bytes) -> tuple[str, str, bytes]:
    api_version = kind = ""
    raw = b""
    for number, wire, value in pieces(data, "Unknown"):
        if number not in (1, 2):
            continue
        if not isinstance(value, bytes) or wire != BYTES:
            raise wrong_wire(wire, ("typeMeta", "raw")[number - 1])
        if number == 2:
            raw = value
            continue
        for inner, inner_wire, text in pieces(value, "TypeMeta"):
            if inner not in (1, 2):
                continue
            if not isinstance(text, bytes) or inner_wire != BYTES:
                raise wrong_wire(inner_wire, ("apiVersion", "kind")[inner - 1])
            if inner == 1:
                api_version = text.decode(errors="replace")
            else:
                kind = text.decode(errors="replace")
    return api_version, kind, raw


_FIRST: Final = tag(1, BYTES)
_SECOND: Final = tag(2, BYTES)
_NO_CONTENT_TYPE: Final = piece(tag(3, BYTES), b"") + piece(tag(4, BYTES), b"")
_PACKAGES: Final = {"": "core"}
_EVERYWHERE: Final = frozenset(
    (
        "CreateOptions",
        "DeleteOptions",
        "ListOptions",
        "PartialObjectMetadata",
        "PartialObjectMetadataList",
        "PatchOptions",
        "Status",
        "UpdateOptions",
        "WatchEvent",
        "APIGroup",
        "APIGroupList",
        "APIResourceList",
        "APIVersions",
    )
)
