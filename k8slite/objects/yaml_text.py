"""YAML as Kubernetes reads it: one document, into what JSON can say.

A key that comes twice is no error: the last one counts. Who wants to know asks for
`duplicate_keys`, whose words are those of Go's parser (upstream: `sigs.k8s.io/yaml`).
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from k8slite.objects.schema_duplicates import duplicate_fields


def load(text: bytes) -> Any:
    """What a text says. Raises ValueError, with the parser's words."""
    try:
        return orjson.loads(text)  # JSON is YAML, but for what its escapes stand for
    except orjson.JSONDecodeError:
        return _loaded(text)[0]


def duplicate_keys(text: bytes) -> str:
    """A complaint about the keys that come twice, "" if none does; the text can be loaded."""
    try:
        if not duplicate_fields(text):
            return ""  # JSON is nearly always without, which is found out by counting
    except ValueError:
        pass  # it is no JSON
    found = _loaded(text)[1]
    return "\n  ".join(("yaml: unmarshal errors:", *found)) if found else ""


def _loaded(text: bytes) -> tuple[Any, list[str]]:
    """What a text says, and its keys that come twice."""
    # Imported where they are needed: `up` does not need them.
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor
    from ruamel.yaml.error import YAMLError

    twice: list[str] = []

    class Constructor(SafeConstructor):
        """Lets the last of several keys count, and notes where the others stood."""

        def check_mapping_key(
            self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any
        ) -> bool:
            if key in mapping:
                # Upstream gives the line of the value, of a block the one that it begins in.
                at = next(of for name, of in node.value if name is key_node).start_mark
                twice.append(f"line {at.line + 1}: key {_quoted(key)} already set in map")
            return True

    parser = YAML(typ="safe", pure=True)
    parser.Constructor = Constructor
    try:
        found = parser.load(text)
        # Dates and numbers for keys are texts in JSON.
        return orjson.loads(orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS)), twice
    except (YAMLError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(str(error)) from None


def _quoted(key: Any) -> str:
    return json.dumps(key) if isinstance(key, str) else str(key)
