"""A node gets tokens for the pods on it only, and for the audiences that these pods name.

Mirrors NodeRestriction's `admitServiceAccount` and `validateNodeServiceAccountAudience`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.authorization.authorizer import Authorizer
from k8slite.apiserver.request_info import RequestInfo
from k8slite.apiserver.storage import Storage
from k8slite.kinds.core.references import claim_names, projected_tokens
from k8slite.objects.errors import NotFound
from k8slite.objects.fields import quoted

Json = dict[str, Any]


def check_token(storage: Storage, authorizer: Authorizer, node: str, attributes: Attributes) -> str:
    """Why a node may not have the token that it asks for, or ""; raises NotFound for no pod."""
    asked = attributes.asked
    spec = (attributes.new or {}).get("spec") or {}
    bound = spec.get("boundObjectRef") or {}
    kind = [bound.get(key) for key in ("apiVersion", "kind")]
    if kind != ["v1", "Pod"] or not bound.get("name"):
        return "node requested token not bound to a pod"
    if not bound.get("uid"):
        return "node requested token with a pod binding without a uid"
    pod = storage.find("pods/", asked.namespace, bound["name"])
    if pod is None:
        details = {"name": bound["name"], "kind": "pods"}
        raise NotFound(f"pods {quoted(bound['name'])} not found", details=details)
    if bound["uid"] != pod["metadata"]["uid"]:
        return (
            f"the UID in the bound object reference ({bound['uid']}) does not match the UID in "
            "record. The object might have been deleted and then recreated"
        )
    if pod["spec"].get("nodeName") != node:
        return "node requested token bound to a pod scheduled on a different node"
    audiences = spec.get("audiences") or []
    if len(audiences) > 1:
        return "node may only request 0 or 1 audiences"
    audience = audiences[0] if audiences else ""
    if not audience or audience in _audiences(storage, pod):
        return ""
    info = RequestInfo(
        "request-serviceaccounts-token-audience",
        "",
        True,
        "",
        "v1",
        asked.namespace,
        audience,
        asked.name,
    )
    if authorizer.decide(asked.user, info)[0]:
        return ""
    return (
        f"audience {quoted(audience)} not found in pod spec volume, {asked.user.name} is not "
        "authorized to request tokens for this audience"
    )


def _audiences(storage: Storage, pod: Json) -> Iterator[str]:
    """Whom a pod's volumes show tokens to."""
    for token in projected_tokens(pod["spec"]):
        yield token.get("audience") or ""
    for driver in _drivers(storage, pod):
        found = storage.find("storage.k8s.io.csidrivers/", "", driver)
        for one in ((found or {}).get("spec") or {}).get("tokenRequests") or ():
            yield one.get("audience") or ""


def _drivers(storage: Storage, pod: Json) -> Iterator[str]:
    """The CSI drivers of a pod's own volumes, and of those that it claims."""
    for volume in pod["spec"].get("volumes") or ():
        if "csi" in volume:
            yield volume["csi"]["driver"]
    for name in claim_names(pod):
        claim = storage.find("persistentvolumeclaims/", pod["metadata"]["namespace"], name)
        bound = ((claim or {}).get("spec") or {}).get("volumeName")
        found = storage.find("persistentvolumes/", "", bound) if bound else None
        if found and "csi" in found["spec"]:
            yield found["spec"]["csi"]["driver"]
