"""One question about a write: the review that is sent, and what the answer means.

Upstream: `apiserver/pkg/admission/plugin/webhook/{request,generic,errors}`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import Factory, frozen

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.calling.endpoint import CallFailed
from k8slite.kinds.kind import Kind, Subresource
from k8slite.objects.codec import loads
from k8slite.objects.errors import ApiError, InternalError, from_status
from k8slite.objects.fields import quoted

Json = dict[str, Any]

_GROUP: Final = "admission.k8s.io"
_VERSIONS: Final = ("v1", "v1beta1")
_OPTIONS: Final = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


@frozen
class Answer:
    """What a webhook has said."""

    patch: list[Json] | None
    warnings: tuple[str, ...]
    annotations: Mapping[str, str] = Factory(dict)  # for the audit log


def review_of(
    attributes: Attributes,
    kind: Kind,
    uid: str,
    new: Json | None,
    old: Json | None,
    version: str = "v1",
) -> Json:
    """The AdmissionReview about a write, in the version of `kind`."""
    asked = attributes.asked
    spoken = asked.version
    user: Json = {"username": asked.user.name, "groups": list(asked.user.groups)}
    if asked.user.uid:
        user["uid"] = asked.user.uid
    if asked.user.extra:
        user["extra"] = {key: list(values) for key, values in asked.user.extra.items()}
    document = attributes.document
    request: Json = {
        "uid": uid,
        "kind": _kind(document or kind),
        "resource": _resource(kind),
        "requestKind": _kind(document or spoken),
        "requestResource": _resource(spoken),
        "name": asked.name or ((new or {}).get("metadata") or {}).get("name", ""),
        "operation": attributes.operation,
        "userInfo": user,
        "object": new,
        "oldObject": old,
        "dryRun": asked.dry_run,
        "options": _options(attributes.operation),
    }
    if asked.namespace or spoken.plural == "namespaces":
        request["namespace"] = asked.namespace or request["name"]
    if asked.subresource:
        request["subResource"] = request["requestSubResource"] = asked.subresource
    return {"kind": "AdmissionReview", "apiVersion": f"{_GROUP}/{version}", "request": request}


def review_version(known: Sequence[str]) -> str:
    """In which version a webhook is asked, of those that it knows: the first that we do.

    Raises CallFailed where there is none.
    """
    for version in known:
        if version in _VERSIONS:
            return version
    raise CallFailed("webhook does not accept known AdmissionReview versions (v1, v1beta1)")


def read_answer(name: str, review: Json, asked: Json) -> Answer:
    """What an answered review means, where `asked` is the question.

    Raises CallFailed for one that means nothing, and the refusal as an ApiError.
    """
    response = review.get("response")
    if not isinstance(response, dict):
        raise CallFailed("webhook response was absent")
    # What speaks the older version is believed more easily.
    is_new = asked["apiVersion"] == f"{_GROUP}/v1"
    uid = asked["request"]["uid"]
    if is_new and response.get("uid") != uid:
        found = quoted(response.get("uid") or "")
        raise CallFailed(f"expected response.uid={quoted(uid)}, got {found}")
    group_version, kind = review.get("apiVersion"), review.get("kind")
    if is_new and (group_version, kind) != (asked["apiVersion"], asked["kind"]):
        raise CallFailed(
            f"expected webhook response of {_GROUP}/v1, Kind=AdmissionReview, got "
            f"{group_version or ''}, Kind={kind or ''}"
        )
    told, status = response.get("warnings"), response.get("status")
    warnings = tuple(str(one) for one in told) if isinstance(told, list) else ()
    noted = response.get("auditAnnotations")
    annotations = {
        f"{name}/{key}": str(value)
        for key, value in (noted if isinstance(noted, dict) else {}).items()
    }
    if response.get("allowed") is not True:
        raise _refusal(name, status if isinstance(status, dict) else {})
    patch, sort = response.get("patch"), response.get("patchType")
    if not patch or not isinstance(patch, str):
        return Answer(None, warnings, annotations)
    if is_new and sort is None:
        raise CallFailed("webhook returned response.patch but not response.patchType")
    if is_new and sort != "JSONPatch":
        raise CallFailed(f"webhook returned invalid response.patchType of {quoted(sort)}")
    try:
        found = loads(base64.b64decode(patch, validate=True))
    except (ValueError, binascii.Error) as error:
        raise CallFailed(f"the patch cannot be read: {error}") from None
    return Answer(found, warnings, annotations)


def failed(name: str, failure: Exception) -> InternalError:
    """Upstream's words where a webhook that must be asked cannot be."""
    text = f"failed calling webhook {quoted(name)}: failed to call webhook: {failure}"
    return InternalError.of(text)


def _refusal(name: str, status: Json) -> ApiError:
    said = f"admission webhook {quoted(name)} denied the request"
    if status.get("message"):
        text = f"{said}: {status['message']}"
    elif status.get("reason"):
        text = f"{said}: {status['reason']}"
    else:
        text = f"{said} without explanation"
    code = status.get("code")
    details = status.get("details")
    told: Json = {"message": text, "reason": str(status.get("reason") or "")}
    if isinstance(details, dict):
        told["details"] = details
    if not isinstance(code, int) or not 400 <= code < 600:
        code = 400
    return from_status(told, code)


def _options(operation: str) -> Json | None:
    """Those of the write; a connection has none besides its object."""
    kind = _OPTIONS.get(operation)
    return {"kind": kind, "apiVersion": "meta.k8s.io/v1"} if kind else None


def _kind(kind: Kind | Subresource) -> Json:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _resource(kind: Kind) -> Json:
    return {"group": kind.group, "version": kind.version, "resource": kind.plural}
