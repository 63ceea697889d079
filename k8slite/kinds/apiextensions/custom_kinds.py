"""From a CustomResourceDefinition to the kinds that it defines, one for each served version.

Pure: the same definition makes the same kinds. What upstream's `customresource_handler` sets up
for each version is here said in a Kind: columns, selectable fields, subresources, strategy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from k8slite.kinds.apiextensions.custom_columns import table_of
from k8slite.kinds.apiextensions.custom_strategy import strategy_of
from k8slite.kinds.entry import scale, status, storage_version_hash, text_at
from k8slite.kinds.family import Family
from k8slite.kinds.kind import Kind, ScalePaths
from k8slite.objects.json_path import field_names
from k8slite.objects.meta import has_condition
from k8slite.objects.structural import Structural

Json = dict[str, Any]

META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."


def kinds_of(definition: Json) -> list[Kind]:
    """The kinds of a definition that is established; none of one that is not."""
    if not has_condition(definition, "Established"):
        return []
    family = _family(definition)
    versions = definition["spec"]["versions"]
    return [_kind(definition, family, version) for version in versions if version.get("served")]


def definition_name(kind: Kind, name: str = "") -> str:
    """How the published definition of a custom kind is called: com.example.v1.Foo.

    `name` is another kind of the same group and version, such as its list.
    """
    return ".".join((*reversed(kind.group.split(".")), kind.version, name or kind.kind))


def published(kind: Kind) -> dict[str, Json]:
    """The definitions of a custom kind and of its list, as the published ones are written."""
    assert kind.structural is not None, "only custom kinds are published so"
    name, list_name = definition_name(kind), definition_name(kind, kind.list_kind)
    json = _as_published(kind.structural.json)
    json.setdefault("type", "object")
    json["properties"] = {**(json.get("properties") or {}), **_TYPE_META, "metadata": _METADATA}
    json["x-kubernetes-group-version-kind"] = [_group_version_kind(kind, kind.kind)]
    if kind.selectable:
        json["x-kubernetes-selectable-fields"] = [{"fieldPath": path} for path in kind.selectable]
    items = {
        "description": f"List of {kind.plural}. More info: {_CONVENTIONS}",
        "items": {"$ref": f"#/$defs/{name}"},
        "type": "array",
    }
    listed = {
        "description": f"{kind.list_kind} is a list of {kind.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            **_TYPE_META,
            "items": items,
            "metadata": _LIST_METADATA,
        },
        "x-kubernetes-group-version-kind": [_group_version_kind(kind, kind.list_kind)],
    }
    return {name: json, list_name: listed}


def _family(definition: Json) -> Family:
    spec, status = definition["spec"], definition["status"]
    versions = spec["versions"]
    kept = next(one["name"] for one in versions if one.get("storage"))
    schemas = {
        one["name"]: Structural.of((one.get("schema") or {}).get("openAPIV3Schema") or {})
        for one in versions
    }
    conversion = spec.get("conversion") or {}
    webhook = conversion.get("webhook") or {} if conversion.get("strategy") == "Webhook" else {}
    return Family(
        group=spec["group"],
        kind=status["acceptedNames"]["kind"],
        kept=kept,
        oldest=next(iter(status.get("storedVersions") or ()), kept),
        schemas=schemas,
        client=webhook.get("clientConfig"),
        review_versions=tuple(webhook.get("conversionReviewVersions") or ()),
    )


def _kind(definition: Json, family: Family, version: Json) -> Kind:
    spec = definition["spec"]
    names = definition["status"]["acceptedNames"]
    group, kind = spec["group"], names["kind"]
    schema = family.schemas[version["name"]]
    parts = version.get("subresources") or {}
    namespaced = spec["scope"] == "Namespaced"
    subresources = []
    if "status" in parts:
        subresources.append(status(kind))
    if parts.get("scale"):
        subresources.append(scale())
    return Kind(
        group=group,
        version=version["name"],
        kind=kind,
        plural=names["plural"],
        singular=names.get("singular") or kind.lower(),
        namespaced=namespaced,
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(subresources),
        storage_version_hash=storage_version_hash(f"{group}/{family.kept}/{kind}"),
        strategy=strategy_of(definition, schema, has_status="status" in parts),
        table=table_of(version),
        selectable=_selectable(version.get("selectableFields") or ()),
        family=family,
        structural=schema,
        scale=_scale_paths(parts.get("scale")),
        list_kind=names.get("listKind") or f"{kind}List",
    )


def _selectable(fields: Iterable[Json]) -> dict[str, Any]:
    found = {}
    for one in fields:
        names = field_names(one["jsonPath"])
        found[".".join(names)] = text_at(*names)
    return found


def _scale_paths(scale: Json | None) -> ScalePaths | None:
    if not scale:
        return None
    selector = scale.get("labelSelectorPath")
    return ScalePaths(
        field_names(scale["specReplicasPath"]),
        field_names(scale["statusReplicasPath"]),
        field_names(selector) if selector else (),
    )


def _group_version_kind(kind: Kind, name: str) -> Json:
    return {"group": kind.group, "kind": name, "version": kind.version}


def _as_published(json: Json) -> Json:
    """A schema in the form of the published ones, which have no maps of just anything."""
    found: Json = {}
    for key, value in json.items():
        if key == "properties":
            found[key] = {name: _as_published(one) for name, one in value.items()}
        elif key in ("items", "additionalProperties", "not") and isinstance(value, dict):
            found[key] = _as_published(value)
        elif key in ("allOf", "anyOf", "oneOf"):
            found[key] = [_as_published(one) for one in value]
        elif key == "additionalProperties":
            if value:
                found["x-kubernetes-preserve-unknown-fields"] = True
        else:
            found[key] = value
    if json.get("x-kubernetes-embedded-resource"):
        found["properties"] = {**found.get("properties", {}), **_TYPE_META, "metadata": _METADATA}
    return found


_CONVENTIONS: Final = (
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
)
_METADATA: Final[Json] = {
    "$ref": f"#/$defs/{META}ObjectMeta",
    "description": f"Standard object's metadata. More info: {_CONVENTIONS}#metadata",
}
_LIST_METADATA: Final[Json] = {
    "$ref": f"#/$defs/{META}ListMeta",
    "description": f"Standard list metadata. More info: {_CONVENTIONS}#types-kinds",
}
_TYPE_META: Final[Json] = {
    "apiVersion": {
        "description": (
            "APIVersion defines the versioned schema of this representation of an object. Servers "
            "should convert recognized schemas to the latest internal value, and may reject "
            f"unrecognized values. More info: {_CONVENTIONS}#resources"
        ),
        "type": "string",
    },
    "kind": {
        "description": (
            "Kind is a string value representing the REST resource this object represents. Servers "
            "may infer this from the endpoint the client submits requests to. Cannot be updated. "
            f"In CamelCase. More info: {_CONVENTIONS}#types-kinds"
        ),
        "type": "string",
    },
}
