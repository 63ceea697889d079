"""The file of all definitions of a version, of which only what is asked for is decoded.

The file is 1.6 MB, most of it descriptions, and a cluster looks into a tenth of it: it is cut at
its definitions (in the layout in which the package publishes it, a definition begins at an
indentation of four), and each is decoded when somebody looks it up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

Json = dict[str, Any]

_HEAD: Final = b'{\n  "$defs": {'
_BEGIN: Final = b'\n    "'
_END: Final = b"\n    }"
_KINDS: Final = b'"x-kubernetes-group-version-kind": '


class Definitions(Mapping[str, Json]):
    """Definitions by their names, such as `io.k8s.api.core.v1.Pod`, as published (sorted)."""

    def __init__(self, data: bytes) -> None:
        """Raises ValueError where it is no such file."""
        head, *parts = data.split(_BEGIN)
        if head != _HEAD:
            raise ValueError("a file of definitions in another layout")
        self._parts: dict[str, bytes] = {}
        for part in parts:
            name, _, text = part.partition(b'": ')
            self._parts[name.decode()] = text
        self._decoded: dict[str, Json] = {}

    def __getitem__(self, name: str) -> Json:
        found = self._decoded.get(name)
        if found is None:
            text = self._parts[name]
            found = orjson.loads(text[: text.index(_END) + len(_END)])
            self._decoded[name] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def kinds(self) -> dict[tuple[str, str, str], str]:
        """The definition of each group, version and kind.

        Options that every group takes over are first of all apimachinery's.
        """
        found: dict[tuple[str, str, str], str] = {}
        for name, text in self._parts.items():
            at = text.find(_KINDS)
            if at >= 0:
                for one in orjson.loads(text[at + len(_KINDS) : text.index(b"]", at) + 1]):
                    found.setdefault((one["group"], one["version"], one["kind"]), name)
        return found


class Extended(Mapping[str, Json]):
    """Definitions, and others beside or before them."""

    def __init__(self, more: Mapping[str, Json], definitions: Mapping[str, Json]) -> None:
        self._more = more
        self._definitions = definitions

    def __getitem__(self, name: str) -> Json:
        found = self._more.get(name)
        return self._definitions[name] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._definitions, *self._more)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._more or name in self._definitions
