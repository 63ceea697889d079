"""A service account's tokens, made on request.

Mirrors `pkg/registry/core/serviceaccount/storage/token.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.authentication.authenticator import API_AUDIENCES
from k8slite.apiserver.authentication.service_account_tokens import (
    DEFAULT_SECONDS,
    LEAST_SECONDS,
    MOST_SECONDS,
    TokenIssuer,
)
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.verbs import Call, Verbs
from k8slite.messages import Response
from k8slite.objects.codec import loads
from k8slite.objects.errors import BadRequest, Cause, Conflict, NotFound
from k8slite.objects.fields import invalid, quoted, refuse
from k8slite.objects.meta import timestamp

Json = dict[str, Any]

_GROUP: Final = "authentication.k8s.io"
_KINDS: Final = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}


async def request_token(verbs: Verbs, call: Call, issuer: TokenIssuer) -> Response:
    """POST serviceaccounts/NAME/token."""
    info, registry = call.info, verbs.registry
    asked = verbs.decoder.document(call.request, "TokenRequest")
    attributes = Attributes.posted(call.asked(call.kind), asked)
    await registry.chain.mutate(attributes)
    metadata = asked.setdefault("metadata", {})
    for key, own in (("name", info.name), ("namespace", info.namespace)):
        if metadata.setdefault(key, own) != own:
            what = f"must match the service account {key} if specified"
            causes = [invalid(f"metadata.{key}", metadata[key], what)]
            raise refuse("TokenRequest", _GROUP, info.name, causes)
    account = loads(registry.get(call.kind, info.namespace, info.name).value)
    metadata["creationTimestamp"] = timestamp(registry.world.now())
    spec = asked.setdefault("spec", {})
    spec["audiences"] = spec.get("audiences") or list(API_AUDIENCES)
    seconds = spec.get("expirationSeconds")
    spec["expirationSeconds"] = seconds = DEFAULT_SECONDS if seconds is None else seconds
    causes = _complaints(seconds)
    if causes:
        raise refuse("TokenRequest", _GROUP, "", causes)
    await registry.chain.validate(attributes)
    reference = spec.get("boundObjectRef")
    bound = _bound(registry.storage, account, reference) if reference else {}
    token, expires = issuer.issue(account, seconds, spec["audiences"], bound)
    answer: Json = {
        "kind": "TokenRequest",
        "apiVersion": f"{_GROUP}/v1",
        "metadata": metadata,
        "spec": {**spec, "boundObjectRef": reference},
        "status": {"token": token, "expirationTimestamp": expires},
    }
    return call.answer(201, answer)


def _complaints(seconds: int) -> list[Cause]:
    path = "spec.expirationSeconds"
    if seconds < LEAST_SECONDS:
        return [invalid(path, seconds, "may not specify a duration less than 10 minutes")]
    if seconds > MOST_SECONDS:
        return [invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []


def _bound(storage: Storage, account: Json, reference: Json) -> Mapping[str, Json]:
    """What a token says that it is bound to; of a pod its node too."""
    kind, name = reference.get("kind", ""), reference.get("name", "")
    group, _, version = reference.get("apiVersion", "").rpartition("/")
    plural = _KINDS.get(kind)
    if plural is None or group:
        text = f"{group}/{version}, Kind={kind}"
        raise BadRequest(f"cannot bind token for object of type {text}")
    namespace = "" if plural == "nodes" else account["metadata"]["namespace"]
    found = storage.find(f"{plural}/", namespace, name)
    if found is None:
        details = {"name": name, "kind": plural}
        raise NotFound(f"{plural} {quoted(name)} not found", details=details)
    bound = {kind.lower(): {"name": name, "uid": found["metadata"]["uid"]}}
    if plural == "pods":
        own = account["metadata"]["name"]
        if found["spec"].get("serviceAccountName") != own:
            raise BadRequest(
                f"cannot bind token for serviceaccount {quoted(own)} to pod running with different "
                "serviceaccount name."
            )
        node = found["spec"].get("nodeName")
        if node:
            bound["node"] = _node(storage, node)
    wanted = reference.get("uid")
    if wanted and wanted != found["metadata"]["uid"]:
        raise Conflict(
            f"Operation cannot be fulfilled on {kind} {quoted(name)}: the UID in the bound object "
            f"reference ({wanted}) does not match the UID in record. The object might have been "
            "deleted and then recreated",
            details={"name": name, "kind": kind},
        )
    return bound


def _node(storage: Storage, name: str) -> Json:
    """A pod's node; its name alone where it is not there any more."""
    found = storage.find("nodes/", "", name)
    return {"name": name, **({"uid": found["metadata"]["uid"]} if found else {})}
