"""A PATCH that is no apply: from the request's body to a change of an object.

The document is read and applied by its media type (`patches/`), then what it made is decoded
as an object of that kind. What is wrong with it is said of the patch, as upstream does in
`endpoints/handlers/patch.go`: an Invalid of no kind and no name, whose one cause is `patch`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from k8slite.apiserver.call import Call
from k8slite.apiserver.decoding import Decoder, complete, field_validation, media_type
from k8slite.apiserver.patches import PATCHES
from k8slite.apiserver.patches.strategic_lists import go_text
from k8slite.apiserver.write_options import is_forced
from k8slite.kinds.kind import Kind
from k8slite.messages import Request
from k8slite.objects import codec
from k8slite.objects.errors import BadRequest, Invalid, UnsupportedMediaType
from k8slite.objects.fields import invalid, refuse
from k8slite.objects.schema_duplicates import duplicate_fields

Json = dict[str, Any]


def patched(call: Call, decoder: Decoder, kind: Kind) -> Callable[[Json], Json]:
    """The change that a patch stands for: from an object to a new one, decoded and complete.

    Raises UnsupportedMediaType, or BadRequest for what is no patch. The change raises Invalid
    where its outcome is no object of the kind or, under strict field validation, where it or
    the patch has fields that are unknown or come twice; by default those become warnings.
    """
    request = call.request
    content_type = media_type(request)
    is_forced(request, content_type)
    apply = PATCHES.get(content_type)
    if apply is None:
        raise UnsupportedMediaType("415: Unsupported Media Type", details={})
    definition = decoder.schemas.definition(
        kind.group, kind.version, kind.kind, name=kind.definition
    )
    patch = _document(request)
    if content_type == _STRATEGIC and (definition is None or kind.structural is not None):
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, "
            "application/apply-patch+yaml",
            details={},
        )
    mode = field_validation(request)
    odd = [] if mode == "Ignore" else _odd_fields(content_type, request.body, patch)

    def change(old: Json) -> Json:
        old["apiVersion"], old["kind"] = kind.api_version, kind.kind
        made = apply(patch, old, definition)
        if not isinstance(made, dict):
            raise BadRequest("the patch leaves no object")

        def refused(why: str) -> Invalid:
            shown = go_text(patch) if content_type == _STRATEGIC else _text(made)
            return refuse("", "", "", [invalid("patch", shown, why)])

        new: Json = codec.loads(codec.dumps(made))  # parts of the old one may be shared
        try:
            complaints = [*odd, *decoder.fields(new, kind)]
            complete(new, kind)
        except BadRequest as error:
            raise refused(error.message.partition(": ")[2]) from None
        if complaints and mode == "Strict":
            raise refused(f"strict decoding error: {', '.join(complaints)}")
        if mode == "Warn":
            for complaint in complaints:
                call.warnings.append(complaint)
        return new

    return change


def _document(request: Request) -> Any:
    try:
        return codec.loads(request.body)
    except ValueError as error:
        raise BadRequest(f"error decoding patch: {error}") from None


def _odd_fields(content_type: str, body: bytes, patch: Any) -> list[str]:
    """Complaints about the patch itself: only operations have fields that can be unknown."""
    if content_type != _JSON_PATCH:
        return duplicate_fields(body, patch)
    unknown = [
        f'unknown field "[{i}].{key}"'
        for i, operation in enumerate(patch if isinstance(patch, list) else ())
        if isinstance(operation, dict)
        for key in operation
        if key not in _OPERATION
    ]
    return [f"json patch {one}" for one in (*unknown, *duplicate_fields(body, patch))]


def _text(made: Json) -> str:
    """The outcome as upstream shows it: what was patched is encoded anew, by name."""
    return codec.dumps(dict(sorted(made.items()))).decode()


_STRATEGIC: Final = "application/strategic-merge-patch+json"
_JSON_PATCH: Final = "application/json-patch+json"
_OPERATION: Final = ("op", "path", "from", "value")
