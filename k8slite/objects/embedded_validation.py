"""Whole objects that are part of a custom one: what every object must say of itself.

A version and a kind must be there, metadata need not. Upstream:
`apiextensions-apiserver/pkg/apiserver/schema/objectmeta`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, quoted, required
from k8slite.objects.metadata_validation import validate_metadata
from k8slite.objects.names import is_dns1035_label
from k8slite.objects.structural import Structural

Json = dict[str, Any]

_EMPTY = "must not be empty"


def validate_embedded(schema: Structural, obj: Json) -> Iterator[Cause]:
    """Complaints about the objects that are part of one."""
    for path, part in schema.embedded_objects(obj):
        for name in ("apiVersion", "kind"):
            if name not in part:
                yield required(f"{path}.{name}", _EMPTY)
        for name, value in part.items():
            where = f"{path}.{name}"
            if name in ("apiVersion", "kind"):
                text = _version_complaint(value) if name == "apiVersion" else _kind_complaint(value)
                if text:
                    yield invalid(where, value, text)
            elif name == "metadata":
                yield from _metadata(value, where)


def _version_complaint(value: Any) -> str:
    if not isinstance(value, str):
        return "must be a string"
    if not value:
        return _EMPTY
    return f"unexpected GroupVersion string: {value}" if value.count("/") > 1 else ""


def _kind_complaint(value: Any) -> str:
    if not isinstance(value, str):
        return "must be a string"
    if not value:
        return _EMPTY
    complaints = is_dns1035_label(value.lower())
    if not complaints:
        return ""
    return f"may have mixed case, but should otherwise match: {','.join(complaints)}"


def _metadata(value: Any, where: str) -> Iterator[Cause]:
    if not isinstance(value, dict):
        yield invalid(where, value, f"cannot be read as metadata: {quoted(type(value).__name__)}")
        return
    named = {**value, "name": value.get("name") or "a"}  # a name of its own is not needed
    namespaced = bool(value.get("namespace"))
    for cause in validate_metadata(
        {"metadata": named}, None, "path", namespaced, plain_finalizers=True
    ):
        yield evolve(cause, field=f"{where.removesuffix('metadata')}{cause.field}")
