"""JSON patch (RFC 6902): a list of operations, all of which succeed or none.

Upstream never says which operation failed and why: the answer is always the same 422. As there,
an index may be negative, counting from the end, and the whole object cannot be replaced.
"""

from __future__ import annotations

import re
from typing import Any, Final

from k8slite.objects.errors import BadRequest, Invalid, RequestEntityTooLarge
from k8slite.objects.schema import Schema
from k8slite.objects.schema_scalars import json_kind

Json = dict[str, Any]

# Upstream's `maxJSONPatchOperations`: applying is linear in operations times the object's size.
OPERATIONS_LIMIT: Final = 10_000
# How far `copy` may make an object grow (upstream allows three times a request's 3 MiB), counted
# in values, of which none takes less than a byte.
COPIED_VALUES_LIMIT: Final = 3 * 1024 * 1024


def apply(patch: Any, obj: Json, _definition: Schema | None = None) -> Json:
    """The object after all operations.

    Raises BadRequest for a malformed patch, RequestEntityTooLarge for too many operations,
    Invalid where an operation does not fit the object.
    """
    _check(patch)
    editing = _Editing(obj)
    try:
        for operation in patch:
            editing.run(operation)
    except _Failed:
        raise Invalid(
            "the server rejected our request due to an error in our request", details={}
        ) from None
    return editing.document


class _Failed(Exception):
    """An operation does not fit."""


class _Editing:
    """One object under way; containers are copied when they are first written to."""

    def __init__(self, obj: Json) -> None:
        self.document: Json = dict(obj)
        # Copies made here, by identity; kept, so that no identity is used twice.
        self._own: dict[int, Any] = {id(self.document): self.document}
        self._copied_values = 0

    def run(self, operation: Json) -> None:
        """Apply one operation. Raises _Failed."""
        name = operation.get("op")
        path = _pointer(operation.get("path"))
        if name == "test":
            self._test(path, operation.get("value"))
        elif not path:
            raise _Failed
        elif name == "add":
            if "value" not in operation:
                raise _Failed
            self._add(path, operation["value"])
        elif name == "remove":
            self._remove(path)
        elif name == "replace":
            if "value" not in operation:
                raise _Failed
            self._replace(path, operation["value"])
        elif name == "move":
            source = _pointer(operation.get("from"))
            if not source:
                raise _Failed
            value = self._get(source)
            self._remove(source)
            self._add(path, value)
        elif name == "copy":
            value = self._get(_pointer(operation.get("from")))
            self._copied_values += _size(value)
            if self._copied_values > COPIED_VALUES_LIMIT:
                raise _Failed
            # From now on the value is in two places, neither of which may be written to.
            self._own.clear()
            self._add(path, value)
        else:
            raise _Failed

    def _test(self, path: list[str], wanted: Any) -> None:
        try:
            found = self._get(path)
        except _Failed:
            if wanted is None:
                return
            raise
        if not _same(found, wanted):
            raise _Failed

    def _add(self, path: list[str], value: Any) -> None:
        parent, key = self._parent(path)
        if isinstance(parent, dict):
            parent[key] = value
        elif key == "-":
            parent.append(value)
        else:
            parent.insert(_index(key, len(parent), 1), value)

    def _remove(self, path: list[str]) -> None:
        parent, key = self._parent(path)
        if isinstance(parent, list):
            del parent[_index(key, len(parent), 0)]
        elif key in parent:
            del parent[key]
        else:
            raise _Failed

    def _replace(self, path: list[str], value: Any) -> None:
        parent, key = self._parent(path)
        if isinstance(parent, list):
            parent[_index(key, len(parent), 0)] = value
        elif key in parent:
            parent[key] = value
        else:
            raise _Failed

    def _get(self, path: list[str]) -> Any:
        found: Any = self.document
        for key in path:
            found = found[_key(found, key)]
        return found

    def _parent(self, path: list[str]) -> tuple[Any, str]:
        """The container that holds the path's last part, ready to be written to."""
        if id(self.document) not in self._own:
            self.document = self._owned(self.document)
        found: Any = self.document
        for part in path[:-1]:
            key = _key(found, part)
            child = found[key]
            if not isinstance(child, dict | list):
                raise _Failed
            if id(child) not in self._own:
                child = found[key] = self._owned(child)
            found = child
        return found, path[-1]

    def _owned(self, container: Any) -> Any:
        copied = container.copy()
        self._own[id(copied)] = copied
        return copied


def _check(patch: Any) -> None:
    if not isinstance(patch, list):
        raise BadRequest(
            f"error decoding patch: json: cannot unmarshal {json_kind(patch)} into Go value of "
            "type []handlers.jsonPatchOp"
        )
    for operation in patch:
        if not isinstance(operation, dict):
            raise BadRequest(
                f"error decoding patch: json: cannot unmarshal {json_kind(operation)} into Go "
                "value of type handlers.jsonPatchOp"
            )
        for key in ("op", "path", "from"):
            value = operation.get(key, "")
            if value is not None and not isinstance(value, str):
                raise BadRequest(
                    f"error decoding patch: json: cannot unmarshal {json_kind(value)} into Go "
                    f"struct field jsonPatchOp.{key} of type string"
                )
    if len(patch) > OPERATIONS_LIMIT:
        raise RequestEntityTooLarge(
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{OPERATIONS_LIMIT}, got {len(patch)}"
        )


def _pointer(path: str | None) -> list[str]:
    """The parts of a JSON pointer (RFC 6901)."""
    if path is None:
        raise _Failed
    if not path:
        return []
    if not path.startswith("/"):
        raise _Failed
    return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]


def _key(container: Any, part: str) -> str | int:
    if isinstance(container, dict):
        if part not in container:
            raise _Failed
        return part
    if isinstance(container, list):
        return _index(part, len(container), 0)
    raise _Failed


def _index(part: str, length: int, spare: int) -> int:
    if not _INDEX.fullmatch(part):
        raise _Failed
    index = int(part)
    if index < 0:
        index += length + spare
    if not 0 <= index < length + spare:
        raise _Failed
    return index


def _size(value: Any) -> int:
    count = 0
    waiting = [value]
    while waiting and count <= COPIED_VALUES_LIMIT:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return count


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON values: True is not 1."""
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(_same(value, right[key]) for key, value in left.items())
        )
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(_same(*pair) for pair in zip(left, right, strict=True))
        )
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


_INDEX: Final = re.compile(r"[-+]?[0-9]{1,9}", re.ASCII)
