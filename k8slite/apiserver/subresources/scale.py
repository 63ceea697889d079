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
from k8slite.kinds.kind import Kind
from k8slite.messages import Response
from k8slite.objects.codec import loads
from k8slite.objects.errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    UnsupportedMediaType,
)
from k8slite.objects.fields import invalid, quoted, refuse
from k8slite.objects.selectors import selector_of, selector_of_labels

Json = dict[str, Any]

_SCALE: Final = ("autoscaling", "v1", "Scale")


async def scale(verbs: Verbs, call: Call) -> Response:
    """GET, PUT and PATCH of resource/NAME/scale."""
    verb = call.info.verb
    kind = call.kind
    if verb == "get":
        stored = await verbs.registry.read(kind, call.info.namespace, call.info.name)
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
        _put(old, _replicas_path(kind), replicas)
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
    replicas = (sent.get("spec") or {}).get("replicas", 0)
    config: Json = {"apiVersion": kind.api_version, "kind": kind.kind}
    _put(config, _replicas_path(kind), replicas)
    applying = Applying(verbs.decoder, verbs.registry.management, asked, config, force)
    _must_be_natural(call, replicas)
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
    metadata = obj["metadata"]
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    paths = call.kind.scale
    replicas = _at(obj, _replicas_path(call.kind))
    if replicas is None and paths is not None:
        # Upstream's words; there is nothing that could be scaled.
        path = "." + ".".join(paths.spec)
        raise NotFound(
            f"the spec replicas field {quoted(path)} does not exist",
            details={"name": call.info.name, "kind": call.kind.plural, "group": call.kind.group},
        )
    found: Json = {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in shown if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {"replicas": _at(obj, paths.status if paths else ("status", "replicas")) or 0},
    }
    selector = _selector(call, obj)
    if selector:
        found["status"]["selector"] = selector
    return found


def _selector(call: Call, obj: Json) -> str:
    if call.kind.scale is not None:
        return str(_at(obj, call.kind.scale.selector) or "") if call.kind.scale.selector else ""
    selector = (obj.get("spec") or {}).get("selector")
    if not selector:
        return ""
    of_labels = call.kind.plural == "replicationcontrollers"
    return str(selector_of_labels(selector) if of_labels else selector_of(selector))


def _replicas_path(kind: Kind) -> tuple[str, ...]:
    return kind.scale.spec if kind.scale is not None else ("spec", "replicas")


def _at(obj: Json, path: tuple[str, ...]) -> Any:
    value: Any = obj
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _put(obj: Json, path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        obj = obj.setdefault(name, {})
    obj[path[-1]] = value
