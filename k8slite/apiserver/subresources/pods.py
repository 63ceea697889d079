"""What can be asked of a pod beyond its object: debugging containers, logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import evolve

from k8slite.apiserver.applying import read_config
from k8slite.apiserver.attributes import Asked
from k8slite.apiserver.decoding import media_type
from k8slite.apiserver.subresources.messages import by_messages
from k8slite.apiserver.verbs import Call, Protect, Verbs, same_name, same_namespace
from k8slite.apiserver.write_options import APPLY
from k8slite.messages import Handler, Request, Response
from k8slite.objects.codec import loads
from k8slite.objects.errors import (
    ApiError,
    BadRequest,
    Cause,
    InternalError,
    Invalid,
    MethodNotAllowed,
    NotFound,
)
from k8slite.wire import websocket

# Groups of containers that a resize may reach.
_RESIZED: Final = ("initContainers", "containers")

Json = dict[str, Any]
Change = Callable[[Json], Json]


async def ephemeral_containers(verbs: Verbs, call: Call) -> Response:
    """GET, PUT and PATCH of ephemeralcontainers: only these may change, and only be added."""
    return await _part(verbs, call, _keep_all_but_ephemeral, _ephemeral_part)


async def resize(verbs: Verbs, call: Call) -> Response:
    """GET, PUT and PATCH of resize: only the containers' resources may change."""
    return await _part(verbs, call, _keep_all_but_resources, _resources_part)


async def log(verbs: Verbs, call: Call, kubelet: Handler) -> Response:
    """GET of log: asked of the pod's kubelet, whose answer is passed on."""
    info = call.info
    pod = loads(verbs.registry.get(call.kind, info.namespace, info.name).value)
    spec, container = pod["spec"], container_of(pod, call.request.parameter("container"))
    if not spec.get("nodeName"):
        return Response(200, b"", (("Content-Type", "text/plain"),))
    query = tuple(pair for pair in call.request.query if pair[0] != "container")
    response = await kubelet(
        Request(
            "GET",
            f"/containerLogs/{info.namespace}/{info.name}/{container}",
            query,
            {"x-node-name": spec["nodeName"]},
        )
    )
    if response.status >= 300 and isinstance(response.body, bytes):
        raise _node_refusal(response.status, response.body.decode(errors="replace"), info.name)
    if websocket.is_asked(call.request.headers):
        return by_messages(call.request, response)
    return response


def container_of(pod: Json, container: str) -> str:
    """The container that is meant. Raises BadRequest (upstream: `podContainer`)."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    names = [c["name"] for c in spec["containers"]]
    others = [
        c["name"] for part in ("initContainers", "ephemeralContainers") for c in spec.get(part, ())
    ]
    if not container:
        annotations = pod["metadata"].get("annotations", {})
        container = annotations.get("kubectl.kubernetes.io/default-container", "")
    if not container:
        if len(names) + len(others) > 1:
            raise BadRequest(
                f"a container name must be specified for pod {name}, choose one of: "
                f"[{' '.join(names)}]"
                + (f" or one of the init containers: [{' '.join(others)}]" if others else "")
            )
        container = names[0]
    if container not in (*names, *others):
        raise BadRequest(f"container {container} is not valid for pod {name}")
    return container


def _node_refusal(status: int, text: str, pod: str) -> ApiError:
    """A kubelet's refusal in the API's words (upstream: `GenericHttpResponseChecker`)."""
    if status == 400:
        return BadRequest(text)
    if status == 404:
        return NotFound(
            f"the server could not find the requested resource (pods {pod})",
            details={"name": pod, "kind": "pods"},
            causes=[Cause("UnexpectedServerResponse", text)],
        )
    if status == 422:
        return Invalid(
            f"the server rejected our request due to an error in our request (pods {pod})",
            details={"name": pod, "kind": "pods"},
        )
    return InternalError(f"Internal error occurred: {text}")


async def _part(verbs: Verbs, call: Call, protect: Protect, part: Change) -> Response:
    """A part of a pod; `protect` puts the rest back, `part` is that of what is applied."""
    if call.info.verb == "get":
        return await verbs.get(call)
    if call.info.verb not in ("update", "patch"):
        raise MethodNotAllowed(
            "the server does not allow this method on the requested resource", details={}
        )
    asked = call.asked(call.kind)
    if call.info.verb == "update":
        change: Change = lambda _old: verbs.decoder.object(  # noqa: E731
            call.request, call.kind, call.warnings.append
        )
    elif media_type(call.request) == APPLY:
        asked = evolve(asked, applies=True)
        change, protect = _applied(verbs, call, asked, part), _with_owners(protect)
    else:
        change = verbs.patch_change(call, call.kind)
    default = call.kind.strategy.default

    def filled(old: Json) -> Json:
        new = change(old)
        default(new)
        return new

    written = await verbs.registry.update(asked, filled, protect=protect)
    now = verbs.registry.world.now()
    return call.response(200, call.form.object(call.kind, written.value, now))


def _applied(verbs: Verbs, call: Call, asked: Asked, part: Change) -> Change:
    """What an apply makes of a pod: who applies gets no more than the part."""
    applying = read_config(verbs.decoder, verbs.registry.management, call.request, asked)
    same_namespace(call, applying.config)
    same_name(call, applying.config)
    named = {key: applying.config[key] for key in ("apiVersion", "kind")}
    applying.config = {**named, **part(applying.config)}
    return applying.change


def _with_owners(protect: Protect) -> Protect:
    """The same, for an apply, which has itself said who owns what."""

    def put_back(new: Json, old: Json) -> None:
        owners = new["metadata"].get("managedFields")
        protect(new, old)
        if owners is not None:
            new["metadata"]["managedFields"] = owners

    return put_back


def _ephemeral_part(pod: Json) -> Json:
    spec = pod.get("spec") or {}
    key = "ephemeralContainers"
    return {"spec": {key: spec[key]}} if key in spec else {}


def _resources_part(pod: Json) -> Json:
    spec = pod.get("spec") or {}
    kept = {
        group: [{key: c[key] for key in ("name", "resources") if key in c} for c in spec[group]]
        for group in _RESIZED
        if spec.get(group)
    }
    return {"spec": kept} if kept else {}


def _keep_all_but_ephemeral(new: Json, old: Json) -> None:
    key = "ephemeralContainers"
    asked = (new.get("spec") or {}).get(key)
    kept = {name: value for name, value in old["spec"].items() if name != key}
    new["spec"] = {**kept, **({key: asked} if asked else {})}
    new["metadata"] = dict(old["metadata"])
    new["status"] = old.get("status", {})


def _keep_all_but_resources(new: Json, old: Json) -> None:
    spec = dict(old["spec"])
    for group in _RESIZED:
        if group in spec:
            given = (new.get("spec") or {}).get(group) or ()
            asked = {c.get("name"): c.get("resources") or {} for c in given}
            spec[group] = [
                {**c, "resources": asked.get(c["name"], c.get("resources", {}))}
                for c in spec[group]
            ]
    new["spec"] = spec
    new["metadata"] = dict(old["metadata"])
    new["status"] = old.get("status", {})
