"""Complaints about single fields, in upstream's words (`apimachinery/pkg/util/validation/field`).

A validation function returns a list of these; the registry turns them into one Invalid error.
A path is a string such as `spec.containers[0].image`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from k8slite.objects.errors import Cause, Invalid


def required(path: str, detail: str = "") -> Cause:
    """A value that must be there is not."""
    return Cause("FieldValueRequired", _joined("Required value", detail), path)


def invalid(path: str, value: Any, detail: str) -> Cause:
    """A value is there and wrong."""
    return Cause("FieldValueInvalid", _joined(f"Invalid value: {quoted(value)}", detail), path)


def not_supported(path: str, value: Any, supported: Iterable[str]) -> Cause:
    """A value is none of those that there are; they are listed sorted, as upstream does."""
    known = ", ".join(f'"{one}"' for one in sorted(supported))
    return Cause(
        "FieldValueNotSupported",
        f"Unsupported value: {quoted(value)}: supported values: {known}",
        path,
    )


def duplicate(path: str, value: Any) -> Cause:
    """A value that must be unique comes twice."""
    return Cause("FieldValueDuplicate", f"Duplicate value: {quoted(value)}", path)


def forbidden(path: str, detail: str) -> Cause:
    """A field that may not be set, or not be changed."""
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", path)


def not_found(path: str, value: Any) -> Cause:
    """A reference to something that is not there."""
    return Cause("FieldValueNotFound", f"Not found: {quoted(value)}", path)


def too_long(path: str, limit: int) -> Cause:
    """A string of more bytes than may be."""
    return Cause("FieldValueTooLong", f"Too long: may not be more than {limit} bytes", path)


def too_many(path: str, actual: int, limit: int) -> Cause:
    """A list with more items than may be."""
    return Cause("FieldValueTooMany", f"Too many: {actual}: must have at most {limit} items", path)


def quoted(value: Any) -> str:
    """A value as upstream prints it inside a complaint: Go's %q for strings, JSON otherwise."""
    return orjson.dumps(value).decode()


def refuse(kind: str, group: str, name: str, causes: Sequence[Cause]) -> Invalid:
    """The one Invalid error of all complaints about an object (upstream: `errors.NewInvalid`)."""
    qualified = f"{kind}.{group}" if group else kind
    # What is said twice is told twice among the causes, but once in the message.
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    said = {"name": name, "kind": kind, "group": group}
    details = {key: text for key, text in said.items() if text}
    return Invalid(f'{qualified} "{name}" is invalid: {listed}', details=details, causes=causes)


def _joined(message: str, detail: str) -> str:
    return f"{message}: {detail}" if detail else message
