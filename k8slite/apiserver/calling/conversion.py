"""One question to the converter of a custom resource, and what may be taken from its answer.

A converter may change everything but what its objects are called; of their metadata only labels
and annotations. Upstream: `apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from k8slite.apiserver.calling.endpoint import CallFailed
from k8slite.apiserver.calling.webhook import Caller
from k8slite.kinds.family import Family
from k8slite.objects.errors import Unknown
from k8slite.objects.fields import quoted
from k8slite.objects.metadata_validation import validate_annotations, validate_labels

Json = dict[str, Any]

SECONDS: Final = 30.0  # how long upstream waits for a converter
_GROUP: Final = "apiextensions.k8s.io"
_SUPPORTED: Final = ("v1", "v1beta1")
_IDENTITY: Final = (("name", "name"), ("namespace", "namespace"), ("uid", "UID"))
_FREE: Final = (("labels", validate_labels), ("annotations", validate_annotations))


class _Refused(Exception):
    """What was answered cannot be used; says why."""


async def convert(
    caller: Caller, family: Family, objects: Sequence[Json], version: str, uid: str
) -> list[Json]:
    """Objects with their types, none of them in `version`, as they are in it.

    Raises Unknown, as upstream answers what it has no reason for.
    """
    wanted = family.api_version(version)
    first = objects[0]
    named = f"conversion webhook for {first['apiVersion']}, Kind={first['kind']}"
    review_version = next((one for one in family.review_versions if one in _SUPPORTED), "")
    if not review_version:
        raise Unknown("no supported conversion review versions")
    assert family.client is not None, "only who has a converter asks it"
    review = {
        "kind": "ConversionReview",
        "apiVersion": f"{_GROUP}/{review_version}",
        "request": {"uid": uid, "desiredAPIVersion": wanted, "objects": list(objects)},
    }
    try:
        answer = await caller.ask(family.client, review, seconds=SECONDS)
        converted = _converted(answer, review_version, uid)
    except (CallFailed, _Refused) as failure:
        raise Unknown(f"{named} failed: {failure}") from None
    if len(converted) != len(objects):
        raise Unknown(f"{named} returned {len(converted)} objects, expected {len(objects)}")
    found = []
    several = len(objects) > 1
    for number, (old, new) in enumerate(zip(objects, converted, strict=True)):
        at = f" at index {number}" if several else ""
        thing = f"converted object{at}" if several else "object"
        try:
            checked = _checked(old, new, wanted)
        except _Refused as failure:
            where = "" if several or not str(failure).startswith("invalid") else " at index 0"
            raise Unknown(f"{named} returned invalid {thing}{where}: {failure}") from None
        try:
            found.append(_restored(old, checked))
        except _Refused as failure:
            place = f" in object{at}" if several else ""
            raise Unknown(f"{named} returned invalid metadata{place}: {failure}") from None
    return found


def _converted(answer: Json, review_version: str, uid: str) -> list[Any]:
    response = answer.get("response")
    if review_version == "v1":
        group, _, version = str(answer.get("apiVersion") or "").rpartition("/")
        kind = answer.get("kind") or ""
        if (group, version, kind) != (_GROUP, "v1", "ConversionReview"):
            raise _Refused(
                f"expected webhook response of {_GROUP}/v1, Kind=ConversionReview, got "
                f"{group}/{version}, Kind={kind}"
            )
    if not isinstance(response, dict):
        raise _Refused("no response provided")
    if review_version == "v1" and response.get("uid") != uid:
        got = quoted(str(response.get("uid") or ""))
        raise _Refused(f"expected response.uid={quoted(uid)}, got {got}")
    result = response.get("result")
    result = result if isinstance(result, dict) else {}
    if result.get("status") != "Success":
        status = result.get("status") or ""
        text = f"response.result.status was '{status}', not 'Success'"
        raise _Refused(str(result.get("message") or text))
    objects = response.get("convertedObjects")
    return objects if isinstance(objects, list) else []


def _checked(old: Json, new: Any, wanted: str) -> Json:
    """An answered object that is what it was, in the version that was asked for."""
    if not isinstance(new, dict):
        raise _Refused("invalid type, expected an object")
    if new.get("apiVersion") != wanted:
        got = new.get("apiVersion") or ""
        raise _Refused(f"invalid groupVersion (expected {wanted}, received {got})")
    if new.get("kind") != old["kind"]:
        got = new.get("kind") or ""
        raise _Refused(f"invalid kind (expected {old['kind']}, received {got})")
    metadata = new.get("metadata")
    known = old["metadata"]
    given = metadata if isinstance(metadata, dict) else {}
    for key, spoken in _IDENTITY:
        was, now = known.get(key) or "", given.get(key) or ""
        if was != now:
            raise _Refused(f"must have the same {spoken}: {was} != {now}")
    return new


def _restored(old: Json, new: Json) -> Json:
    """The answered object under the metadata that it had, but for labels and annotations."""
    if "metadata" not in new:
        raise _Refused("missing metadata in converted object")
    answered = new["metadata"]
    if not isinstance(answered, dict):
        raise _Refused(f"invalid metadata of type {_go_type(answered)} in converted object")
    metadata = dict(old["metadata"])
    for name, validate in _FREE:
        values = answered.get(name)
        if values is None:
            metadata.pop(name, None)
            continue
        if not isinstance(values, dict):
            raise _Refused(
                f"invalid metadata.{name} of type {_go_type(values)} in converted object"
            )
        for key, value in values.items():
            if not isinstance(value, str):
                raise _Refused(
                    f"metadata.{name}[{key}] must be a string, but is {_go_type(value)} in "
                    "converted object"
                )
        if values != old["metadata"].get(name):
            causes = validate(values, f"metadata.{name}")
            if causes:
                texts = [f"{cause.field}: {cause.message}" for cause in causes]
                raise _Refused(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
        metadata[name] = values
    return {**new, "metadata": metadata}


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, list):
        return "[]interface {}"
    if isinstance(value, dict):
        return "map[string]interface {}"
    if value is None:
        return "<nil>"
    return {str: "string", int: "int64", float: "float64"}[type(value)]
