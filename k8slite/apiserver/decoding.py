"""From a request's body to an object: JSON, YAML or protobuf, the right kind, known fields only.

Mirrors upstream's negotiated serializers: what cannot be decoded is a BadRequest (or an
unsupported media type), unknown and duplicate fields are an error, a warning or nothing,
as `fieldValidation` asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson
from attrs import define

from k8slite.apiserver.accepting import PROTOBUF
from k8slite.apiserver.storage import Json
from k8slite.kinds.kind import Kind
from k8slite.kinds.table import is_built_in
from k8slite.messages import Request
from k8slite.objects import yaml_text
from k8slite.objects.errors import BadRequest, UnsupportedMediaType
from k8slite.objects.fields import not_supported, refuse
from k8slite.objects.schema import Schema, Schemas, Undecodable, duplicate_fields
from k8slite.objects.structural import Structural

_MODES: Final = ("", "Ignore", "Strict", "Warn")
_JSON: Final = ("application/json", "", "*/*")
_YAML: Final = ("application/yaml", "text/yaml", "application/x-yaml")
_OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
# Where even the type of a condition is `omitempty`.
_MAY_LACK_TYPES: Final = ("flowcontrol.apiserver.k8s.io",)
_SHOWN_BYTES: Final = 30  # upstream's `summarizeData`
_SCHEME: Final = "pkg/api/legacyscheme/scheme.go:30"


@define(eq=False)
class Decoder:
    """Decodes bodies by the schemas of one Kubernetes version."""

    schemas: Schemas

    def object(
        self, request: Request, kind: Kind, warn: Callable[[str], None], *, group_version: str = ""
    ) -> Json:
        """The object in a body, with unknown fields taken out.

        `kind` is what the path takes. Raises BadRequest or UnsupportedMediaType.
        """
        if media_type(request) == PROTOBUF and not is_built_in(kind):
            raise _unknown_format("application/json, application/yaml")
        obj = self.document(request, kind.kind)
        wanted = group_version or kind.api_version
        self._check_kind(obj, kind, wanted)
        mode = field_validation(request)
        duplicates = self._duplicates(request, obj) if mode != "Ignore" else []
        obj["apiVersion"], obj["kind"] = wanted, kind.kind
        complaints = self.fields(obj, kind)
        complete(obj, kind)
        if mode != "Ignore":
            # Upstream looks for what comes twice first, but where it fills in its own types.
            fills = kind.structural is None and media_type(request) in _JSON
            found = [*complaints, *duplicates] if fills else [*duplicates, *complaints]
            self.report(found, mode, kind, warn)
        return obj

    def _duplicates(self, request: Request, obj: Json) -> list[str]:
        """Complaints about fields that come twice, which only texts can have."""
        found = media_type(request)
        if found in _JSON:
            return duplicate_fields(request.body, obj)
        twice = yaml_text.duplicate_keys(request.body) if found in _YAML else ""
        return [twice] if twice else []

    def fields(self, obj: Json, kind: Kind) -> list[str]:
        """Check types in place and take unknown fields out; returns complaints about them."""
        if kind.structural is not None:
            return self._custom_fields(obj, kind.structural)
        definition = self.schemas.definition(
            kind.group, kind.version, kind.kind, name=kind.definition
        )
        if definition is None:
            return []
        return self._read(definition, obj, kind.version, kind.kind)

    def _custom_fields(self, obj: Json, structural: Structural) -> list[str]:
        """As `fields`, of a custom resource: only its metadata has a type of Go's.

        So has the metadata of whole objects that are part of it.
        """
        complaints = [*self._metadata(obj, "metadata"), *structural.prune(obj)]
        for path, part in structural.embedded_objects(obj):
            complaints += self._metadata(part, f"{path}.metadata")
        return complaints

    def _metadata(self, obj: Json, path: str) -> list[str]:
        metadata = obj.get("metadata")
        if not isinstance(metadata, dict):
            return []
        try:
            found = self.schemas.named(_OBJECT_META).decode(metadata)
        except Undecodable as error:
            raise BadRequest(f"failed to decode {path}: {error}") from None
        return [one.replace('"', f'"{path}.', 1) for one in found]

    def checked(self, obj: Json, group: str, version: str, kind: str) -> None:
        """Check the types of something that is no resource, in place. Raises BadRequest."""
        definition = self.schemas.definition(group, version, kind)
        assert definition is not None, "only what is published is asked for"
        self._read(definition, obj, version, kind)

    def _read(self, definition: Schema, obj: Json, version: str, kind: str) -> list[str]:
        try:
            return self.schemas.decode(definition, obj)
        except Undecodable as error:
            raise BadRequest(
                f'{kind} in version "{version}" cannot be handled as a {kind}: {error}'
            ) from None

    def report(
        self, complaints: list[str], mode: str, kind: Kind, warn: Callable[[str], None]
    ) -> None:
        """Refuse (Strict) or warn. Raises BadRequest."""
        if not complaints:
            return
        if mode == "Strict":
            raise BadRequest(
                f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
                f"strict decoding error: {', '.join(complaints)}"
            )
        for complaint in complaints:
            warn(complaint)

    def document(self, request: Request, kind: str) -> Json:
        """The body as a plain document. Raises BadRequest or UnsupportedMediaType."""
        found = media_type(request)
        if found in _JSON:
            try:
                obj = orjson.loads(request.body)
            except orjson.JSONDecodeError as error:
                raise BadRequest(_undecodable(kind, request.body, error)) from None
        elif found in _YAML:
            obj = read_yaml(request.body)
        elif found == PROTOBUF:
            return read_protobuf(request.body, kind)
        else:
            raise _unknown_format(
                "application/json, application/yaml, application/vnd.kubernetes.protobuf"
            )
        if not isinstance(obj, dict):
            raise BadRequest(
                f"the object provided is unrecognized (must be of type {kind}): couldn't get "
                f"version/kind; json parse error: json: cannot unmarshal {_go_type(obj)} into Go "
                'value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind '
                f'string "json:\\"kind,omitempty\\"" }} ({_excerpt(request.body)})'
            )
        return obj

    def _check_kind(self, obj: Json, kind: Kind, wanted: str) -> None:
        found_version = obj.get("apiVersion") or wanted
        found_kind = obj.get("kind") or kind.kind
        if not isinstance(found_version, str) or not isinstance(found_kind, str):
            raise BadRequest("couldn't get version/kind; json parse error: json: cannot unmarshal")
        if (found_version, found_kind) == (wanted, kind.kind):
            return
        version = found_version.rpartition("/")[2]
        group = found_version.rpartition("/")[0]
        prefix = f'{found_kind} in version "{version}" cannot be handled as a {kind.kind}: '
        if self.schemas.definition(group, version, found_kind) is None:
            raise BadRequest(
                f'{prefix}no kind "{found_kind}" is registered for version "{found_version}" in '
                f'scheme "{_SCHEME}"'
            )
        if found_kind == kind.kind:
            raise BadRequest(
                "the API version in the data "
                f"({found_version}) does not match the expected API version ({wanted})"
            )
        package = group.split(".")[0] or "core"
        raise BadRequest(
            f"{prefix}converting ({version}.{found_kind}) to "
            f"({kind.group.split('.')[0] or 'core'}.{kind.kind}): unknown conversion"
            if package
            else prefix
        )


def complete(obj: Json, kind: Kind) -> None:
    """Let every condition in a built-in kind's status have a type and a status, be they empty.

    So they are written by Go, which leaves out only what is `omitempty`; who reads conditions need
    not ask whether they have them.
    """
    status = obj.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else None
    if not conditions or kind.structural is not None or kind.group in _MAY_LACK_TYPES:
        return
    for one in conditions:
        one.setdefault("type", "")
        one.setdefault("status", "")


def field_validation(request: Request) -> str:
    """Strict, Warn or Ignore (upstream's default is Warn). Raises Invalid."""
    mode = request.parameter("fieldValidation")
    if mode not in _MODES:
        cause = not_supported("fieldValidation", mode, _MODES)
        options = {"PUT": "UpdateOptions", "PATCH": "PatchOptions"}
        kind = options.get(request.method, "CreateOptions")
        raise refuse(kind, "meta.k8s.io", "", [cause])
    return mode or "Warn"


def media_type(request: Request) -> str:
    """What a request says that its body is, in lower case and without parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def read_yaml(body: bytes) -> Any:
    """One YAML document. Raises BadRequest."""
    try:
        return yaml_text.load(body)
    except ValueError as error:
        raise BadRequest(f"error converting YAML to JSON: {error}") from None


def read_protobuf(body: bytes, wanted: str) -> Json:
    """The object in a protobuf body that should hold a `wanted`. Raises BadRequest."""
    from k8slite.objects import protobuf  # only clients that are written in Go need it

    try:
        return protobuf.decode(body)
    except protobuf.Undecodable as error:
        if error.kind:
            version = error.api_version.rpartition("/")[2]
            raise BadRequest(
                f'{error.kind} in version "{version}" cannot be handled as a {wanted}: {error}'
            ) from None
        shown = body[:_SHOWN_BYTES].hex() + (" ..." if len(body) > _SHOWN_BYTES else "")
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {wanted}): {error} "
            f"({shown or '<empty>'})"
        ) from None


def _unknown_format(accepted: str) -> UnsupportedMediaType:
    return UnsupportedMediaType(
        f"the body of the request was in an unknown format - accepted media types include: "
        f"{accepted}"
    )


def _undecodable(kind: str, body: bytes, error: ValueError) -> str:
    text = str(error)
    at_end = "end of data" in text or "EOF" in text or not body.strip()
    why = "unexpected end of JSON input" if at_end else _invalid_character(body)
    return (
        f"the object provided is unrecognized (must be of type {kind}): couldn't get "
        f"version/kind; json parse error: {why} ({_excerpt(body)})"
    )


def _invalid_character(body: bytes) -> str:
    """Go's complaint where the fault is the first character; a general one elsewhere."""
    first = body.lstrip()[:1].decode("latin-1")
    if first not in '{["-0123456789tfn':
        return f"invalid character '{first}' looking for beginning of value"
    return "invalid character in JSON"


def _excerpt(body: bytes) -> str:
    """What upstream shows of a body: text as it is, anything else in hexadecimal."""
    piece = body[:1024]
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return piece.hex()
    return text if text.isprintable() else piece.hex()


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, list):
        return "array"
    return "string" if isinstance(value, str) else "number"
