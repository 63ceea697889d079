"""Manifests as a user has them: YAML text with several documents, Lists, or decoded objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]


def documents(found: str | Sequence[Mapping[str, Any]]) -> list[Json]:
    """The objects, Lists taken apart. Raises ValueError for what is not an object."""
    read: Iterable[Any] = _yaml(found) if isinstance(found, str) else found
    objects: list[Json] = []
    for one in read:
        if one is None:
            continue
        if not isinstance(one, Mapping) or not one.get("kind") or not one.get("apiVersion"):
            raise ValueError(f"not an object with apiVersion and kind: {one!r}")
        if one["kind"] == "List":
            objects += documents(one.get("items") or ())
        else:
            objects.append(dict(one))
    return objects


def _yaml(text: str) -> Iterable[Any]:
    from ruamel.yaml import YAML  # who gives decoded objects pays nothing for it
    from ruamel.yaml.error import YAMLError

    try:
        return list(YAML(typ="safe", pure=True).load_all(text))
    except YAMLError as error:
        raise ValueError(f"the manifest is no YAML: {error}") from None
