"""What another server says that it serves, read into the form of aggregated discovery.

It is said in that form (`apidiscovery.k8s.io/v2`, `v2beta1`), for all its groups at once, or as the
APIResourceList of one group and version. Upstream: `kube-aggregator/pkg/apiserver`
(fetchFreshDiscoveryForService) and `apiserver/pkg/endpoints` (ConvertGroupVersionIntoToDiscovery).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Json = dict[str, Any]
GroupVersion = tuple[str, str]
_Read = Callable[[Any], Any]

_KIND: Final = "APIGroupDiscoveryList"
_GROUP: Final = "apidiscovery.k8s.io"
# What is asked for, the preferred form first.
ACCEPT: Final = ",".join(
    f"application/json;g={_GROUP};v={version};as={_KIND}" for version in ("v2", "v2beta1")
)


def is_aggregated(content_type: str) -> bool:
    """Whether an answer is in the form that was asked for, by its media type."""
    media_type, *rest = (part.strip() for part in content_type.split(";"))
    said = dict(part.partition("=")[::2] for part in rest)
    return (
        media_type == "application/json"
        and said.get("g") == _GROUP
        and said.get("v") in ("v2", "v2beta1")
        and said.get("as") == _KIND
    )


def read_aggregated(document: Any) -> Mapping[GroupVersion, Json]:
    """The versions of an APIGroupDiscoveryList, by group and version, each without its freshness.

    What is not known here is left out. Raises ValueError for what cannot be read.
    """
    found: dict[GroupVersion, Json] = {}
    for group in _listed(_mapping(document).get("items"), _mapping):
        name = _text(_mapping(group.get("metadata")).get("name"))
        for one in _listed(group.get("versions"), _mapping):
            version = _text(one.get("version"))
            found[name, version] = version_of(version, _listed(one.get("resources"), _resource))
    return found


def version_of(version: str, resources: list[Json] | None = None) -> Json:
    """One version of a group with its resources, as far as there are any."""
    return {"version": version, **({"resources": resources} if resources else {})}


def from_resource_list(version: str, document: Any) -> Json:
    """The version that an APIResourceList is of.

    Subresources go below their resource, or below one that is made for them. Raises ValueError for
    what cannot be read, or where the two differ in scope.
    """
    listed = _listed(_mapping(document).get("resources"), _mapping)
    found: dict[str, Json] = {}
    for one in listed:
        name = _text(one.get("name"))
        if "/" not in name:
            found[name] = _resource(
                {**one, "resource": name, "responseKind": one, "scope": _scope(one)}
                | {"singularResource": one.get("singularName"), "subresources": None}
            )
    for one in listed:
        name, slash, part = _text(one.get("name")).partition("/")
        if not slash:
            continue
        scope = _scope(one)
        parent = found.setdefault(name, _resource({"resource": name, "scope": scope}))
        if parent["scope"] != scope:
            raise ValueError(
                f"Error: Parent {name} (scope: {parent['scope']}) and subresource {part} "
                f"(scope: {scope}) scope do not match"
            )
        below = {"subresource": part, "responseKind": one, "verbs": one.get("verbs")}
        parent.setdefault("subresources", []).append(_subresource(below))
    return version_of(version, list(found.values()))


def _scope(one: Json) -> str:
    return "Namespaced" if one.get("namespaced") else "Cluster"


def _mapping(value: Any) -> Json:
    if value is not None and not isinstance(value, dict):
        raise ValueError("an object was expected")
    return value or {}


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise ValueError("a text was expected")
    return value or ""


def _listed(value: Any, read: _Read) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise ValueError("a list was expected")
    return [read(one) for one in value or ()]


def _texts(value: Any) -> list[str] | None:
    return None if value is None else _listed(value, _text)


def _named(value: Any) -> Json:
    found = _mapping(value)
    return {key: _text(found.get(key)) for key in ("group", "version", "kind")}


def _resource(value: Any) -> Json:
    return _read(value, _RESOURCE, _RESOURCE_LISTS)


def _subresource(value: Any) -> Json:
    return _read(value, _SUBRESOURCE, _SUBRESOURCE_LISTS)


def _read(value: Any, always: Mapping[str, _Read], if_any: Mapping[str, _Read]) -> Json:
    one = _mapping(value)
    found = {key: read(one.get(key)) for key, read in always.items()}
    lists = {key: _listed(one.get(key), read) for key, read in if_any.items()}
    return found | {key: listed for key, listed in lists.items() if listed}


_SUBRESOURCE: Final[Mapping[str, _Read]] = {
    "subresource": _text,
    "responseKind": _named,
    "verbs": _texts,
}
_SUBRESOURCE_LISTS: Final[Mapping[str, _Read]] = {"acceptedTypes": _named}
_RESOURCE: Final[Mapping[str, _Read]] = {
    "resource": _text,
    "responseKind": _named,
    "scope": _text,
    "singularResource": _text,
    "verbs": _texts,
}
_RESOURCE_LISTS: Final[Mapping[str, _Read]] = {
    "shortNames": _text,
    "categories": _text,
    "subresources": _subresource,
}
