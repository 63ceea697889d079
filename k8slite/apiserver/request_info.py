"""What a request is about, read from its method, path and query alone.

Mirrors upstream's `apiserver/pkg/endpoints/request.RequestInfoFactory`: the verb that
authorization and metrics speak of, and the resource's coordinates.
"""

from __future__ import annotations

from typing import Final

from attrs import evolve, frozen

from k8slite.messages import Request
from k8slite.objects.selectors import FieldRequirement, parse_fields

_VERBS: Final = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
# Below a namespace these are the namespace's own subresources, not resources in it.
_NAMESPACE_SUBRESOURCES: Final = frozenset(("status", "finalize"))
_TRUE: Final = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_OF_COLLECTIONS: Final = frozenset(("list", "watch", "deletecollection"))
_FALSE: Final = frozenset(("0", "f", "F", "false", "FALSE", "False", ""))


@frozen
class RequestInfo:
    """Where a request goes; for a path outside the resources only `verb` and `path` count."""

    verb: str
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""  # what a proxied path has beyond the subresource
    fields: tuple[FieldRequirement, ...] = ()  # what a collection's field selector asks for

    def selects(self, path: str, value: str) -> bool:
        """Whether only objects with that value in a field are asked for."""
        return any(one == (path, "=", value) for one in self.fields)


def flag(text: str) -> bool:
    """A boolean query parameter, as upstream's conversion reads it: what is not false is true."""
    return text not in _FALSE


def with_selectors(info: RequestInfo, request: Request) -> RequestInfo:
    """What is asked of a collection, with what it is narrowed down to, for authorization.

    A selector that cannot be read narrows nothing. (Upstream: `RequestInfo.FieldSelector`; who
    lists or watches by `metadata.name` names an object.)
    """
    text = request.parameter("fieldSelector") if info.verb in _OF_COLLECTIONS else ""
    if not text:
        return info
    try:
        fields = parse_fields(text)
    except ValueError:
        return info
    names = [one.value for one in fields if one.path == "metadata.name" and one.operator == "="]
    if names and not info.name and info.verb != "deletecollection":
        return evolve(info, fields=fields, name=names[0])
    return evolve(info, fields=fields)


def request_info(request: Request) -> RequestInfo:
    """Parse a request."""
    path = request.path
    parts = path.strip("/").split("/")
    lower = request.method.lower()
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return RequestInfo(lower, path)
    verb = _VERBS.get(request.method, "")
    if rest[0] == "watch" and len(rest) > 1:  # the deprecated form of ?watch=true
        verb, rest = "watch", rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource = rest[0]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if not name:
        if verb == "get":
            verb = "watch" if flag(request.parameter("watch")) else "list"
        elif verb == "delete":
            verb = "deletecollection"
    elif verb == "get" and not subresource and flag(request.parameter("watch")):
        verb = "watch"
    return RequestInfo(
        verb,
        path,
        True,
        group,
        version,
        namespace,
        resource,
        name,
        subresource,
        "/".join(rest[3:]),
    )
