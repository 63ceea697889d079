"""A service account's tokens, made on request (upstream: `TokenREST`)."""

from __future__ import annotations

from typing import Any

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.authentication.service_account_tokens import (
    DEFAULT_SECONDS,
    LEAST_SECONDS,
    MOST_SECONDS,
    TokenIssuer,
)
from k8slite.apiserver.verbs import Call, Verbs
from k8slite.messages import Response
from k8slite.objects.codec import loads
from k8slite.objects.errors import Cause, Conflict, NotFound
from k8slite.objects.fields import invalid, refuse
from k8slite.objects.meta import timestamp

Json = dict[str, Any]


async def request_token(verbs: Verbs, call: Call, issuer: TokenIssuer) -> Response:
    """POST serviceaccounts/NAME/token."""
    info, registry = call.info, verbs.registry
    account = loads(registry.get(call.kind, info.namespace, info.name).value)
    asked = verbs.decoder.document(call.request, "TokenRequest")
    spec = asked.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    seconds = DEFAULT_SECONDS if seconds is None else seconds
    path = "spec.expirationSeconds"
    causes: list[Cause] = []
    if seconds < LEAST_SECONDS:
        causes.append(invalid(path, seconds, "may not specify a duration less than 10 minutes"))
    if seconds > MOST_SECONDS:
        causes.append(invalid(path, seconds, "may not specify a duration larger than 2^32 seconds"))
    if causes:
        raise refuse("TokenRequest", "authentication.k8s.io", "", causes)
    attributes = Attributes.posted(call.asked(call.kind), asked)
    await registry.chain.mutate(attributes)
    await registry.chain.validate(attributes)
    reference = spec.get("boundObjectRef")
    bound = _bound(verbs, call, reference) if reference else None
    audiences = spec.get("audiences") or []
    token, expires = issuer.issue(account, seconds, audiences, bound)
    answer: Json = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": info.name,
            "namespace": info.namespace,
            "creationTimestamp": timestamp(registry.world.now()),
        },
        "spec": {
            "audiences": audiences or [issuer.issuer],
            "expirationSeconds": seconds,
            "boundObjectRef": reference,
        },
        "status": {"token": token, "expirationTimestamp": expires},
    }
    return call.answer(201, answer)


def _bound(verbs: Verbs, call: Call, reference: Json) -> Json:
    kinds = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}
    kind, name = reference.get("kind", ""), reference.get("name", "")
    plural = kinds.get(kind)
    if plural is None:
        cause = invalid("spec.boundObjectRef", kind, "cannot bind token for object of this type")
        raise refuse("TokenRequest", "authentication.k8s.io", "", [cause])
    namespace = "" if plural == "nodes" else call.info.namespace
    found = verbs.registry.storage.find(f"{plural}/", namespace, name)
    if found is None:
        raise NotFound(f'{plural} "{name}" not found', details={"name": name, "kind": plural})
    uid = found["metadata"]["uid"]
    if reference.get("uid") and reference["uid"] != uid:
        raise Conflict(
            f'Operation cannot be fulfilled on {plural} "{name}": the UID in the bound object '
            f"reference ({reference['uid']}) does not match the UID in record. The object might "
            "have been deleted and then recreated",
            details={"name": name, "kind": plural},
        )
    return {"kind": kind, "name": name, "uid": uid}
