"""The paths and operations of a kind, as OpenAPI v2 and v3 describe them.

Clients read from these which kind a resource is of (`x-kubernetes-group-version-kind`), what an
operation does (`x-kubernetes-action`) and which parameters it takes: kubectl looks for
`fieldValidation` among those of PATCH.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from k8slite.apiserver.openapi_schemas import Version, reference
from k8slite.kinds.kind import Kind, Subresource
from k8slite.objects.schema import Schemas

Json = dict[str, Any]

META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
# What operations refer to besides the kinds themselves.
OPTIONS: Final = tuple(META + name for name in ("DeleteOptions", "Patch", "Status", "WatchEvent"))


class _Operation(NamedTuple):
    verb: str  # of discovery
    method: str
    action: str  # x-kubernetes-action
    title: str  # the first word of the operationId
    parameters: tuple[str, ...]
    takes: str  # "", "object", "patch" or "options"
    gives: str  # "object", "list" or "status"
    everywhere: bool = False  # in all namespaces at once


def paths(kind: Kind, schemas: Schemas, version: Version) -> dict[str, Json]:
    """All paths of a kind and its subresources."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    place = f"{root}/namespaces/{{namespace}}" if kind.namespaced else root
    definition = definition_name(kind, schemas)
    found: dict[str, Json] = {}
    collection = _item(kind, _COLLECTION, definition, version)
    if collection:
        found[f"{place}/{kind.plural}"] = collection
    if kind.namespaced and "list" in kind.verbs:
        everywhere = _item(kind, _EVERYWHERE, definition, version)
        everywhere["parameters"] = []
        found[f"{root}/{kind.plural}"] = everywhere
    single = _item(kind, _SINGLE, definition, version)
    if single:
        found[f"{place}/{kind.plural}/{{name}}"] = single
    for subresource in kind.subresources:
        path = f"{place}/{kind.plural}/{{name}}/{subresource.name}"
        found[path] = _subresource_item(kind, subresource, schemas, version)
    return found


def definition_name(kind: Kind, schemas: Schemas) -> str:
    """The name of a kind's definition, "" if it is not published."""
    found = schemas.definition(kind.group, kind.version, kind.kind, name=kind.definition)
    return found.name if found is not None else ""


def list_definition(kind: Kind, definition: str) -> str:
    """The name of the definition of a kind's lists, given that of the kind."""
    return definition.removesuffix(kind.kind) + kind.list_kind


def subresource_definition(kind: Kind, subresource: Subresource, schemas: Schemas) -> str:
    """The name of the definition of what a subresource takes, "" if it is not published."""
    group, version = subresource.group, subresource.version
    if not version:
        group, version = kind.group, kind.version
    found = schemas.definition(group, version, subresource.kind)
    return found.name if found is not None else ""


def _item(
    kind: Kind,
    operations: tuple[_Operation, ...],
    definition: str,
    version: Version,
    suffix: str = "",
    verbs: tuple[str, ...] | None = None,
    of: tuple[str, str, str] | None = None,
) -> Json:
    found: Json = {}
    for operation in operations:
        if operation.verb in (kind.verbs if verbs is None else verbs):
            found[operation.method] = _operation(kind, operation, definition, version, suffix, of)
    if not found:
        return {}
    names = ("namespace",) if kind.namespaced else ()
    if operations is _SINGLE:
        names = ("name", *names)
    found["parameters"] = [
        *(_parameter(name, "path", version) for name in names),
        _parameter("pretty", "query", version),
    ]
    return found


def _subresource_item(
    kind: Kind, subresource: Subresource, schemas: Schemas, version: Version
) -> Json:
    definition = subresource_definition(kind, subresource, schemas)
    group, api_version = subresource.group, subresource.version
    if not api_version:
        group, api_version = kind.group, kind.version
    suffix = "".join(part.capitalize() for part in subresource.name.split("/"))
    item = _item(
        kind,
        (_CREATE, *_SINGLE),
        definition,
        version,
        suffix,
        subresource.verbs,
        (group, api_version, subresource.kind),
    )
    names = ("name", "namespace") if kind.namespaced else ("name",)
    item["parameters"] = [_parameter(name, "path", version) for name in names]
    return item


def _operation(
    kind: Kind,
    operation: _Operation,
    definition: str,
    version: Version,
    suffix: str,
    of: tuple[str, str, str] | None,
) -> Json:
    group, api_version, name = of or (kind.group, kind.version, kind.kind)
    given = {
        "object": definition,
        "list": list_definition(kind, definition) if definition else "",
        "status": f"{META}Status",
    }[operation.gives]
    taken = {
        "": "",
        "object": definition,
        "patch": f"{META}Patch",
        "options": f"{META}DeleteOptions",
    }[operation.takes]
    scope = "Namespaced" if kind.namespaced and not operation.everywhere else ""
    whose = "ForAllNamespaces" if operation.everywhere else ""
    found: Json = {
        "description": f"{operation.title} {kind.kind} {suffix}".strip(),
        "operationId": f"{operation.title}{_prefix(kind)}{scope}{kind.kind}{suffix}{whose}",
        "tags": [_tag(kind)],
        "parameters": [_parameter(one, "query", version) for one in operation.parameters],
        "responses": _responses(given, operation, version),
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": {
            "group": group, "version": api_version, "kind": name,
        },
    }  # fmt: skip
    types = _patch_types(kind) if operation.takes == "patch" else ("*/*",)
    _add_body(found, operation, taken, types, version)
    return found


def _add_body(
    found: Json, operation: _Operation, taken: str, types: tuple[str, ...], version: Version
) -> None:
    if version == 2:
        found["consumes"] = list(types)
        found["produces"] = list(_MEDIA_TYPES)
        found["schemes"] = ["https"]
        if taken:
            body = {"name": "body", "in": "body", "schema": reference(taken, 2)}
            required = {"required": True} if operation.takes != "options" else {}
            found["parameters"].append({**body, **required})
    elif taken:
        content = {one: {"schema": reference(taken, 3)} for one in types}
        required = {"required": True} if operation.takes != "options" else {}
        found["requestBody"] = {"content": content, **required}


def _patch_types(kind: Kind) -> tuple[str, ...]:
    """kubectl reads here which patch it may send; custom resources have no strategic one."""
    if kind.structural is None:
        return _PATCH_TYPES
    return tuple(one for one in _PATCH_TYPES if "strategic" not in one)


def _responses(given: str, operation: _Operation, version: Version) -> Json:
    found: Json = {"401": {"description": "Unauthorized"}}
    codes = {"200": "OK"}
    if operation.method in ("post", "put", "patch"):
        codes["201"] = "Created"
    if operation.method == "post" or operation.action == "delete":
        codes["202"] = "Accepted"
    for code, description in codes.items():
        response: Json = {"description": description}
        if given and version == 2:
            response["schema"] = reference(given, 2)
        elif given:
            schema = {"schema": reference(given, 3)}
            response["content"] = dict.fromkeys(_MEDIA_TYPES, schema)
        found[code] = response
    return found


def _parameter(name: str, place: str, version: Version) -> Json:
    schema: Json = {"type": _TYPES.get(name, "string"), "uniqueItems": True}
    found: Json = {"name": name, "in": place, "description": _DESCRIPTIONS.get(name, "")}
    if place == "path":
        found["required"] = True
    return {**found, **schema} if version == 2 else {**found, "schema": schema}


def _prefix(kind: Kind) -> str:
    group = kind.group.removesuffix(".k8s.io") or "core"
    words = [*group.split("."), kind.version]
    return "".join(word[0].upper() + word[1:] for word in words)


def _tag(kind: Kind) -> str:
    group = kind.group.removesuffix(".k8s.io") or "core"
    head, *rest = group.split(".")
    return f"{head}{''.join(word.capitalize() for word in rest)}_{kind.version}"


_MEDIA_TYPES: Final = (
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf",
)  # fmt: skip
_PATCH_TYPES: Final = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_TYPES: Final = {
    "allowWatchBookmarks": "boolean", "force": "boolean", "gracePeriodSeconds": "integer",
    "limit": "integer", "orphanDependents": "boolean", "sendInitialEvents": "boolean",
    "timeoutSeconds": "integer", "watch": "boolean",
    "ignoreStoreReadErrorWithClusterBreakingPotential": "boolean",
}  # fmt: skip
_DESCRIPTIONS: Final = {
    "dryRun": "All: do everything but store the result.",
    "fieldManager": "Who makes the change.",
    "fieldSelector": "Which objects, by their fields.",
    "fieldValidation": "What becomes of unknown and duplicate fields: Ignore, Warn or Strict.",
    "force": "Take fields over from other managers (apply only).",
    "labelSelector": "Which objects, by their labels.",
    "name": "name of the object",
    "namespace": "object name and auth scope, such as for teams and projects",
    "pretty": "If 'true', then the output is pretty printed.",
}
_LIST_PARAMETERS: Final = (
    "allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit",
    "resourceVersion", "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch",
)  # fmt: skip
_WRITE_PARAMETERS: Final = ("dryRun", "fieldManager", "fieldValidation")
_DELETE_PARAMETERS: Final = (
    "dryRun", "gracePeriodSeconds", "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents", "propagationPolicy",
)  # fmt: skip
_CREATE: Final = _Operation(
    "create", "post", "post", "create", _WRITE_PARAMETERS, "object", "object"
)
_LIST: Final = _Operation("list", "get", "list", "list", _LIST_PARAMETERS, "", "list")
_DELETE_COLLECTION: Final = _Operation(
    "deletecollection",
    "delete",
    "deletecollection",
    "deleteCollection",
    (*_DELETE_PARAMETERS, *(one for one in _LIST_PARAMETERS if one not in ("watch",))),
    "options",
    "status",
)
_COLLECTION: Final = (_LIST, _CREATE, _DELETE_COLLECTION)
_EVERYWHERE: Final = (_LIST._replace(everywhere=True),)
_SINGLE: Final = (
    _Operation("get", "get", "get", "read", (), "", "object"),
    _Operation("update", "put", "put", "replace", _WRITE_PARAMETERS, "object", "object"),
    _Operation(
        "patch", "patch", "patch", "patch", (*_WRITE_PARAMETERS, "force"), "patch", "object"
    ),
    _Operation("delete", "delete", "delete", "delete", _DELETE_PARAMETERS, "options", "status"),
)
