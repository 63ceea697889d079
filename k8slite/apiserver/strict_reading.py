"""Configuration files in the forms of `apiserver.config.k8s.io`, read strictly.

What is not known is refused, as by upstream's strict decoders: a misspelled field of what decides
who may do what must not be passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = dict[str, Any]
# A field's type, or the fields of an object, or a list of one of them.
Shape = Any

GROUP: Final = "apiserver.config.k8s.io"


def read_strictly(document: Any, kind: str, versions: tuple[str, ...], shape: Shape) -> Json:
    """A document of that kind; absent fields stay absent. Raises ValueError."""
    known = [f"{GROUP}/{version}" for version in versions]
    if (
        not isinstance(document, dict)
        or document.get("kind") != kind
        or document.get("apiVersion") not in known
    ):
        raise ValueError(f"it is not an {kind} of {GROUP}/{versions[0]}")
    wrong = list(_wrong(document, {"kind": str, "apiVersion": str, **shape}, ""))
    if wrong:
        raise ValueError(f"strict decoding error: {', '.join(wrong)}")
    return document


def _wrong(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if value is None:
        return
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            yield f"{path} must be an object"
            return
        for key, one in value.items():
            inner = f"{path}.{key}" if path else str(key)
            if key not in shape:
                yield f'unknown field "{inner}"'
            else:
                yield from _wrong(one, shape[key], inner)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{path} must be a list"
            return
        for number, one in enumerate(value):
            yield from _wrong(one, shape[0], f"{path}[{number}]")
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        yield f"{path} must be of type {shape.__name__}"
