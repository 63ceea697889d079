"""One event of the audit log, as `audit.k8s.io/v1` has it. Pure.

Mirrors `apiserver/pkg/audit/request.go`. Tokens in reviews and token requests are left out, which
upstream leaves to the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from k8slite.apiserver.accepting import PROTOBUF
from k8slite.apiserver.auditing.policy import NAMES, Level
from k8slite.apiserver.decoding import read_protobuf, read_yaml
from k8slite.apiserver.request_info import RequestInfo
from k8slite.messages import Request, User
from k8slite.objects.errors import BadRequest
from k8slite.objects.meta import micro_timestamp

Json = dict[str, Any]

AGENT_MOST: Final = 1024  # characters of a user agent that are told, as upstream's limit
_NOTHING: Final[tuple[Any, ...]] = (None, "", {})
# What in a document lets whoever reads it in.
_SECRETS: Final = {"TokenRequest": ("status", "token"), "TokenReview": ("spec", "token")}


def event_of(
    request: Request,
    info: RequestInfo,
    identity: str,
    level: Level,
    received: datetime,
) -> Json:
    """What is known when a request arrives, in the order of upstream's fields."""
    event: Json = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": NAMES[level],
        "auditID": identity,
        "stage": "RequestReceived",
        "requestURI": _uri(request),
        "verb": info.verb,
        "user": {},
        "impersonatedUser": None,
        "sourceIPs": _sources(request),
        "userAgent": request.headers.get("user-agent", "")[:AGENT_MOST],
        "objectRef": _reference(info) if info.is_resource else None,
        "responseStatus": None,
        "requestObject": None,
        "responseObject": None,
        "requestReceivedTimestamp": micro_timestamp(received),
        "stageTimestamp": micro_timestamp(received),
        "annotations": None,
    }
    return event


def line_of(event: Mapping[str, Any]) -> bytes:
    """An event as its line of the log: what is not there is left out."""
    return orjson.dumps(_shown(event), option=orjson.OPT_APPEND_NEWLINE)


def item_of(event: Mapping[str, Any]) -> bytes:
    """An event as an item of a list, which says what all of them are."""
    found = _shown(event)
    for key in ("kind", "apiVersion"):
        found.pop(key)
    return orjson.dumps(found)


def user_of(user: User) -> Json:
    """Who asks."""
    found: Json = {"username": user.name}
    if user.uid:
        found["uid"] = user.uid
    if user.groups:
        found["groups"] = list(user.groups)
    if user.extra:
        found["extra"] = {key: list(values) for key, values in user.extra.items()}
    return found


def status_of(code: int, document: Any) -> Json:
    """What came of a request: of a refusal all that its Status says."""
    status: Json = {"metadata": {}}
    if isinstance(document, dict) and document.get("kind") == "Status":
        told = ("status", "message", "reason", "details")
        status.update({key: document[key] for key in told if document.get(key)})
    return {**status, "code": code}


def document_of(body: bytes, media_type: str, *, omit_managed_fields: bool) -> Any:
    """A body as the log shows it, whatever its form; None for what is no document."""
    if not body:
        return None
    try:
        found = _read(body, media_type.partition(";")[0].strip().lower())
    except (ValueError, BadRequest):
        return None
    if not isinstance(found, dict):
        return found  # a JSON patch
    hidden = _SECRETS.get(str(found.get("kind", "")))
    if hidden is not None and isinstance(found.get(hidden[0]), dict):
        part, name = hidden
        found[part] = {key: value for key, value in found[part].items() if key != name}
    if omit_managed_fields:
        items = found.get("items")
        for one in (found, *(items if isinstance(items, list) else ())):
            metadata = one.get("metadata") if isinstance(one, dict) else None
            if isinstance(metadata, dict):
                metadata.pop("managedFields", None)
    return found


def _shown(event: Mapping[str, Any]) -> Json:
    return {key: value for key, value in event.items() if value not in _NOTHING or key == "user"}


def _read(body: bytes, media_type: str) -> Any:
    """Raises ValueError or BadRequest."""
    if media_type == PROTOBUF:
        return read_protobuf(body, "")
    if media_type.endswith("yaml"):
        return read_yaml(body)
    return orjson.loads(body)


def _uri(request: Request) -> str:
    query = urlencode(request.query)
    path = quote(request.path)
    return f"{path}?{query}" if query else path


def _sources(request: Request) -> list[str]:
    """The client's addresses: as proxies have noted them, then the one of the connection."""
    noted = request.headers.get("x-forwarded-for", "").split(",")
    found = [one.strip() for one in (*noted, request.headers.get("x-real-ip", ""))]
    host = request.peer.address
    if host.count(":") == 1 or host.startswith("["):
        host = host.rpartition(":")[0].strip("[]")
    return list(dict.fromkeys(one for one in (*found, host) if one))


def _reference(info: RequestInfo) -> Json:
    found = {
        "resource": info.resource,
        "namespace": info.namespace,
        "name": info.name,
        "apiGroup": info.group,
        "apiVersion": info.version,
        "subresource": info.subresource,
    }
    return {key: value for key, value in found.items() if value}
