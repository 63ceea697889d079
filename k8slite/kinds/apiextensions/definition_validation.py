"""CustomResourceDefinitions: names, versions and that every version has a schema.

Mirrors the outer part of `apiextensions-apiserver/pkg/apis/apiextensions/validation`; whether a
schema is structural is told where schemas are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from k8slite.kinds.apiextensions.conversion_validation import (
    missing_versions,
    recognizes_reviews,
    trusts_any_bundle,
    validate_conversion,
)
from k8slite.kinds.apiextensions.schema_validation import validate_schema
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, invalid, not_supported, required
from k8slite.objects.json_path import BadPath, field_names, parse_path
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_dns1035_label, is_dns1123_subdomain

Json = dict[str, Any]


def validate_definition(new: Json, old: Json | None) -> list[Cause]:
    """A CustomResourceDefinition."""
    spec = new.get("spec", {})
    names, group = spec.get("names", {}), spec.get("group", "")
    found: list[Cause] = []
    wanted = f"{names.get('plural', '')}.{group}"
    name = new["metadata"].get("name", "")
    if name != wanted:
        text = 'must be spec.names.plural+"."+spec.group'
        found.append(invalid("metadata.name", name, text))
    found += _group(group)
    scope = spec.get("scope", "")
    if scope not in ("Cluster", "Namespaced"):
        known = ("Cluster", "Namespaced")
        found.append(not_supported("spec.scope", scope, known) if scope else required("spec.scope"))
    found += _versions(spec)
    found += _names(names)
    found += validate_conversion(
        spec.get("conversion") or {},
        "spec.conversion",
        recognized=old is None or recognizes_reviews(old),
        trusting=old is None or trusts_any_bundle(old),
    )
    if old is not None:
        found += _update(spec, old)
    return found


def _group(group: str) -> list[Cause]:
    if not group:
        return [required("spec.group")]
    wrong = each("spec.group", group, is_dns1123_subdomain(group))
    if not wrong and "." not in group:
        return [invalid("spec.group", group, "should be a domain with at least one dot")]
    return wrong


def _versions(spec: Json) -> list[Cause]:
    versions = spec.get("versions", ())
    found: list[Cause] = []
    seen: list[str] = []
    for i, version in enumerate(versions):
        at = f"spec.versions[{i}]"
        name = version.get("name", "")
        found += each(f"{at}.name", name, is_dns1035_label(name))
        if name in seen:
            found.append(duplicate(f"{at}.name", name))
        seen.append(name)
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not schema:
            found.append(required(f"{at}.schema.openAPIV3Schema"))
        else:
            # Upstream tells of the schema of an only version as of the whole definition's.
            where = "spec.validation" if len(versions) == 1 else f"{at}.schema"
            found += validate_schema(schema, f"{where}.openAPIV3Schema")
        found += _selectable(version.get("selectableFields") or (), at)
        for j, column in enumerate(version.get("additionalPrinterColumns", ())):
            where = f"{at}.additionalPrinterColumns[{j}]"
            found += [
                required(f"{where}.{key}")
                for key in ("name", "type", "jsonPath")
                if not column.get(key)
            ]
            if column.get("type") and column["type"] not in _COLUMN_TYPES:
                found.append(not_supported(f"{where}.type", column["type"], _COLUMN_TYPES))
            found += _path(column.get("jsonPath", ""), f"{where}.jsonPath")
        scale = (version.get("subresources") or {}).get("scale")
        if scale is not None:
            found += _scale(scale, f"{at}.subresources.scale")
    stored = [version for version in versions if version.get("storage")]
    if len(stored) != 1:
        text = "must have exactly one version marked as storage version"
        found.append(invalid("spec.versions", versions, text))
    return found


def _path(text: str, at: str) -> Iterator[Cause]:
    try:
        parse_path(text)
    except BadPath:
        yield invalid(at, text, "is an invalid jsonpath")


def _scale(scale: Json, at: str) -> Iterator[Cause]:
    for key, below, where in _SCALE_PATHS:
        text = scale.get(key) or ""
        if not text:
            if key != "labelSelectorPath":
                yield required(f"{at}.{key}")
            continue
        try:
            names = field_names(text)
        except BadPath:
            yield invalid(f"{at}.{key}", text, "is an invalid jsonpath")
            continue
        if names[0] not in below or len(names) < 2:
            yield invalid(f"{at}.{key}", text, f"should be a json path under {where}")


def _selectable(fields: Iterable[Json], at: str) -> Iterator[Cause]:
    for i, one in enumerate(fields):
        try:
            field_names(one.get("jsonPath", ""))
        except BadPath:
            where = f"{at}.selectableFields[{i}].jsonPath"
            yield invalid(where, one.get("jsonPath", ""), "is an invalid path")


def _names(names: Json) -> list[Cause]:
    found: list[Cause] = []
    for key in ("plural", "singular", "kind", "listKind"):
        value = names.get(key, "")
        at = f"spec.names.{key}"
        if not value:
            found.append(required(at))
            continue
        wrong = is_dns1035_label(value.lower())
        if wrong:
            text = f"may have mixed case, but should otherwise match: {', '.join(wrong)}"
            found.append(invalid(at, value, text))
        elif key in ("plural", "singular") and not _LOWER.fullmatch(value):
            found += each(at, value, is_dns1035_label(value))
    for i, short in enumerate(names.get("shortNames", ())):
        found += each(f"spec.names.shortNames[{i}]", short, is_dns1035_label(short))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        text = "kind and listKind may not be the same"
        found.append(invalid("spec.names.listKind", names["listKind"], text))
    return found


def _update(spec: Json, old: Json) -> list[Cause]:
    before = old.get("spec", {})
    found = immutable("spec.group", spec.get("group"), before.get("group"))
    found += immutable("spec.scope", spec.get("scope"), before.get("scope"))
    for key in ("kind", "plural"):
        names, old_names = spec.get("names", {}), before.get("names", {})
        found += immutable(f"spec.names.{key}", names.get(key), old_names.get(key))
    stored = old.get("status", {}).get("storedVersions") or ()
    return found + missing_versions(stored, spec.get("versions", ()))


_SCALE_PATHS: Final = (
    ("specReplicasPath", ("spec",), ".spec"),
    ("statusReplicasPath", ("status",), ".status"),
    ("labelSelectorPath", ("status", "spec"), "either .status or .spec"),
)
_LOWER: Final = re.compile("[a-z0-9-]*")
_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
