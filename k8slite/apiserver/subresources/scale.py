"""A workload's replicas as one object for all kinds (upstream: `autoscaling/v1.Scale`)."""

from __future__ import annotations

from typing import Any, Final

from attrs import evolve

from k8slite.apiserver.applying import Applying
from k8slite.apiserver.decoding import media_type, read_yaml
from k8slite.apiserver.patches import PATCHES
from k8slite.apiserver.registry import Written
from k8slite.apiserver.verbs import Call, Verbs
from k8slite.apiserver.write_options import APPLY, is_forced
from k8slite.messages import Response
from k8slite.objects.codec import loads
from k8slite.objects.errors import BadRequest, MethodNotAllowed, UnsupportedMediaType
from k8slite.objects.fields import invalid, refuse
from k8slite.objects.selectors import selector_of, selector_of_labels

Json = dict[str, Any]

_SCALE: Final = ("autoscaling", "v1", "Scale")


async def scale(verbs: Verbs, call: Call) -> Response:
    """GET, PUT and PATCH of resource/NAME/scale."""
    verb = call.info.verb
    kind = call.kind
    if verb == "get":
        stored = verbs.registry.get(kind, call.info.namespace, call.info.name)
        return call.answer(200, _scale_of(call, loads(stored.value)))
    if verb not in ("update", "patch"):
        raise MethodNotAllowed(
            "the server does not allow this method on the requested resource", details={}
        )

    asked = call.asked(kind)
    if media_type(call.request) == APPLY:
        return await _apply(verbs, call)

    def change(old: Json) -> Json:
        asked = _asked_scale(verbs, call, _scale_of(call, old))
        replicas = (asked.get("spec") or {}).get("replicas", 0)
        _must_be_natural(call, replicas)
        version = (asked.get("metadata") or {}).get("resourceVersion")
        if version:
            old["metadata"]["resourceVersion"] = version
        old["spec"]["replicas"] = replicas
        return old

    written: Written = await verbs.registry.update(asked, change, protect=lambda _new, _old: None)
    return call.answer(200, _scale_of(call, loads(written.value)))


async def _apply(verbs: Verbs, call: Call) -> Response:
    """An applier of a Scale owns the replicas of what is scaled, and nothing else of it."""
    kind = call.kind
    asked = evolve(call.asked(kind), applies=True)
    force = is_forced(call.request, APPLY)
    sent = read_yaml(call.request.body)
    if not isinstance(sent, dict) or sent.get("kind") != "Scale":
        raise BadRequest("the object provided is unrecognized (must be of type Scale)")
    verbs.decoder.checked(sent, *_SCALE)
    spec = {"replicas": (sent.get("spec") or {}).get("replicas", 0)}
    config = {"apiVersion": kind.api_version, "kind": kind.kind, "spec": spec}
    applying = Applying(verbs.decoder, verbs.registry.management, asked, config, force)
    _must_be_natural(call, spec["replicas"])
    written = await verbs.registry.update(asked, applying.change, protect=lambda _new, _old: None)
    return call.answer(200, _scale_of(call, loads(written.value)))


def _must_be_natural(call: Call, replicas: int) -> None:
    if replicas < 0:
        cause = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise refuse("Scale", "autoscaling", call.info.name, [cause])


def _asked_scale(verbs: Verbs, call: Call, current: Json) -> Json:
    if call.info.verb == "update":
        return verbs.decoder.document(call.request, "Scale")
    apply = PATCHES.get(media_type(call.request))
    if apply is None:
        raise UnsupportedMediaType("415: Unsupported Media Type", details={})
    schemas = verbs.decoder.schemas
    definition = schemas.definition(*_SCALE)
    patched: Json = apply(loads(call.request.body), current, definition)
    return patched


def _scale_of(call: Call, obj: Json) -> Json:
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    found: Json = {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in shown if name in metadata},
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": {"replicas": status.get("replicas", 0)},
    }
    selector = spec.get("selector")
    if selector:
        known = (
            selector_of_labels(selector)
            if call.kind.plural == "replicationcontrollers"
            else selector_of(selector)
        )
        found["status"]["selector"] = str(known)
    return found
