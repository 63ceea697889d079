"""What expressions of policies and of match conditions may name, with its types.

Upstream: `apiserver/pkg/admission/plugin/cel/compile.go` (BuildRequestType, BuildNamespaceType),
`apiserver/pkg/cel/mutation` (the types Object and JSONPatch).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.objects.cel.authorizer import AUTHORIZER, RESOURCE_CHECK
from k8slite.objects.cel.types import (
    BOOL,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
)

OBJECT: Final = "Object"
JSON_PATCH: Final = "JSONPatch"


def variables_of(
    *,
    params: Type | None = None,
    authorizer: bool = True,
    composed: Mapping[str, Type] | None = None,
    watched: Type = DYN,
) -> dict[str, Type]:
    """The variables: `params` only of a policy that has them, `composed` are its own ones."""
    found = {
        "object": watched,
        "oldObject": watched,
        "request": _REQUEST,
        "namespaceObject": _NAMESPACE,
    }
    if params is not None:
        found["params"] = params
    if authorizer:
        found |= {"authorizer": AUTHORIZER, "authorizer.requestResource": RESOURCE_CHECK}
    if composed is not None:
        found["variables"] = Type("kubernetes.variables", fields=composed)
    return found


def patch_type(name: str) -> Type | None:
    """A type that a mutation can write out: `Object.spec{...}`, `JSONPatch{...}`."""
    if name == JSON_PATCH:
        return _JSON_PATCH
    if name == OBJECT or name.startswith(f"{OBJECT}."):
        return Type(name, fields=_AnyField())
    return None


class _AnyField:
    """An object is checked against its schema when it is there, as upstream does."""

    def get(self, _name: str, /) -> Type | None:
        return DYN


def _object(of: str, /, **fields: Type) -> Type:
    return Type(f"kubernetes.{of}", fields=fields)


_TEXTS: Final = list_of(STRING)
_LABELS: Final = map_of(STRING, STRING)
_JSON_PATCH: Final = Type(
    JSON_PATCH, fields={"op": STRING, "from": STRING, "path": STRING, "value": DYN}
)
_KIND: Final = _object("GroupVersionKind", group=STRING, version=STRING, kind=STRING)
_RESOURCE: Final = _object("GroupVersionResource", group=STRING, version=STRING, resource=STRING)
_USER: Final = _object(
    "UserInfo", username=STRING, uid=STRING, groups=_TEXTS, extra=map_of(STRING, _TEXTS)
)
_REQUEST: Final = _object(
    "AdmissionRequest",
    kind=_KIND,
    resource=_RESOURCE,
    subResource=STRING,
    requestKind=_KIND,
    requestResource=_RESOURCE,
    requestSubResource=STRING,
    name=STRING,
    namespace=STRING,
    operation=STRING,
    userInfo=_USER,
    dryRun=BOOL,
    options=DYN,
)
_NAMESPACE: Final = _object(
    "Namespace",
    metadata=_object(
        "NamespaceMetadata",
        name=STRING,
        generateName=STRING,
        namespace=STRING,
        labels=_LABELS,
        annotations=_LABELS,
        UID=STRING,
        creationTimestamp=TIMESTAMP,
        deletionGracePeriodSeconds=INT,
        deletionTimestamp=TIMESTAMP,
        generation=INT,
        resourceVersion=STRING,
        finalizers=_TEXTS,
    ),
    spec=_object("NamespaceSpec", finalizers=_TEXTS),
    status=_object(
        "NamespaceStatus",
        conditions=list_of(
            _object(
                "NamespaceCondition",
                status=STRING,
                type=STRING,
                lastTransitionTime=TIMESTAMP,
                message=STRING,
                reason=STRING,
            )
        ),
        phase=STRING,
    ),
)
