"""The API's own description: /openapi/v2 as one document, /openapi/v3 as one per group version.

    GET /openapi/v2                       Swagger 2.0
    GET /openapi/v3                       {"paths": {"apis/apps/v1": {"serverRelativeURL": ...}}}
    GET /openapi/v3/apis/apps/v1?hash=H   OpenAPI 3.0; with the right hash it may be kept forever

Documents are built when first asked for, from the published schemas of the chosen version.
kubectl asks for v3 in JSON (`explain`, field validation, merge keys), and for v2 in protobuf where
it meets a kind that v3 does not have. v3 is not served in protobuf: who takes nothing else is
answered by 406, so that a client can fall back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from k8slite.apiserver import openapi_protobuf
from k8slite.apiserver.accepting import JSON, not_acceptable, read_accept
from k8slite.apiserver.aggregation.swagger import merged
from k8slite.apiserver.openapi_custom import custom_as_v2
from k8slite.apiserver.openapi_paths import (
    OPTIONS,
    definition_name,
    list_definition,
    paths,
    subresource_definition,
)
from k8slite.apiserver.openapi_schemas import Version, closure, published
from k8slite.kinds.kind import Kind
from k8slite.messages import Request, Response
from k8slite.objects.schema import Schemas

Json = dict[str, Any]

# Raised by hand whenever the shape of the documents changes: caches must not outlive it.
_FORM: Final = 2
_PREFIX: Final = "/openapi/v3/"
_V2: Final = (JSON, openapi_protobuf.ASKED_TYPE, openapi_protobuf.MEDIA_TYPE)


class OpenApi:
    """All documents about the kinds that are served."""

    def __init__(self, kinds: Iterable[Kind], schemas: Schemas) -> None:
        self._remote: Mapping[str, str] = {}
        self._others: Sequence[tuple[str, Json]] = ()
        self.update(kinds, schemas)

    def update(self, kinds: Iterable[Kind], schemas: Schemas) -> None:
        """The kinds and their types are these from now on: custom resources came or went."""
        self._schemas = schemas
        self._groups: dict[str, list[Kind]] = {}
        self._documents: dict[str, bytes] = {}
        for kind in kinds:
            if kind.since <= schemas.minor <= kind.until:
                prefix = "apis/" if kind.group else "api/"
                self._groups.setdefault(prefix + kind.api_version, []).append(kind)

    def update_remote(
        self, addresses: Mapping[str, str], documents: Sequence[tuple[str, Json]]
    ) -> None:
        """What other servers say of themselves is this from now on.

        The addresses of their v3 documents, by what ours are called; their v2 documents, each with
        the path of what is theirs in it.
        """
        self._remote, self._others = addresses, documents
        self._documents.pop("v2", None)
        self._documents.pop("v2 protobuf", None)

    def answer(self, request: Request) -> Response | None:
        """The answer to a GET below /openapi; None if there is nothing there.

        Raises NotAcceptable where the client takes no JSON.
        """
        path = request.path
        if path == "/openapi/v2":
            if _preferred(request, _V2) != JSON:
                return _document(
                    request, self.v2_protobuf, self.hash(), media_type=openapi_protobuf.MEDIA_TYPE
                )
            return _document(request, self.v2, self.hash())
        if path == "/openapi/v3":
            index = self.index()
            return _document(request, lambda: index, hashlib.sha512(index).hexdigest().upper())
        group_version = path.removeprefix(_PREFIX)
        if group_version == path or group_version not in self._groups:
            return None
        _preferred(request, (JSON,))
        wanted, current = request.parameter("hash"), self.hash(group_version)
        if wanted and wanted != current:
            # The client has an old index: it is sent on to what is there now.
            return Response(301, b"", (("Location", _address(group_version, current)),))
        return _document(
            request, lambda: self.v3(group_version), current, forever=wanted == current
        )

    def hash(self, group_version: str = "") -> str:
        """What stands for a document, or for all, without building it."""
        digest = hashlib.sha512(f"{_FORM} {self._schemas.minor}".encode())
        for name in sorted(self._groups):
            if group_version in ("", name):
                for kind in self._groups[name]:
                    described = (
                        kind.api_version,
                        kind.kind,
                        kind.plural,
                        kind.namespaced,
                        kind.verbs,
                        [(one.name, one.kind, one.verbs) for one in kind.subresources],
                        (kind.structural.json, kind.list_kind, tuple(kind.selectable))
                        if kind.structural is not None
                        else None,
                    )
                    digest.update(orjson.dumps(described))
        if not group_version:
            for path, document in self._others:
                digest.update(path.encode() + orjson.dumps(document))
        return digest.hexdigest().upper()

    def index(self) -> bytes:
        """The list of v3 documents."""
        found = {
            name: {"serverRelativeURL": self._remote.get(name) or _address(name, self.hash(name))}
            for name in sorted({*self._groups, *self._remote})
        }
        return orjson.dumps({"paths": found})

    def v3(self, group_version: str) -> bytes:
        """The document of one group version, such as `apis/apps/v1`. Raises KeyError."""
        found = self._documents.get(group_version)
        if found is None:
            kinds = self._groups[group_version]
            found = self._documents[group_version] = orjson.dumps(
                {
                    "openapi": "3.0.0",
                    "info": self._info(),
                    "paths": self._paths(kinds, 3),
                    "components": {
                        "schemas": self._definitions(kinds, 3),
                        "securitySchemes": {"BearerToken": _BEARER},
                    },
                    "security": [{"BearerToken": []}],
                }
            )
        return found

    def v2(self) -> bytes:
        """The one document of everything."""
        found = self._documents.get("v2")
        if found is None:
            kinds = [kind for name in sorted(self._groups) for kind in self._groups[name]]
            ours = {
                "swagger": "2.0",
                "info": self._info(),
                "paths": self._paths(kinds, 2),
                "definitions": self._definitions(kinds, 2),
                "securityDefinitions": {"BearerToken": _BEARER},
                "security": [{"BearerToken": []}],
            }
            found = self._documents["v2"] = orjson.dumps(merged(ours, self._others))
        return found

    def v2_protobuf(self) -> bytes:
        """The same in the form that Go's clients ask for."""
        found = self._documents.get("v2 protobuf")
        if found is None:
            found = openapi_protobuf.document(orjson.loads(self.v2()))
            self._documents["v2 protobuf"] = found
        return found

    def _info(self) -> Json:
        return {"title": "Kubernetes", "version": f"v1.{self._schemas.minor}.0"}

    def _paths(self, kinds: list[Kind], version: Version) -> Json:
        found: Json = {}
        for kind in kinds:
            found.update(paths(kind, self._schemas, version))
        return dict(sorted(found.items()))

    def _definitions(self, kinds: list[Kind], version: Version) -> Json:
        wanted = [*OPTIONS]
        for kind in kinds:
            name = definition_name(kind, self._schemas)
            wanted += [name, list_definition(kind, name)]
            wanted += [
                subresource_definition(kind, one, self._schemas) for one in kind.subresources
            ]
        names = closure(self._schemas, wanted)
        found = {name: published(self._schemas, name, version) for name in names}
        for kind in kinds:
            if version == 2 and kind.structural is not None:
                name = definition_name(kind, self._schemas)
                found[name] = custom_as_v2(found[name])
        for name in OPTIONS:
            found.setdefault(name, {"type": "object"})
        return found


def _preferred(request: Request, offered: Sequence[str]) -> str:
    """What the client likes best of what there is. Raises NotAcceptable."""
    for wanted in read_accept(request.headers.get("accept", "")):
        for one in offered:
            if wanted.takes(one):
                return one
    raise not_acceptable((JSON,))


def _document(
    request: Request,
    build: Any,
    tag: str,
    *,
    forever: bool = False,
    media_type: str = "application/json",
) -> Response:
    headers = [("ETag", f'"{tag}"'), ("Vary", "Accept")]
    if forever:
        # The address holds the hash: what is there never changes.
        headers.append(("Cache-Control", "public, immutable, max-age=31536000"))
    else:
        headers.append(("Cache-Control", "no-cache, private"))
    if f'"{tag}"' in request.headers.get("if-none-match", ""):
        return Response(304, b"", tuple(headers))
    return Response(200, build(), (("Content-Type", media_type), *headers))


def _address(group_version: str, tag: str) -> str:
    return f"{_PREFIX}{group_version}?hash={tag}"


_BEARER: Final = {
    "description": "Bearer Token authentication",
    "in": "header",
    "name": "authorization",
    "type": "apiKey",
}
