"""One question to a webhook: the review that is sent, and what the answer means.

Upstream: `apiserver/pkg/admission/plugin/webhook/{request,generic,errors}`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

import trio
from attrs import frozen

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.kinds.kind import Kind
from k8slite.messages import Handler, Request, read_all
from k8slite.objects.codec import dumps, loads
from k8slite.objects.errors import ApiError, InternalError, from_status
from k8slite.objects.fields import quoted

Json = dict[str, Any]

_TIMEOUT_SECONDS: Final = 10
_OPTIONS: Final = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


@frozen
class Endpoint:
    """Where a webhook listens."""

    url: str  # https://HOST:PORT, without a path
    ca_bundle: str  # PEM; "": the authorities that this machine trusts
    server_name: str = ""  # whom its certificate is for, where it is not the URL's host


# From an endpoint to the way there.
Way = Callable[[Endpoint], Handler]


class CallFailed(Exception):
    """There was no answer that could be used."""


@frozen
class Answer:
    """What a webhook has said."""

    patch: list[Json] | None
    warnings: tuple[str, ...]


@frozen
class Caller:
    """Calls webhooks."""

    storage: Storage
    way: Way | None

    async def ask(
        self, webhook: Json, review: Json, *, timeout_seconds: float | None = None
    ) -> Json:
        """Send a review and return the answered one. Raises CallFailed."""
        if self.way is None:
            raise CallFailed("there is no way to webhooks from here")
        seconds = timeout_seconds or webhook.get("timeoutSeconds") or _TIMEOUT_SECONDS
        endpoint, path, shown = self._endpoint(webhook["clientConfig"])
        query = (("timeout", f"{int(seconds)}s"),)
        headers = {"content-type": "application/json", "accept": "application/json"}
        request = Request("POST", path, query, headers, dumps(review))
        shown = f'Post "{shown}?timeout={int(seconds)}s"'
        try:
            with trio.fail_after(seconds):
                response = await self.way(endpoint)(request)
                body = await read_all(response)
        except trio.TooSlowError:
            raise CallFailed(f"{shown}: context deadline exceeded") from None
        except (OSError, ValueError) as error:
            raise CallFailed(f"{shown}: {error}") from None
        if response.status != 200:
            raise CallFailed(f"the server rejected our request: {response.status}")
        try:
            found = loads(body)
        except ValueError as error:
            raise CallFailed(f"{shown}: {error}") from None
        if not isinstance(found, dict):
            raise CallFailed(f"{shown}: the answer is no object")
        return found

    def _endpoint(self, client: Json) -> tuple[Endpoint, str, str]:
        """Where, which path, and how both are told of together."""
        bundle = _decoded(client.get("caBundle") or "")
        url = client.get("url")
        if url:
            host, slash, path = url.removeprefix("https://").partition("/")
            where = host if ":" in host.rpartition("]")[2] else f"{host}:443"
            return Endpoint(f"https://{where}", bundle), slash + path or "/", url
        service = client["service"]
        name, namespace = service["name"], service["namespace"]
        port = service.get("port", 443)
        path = service.get("path") or "/"
        server = f"{name}.{namespace}.svc"
        address = self._address(namespace, name, port)
        shown = f"https://{server}:{port}{path}"
        return Endpoint(f"https://{address}", bundle, server), path, shown

    def _address(self, namespace: str, name: str, port: int) -> str:
        """One of the ready endpoints of a service. Raises CallFailed."""
        service = self.storage.find("services/", namespace, name)
        if service is None:
            raise CallFailed(f"service {quoted(name)} not found")
        spec = service.get("spec") or {}
        if spec.get("type") == "ExternalName":
            return f"{spec['externalName']}:{port}"
        chosen = next((one for one in spec.get("ports", ()) if one["port"] == port), None)
        if chosen is None:
            raise CallFailed(f"no service port {port} found for service {quoted(name)}")
        for _, found in self.storage.every(f"discovery.k8s.io.endpointslices/{namespace}/"):
            labels = found["metadata"].get("labels") or {}
            if labels.get("kubernetes.io/service-name") != name:
                continue
            for one in found.get("ports") or ():
                if (one.get("name") or "") != (chosen.get("name") or ""):
                    continue
                for endpoint in found.get("endpoints") or ():
                    if (endpoint.get("conditions") or {}).get("ready") is not False:
                        return f"{endpoint['addresses'][0]}:{one['port']}"
        raise CallFailed(f"no endpoints available for service {quoted(name)}")


def review_of(
    attributes: Attributes, kind: Kind, uid: str, new: Json | None, old: Json | None
) -> Json:
    """The AdmissionReview about a write, in the version of `kind`."""
    asked = attributes.asked
    spoken = asked.version
    user: Json = {"username": asked.user.name, "groups": list(asked.user.groups)}
    if asked.user.uid:
        user["uid"] = asked.user.uid
    if asked.user.extra:
        user["extra"] = {key: list(values) for key, values in asked.user.extra.items()}
    request: Json = {
        "uid": uid,
        "kind": _kind(kind),
        "resource": _resource(kind),
        "requestKind": _kind(spoken),
        "requestResource": _resource(spoken),
        "name": asked.name or ((new or {}).get("metadata") or {}).get("name", ""),
        "operation": attributes.operation,
        "userInfo": user,
        "object": new,
        "oldObject": old,
        "dryRun": asked.dry_run,
        "options": {
            "kind": _OPTIONS.get(attributes.operation, "CreateOptions"),
            "apiVersion": "meta.k8s.io/v1",
        },
    }
    if asked.namespace or spoken.plural == "namespaces":
        request["namespace"] = asked.namespace or request["name"]
    if asked.subresource:
        request["subResource"] = request["requestSubResource"] = asked.subresource
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def read_answer(name: str, review: Json, uid: str) -> Answer:
    """What an answered review means.

    Raises CallFailed for one that means nothing, and the refusal as an ApiError.
    """
    if review.get("kind") != "AdmissionReview" or not isinstance(review.get("response"), dict):
        raise CallFailed("webhook response is no AdmissionReview with a response")
    response = review["response"]
    if response.get("uid") != uid:
        found = quoted(response.get("uid") or "")
        raise CallFailed(f"expected response.uid={quoted(uid)}, got {found}")
    told, status = response.get("warnings"), response.get("status")
    warnings = tuple(str(one) for one in told) if isinstance(told, list) else ()
    if response.get("allowed") is not True:
        raise _refusal(name, status if isinstance(status, dict) else {})
    patch = response.get("patch")
    if not patch or not isinstance(patch, str):
        return Answer(None, warnings)
    if response.get("patchType") != "JSONPatch":
        raise CallFailed(f"unsupported patch type: {response.get('patchType')}")
    try:
        found = loads(base64.b64decode(patch, validate=True))
    except (ValueError, binascii.Error) as error:
        raise CallFailed(f"the patch cannot be read: {error}") from None
    return Answer(found, warnings)


def failed(name: str, failure: Exception) -> InternalError:
    """Upstream's words where a webhook that must be asked cannot be."""
    text = f"failed calling webhook {quoted(name)}: failed to call webhook: {failure}"
    return InternalError(
        f"Internal error occurred: {text}", details={"causes": [{"message": text}]}
    )


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


def _kind(kind: Kind) -> Json:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _resource(kind: Kind) -> Json:
    return {"group": kind.group, "version": kind.version, "resource": kind.plural}


def _decoded(bundle: str) -> str:
    try:
        return base64.b64decode(bundle, validate=True).decode()
    except (ValueError, binascii.Error):
        raise CallFailed("the CA bundle is not base64 of PEM") from None
