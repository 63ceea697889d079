"""exec, attach and portforward of pods: checked here, then passed on to the pod's kubelet.

The kubelet answers with 101 and talks with the client itself. Upstream:
`registry/core/pod/rest/subresources.go` and `strategy.go` (ExecLocation, PortForwardLocation).
"""

from __future__ import annotations

from typing import Final

from k8slite.apiserver.request_info import flag
from k8slite.apiserver.subresources.connecting import admit, stream_options
from k8slite.apiserver.subresources.pods import container_of
from k8slite.apiserver.verbs import Call, Verbs
from k8slite.messages import Handler, Request, Response
from k8slite.objects.codec import loads
from k8slite.objects.errors import (
    BadRequest,
    Forbidden,
    InternalError,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
)

NAMES: Final = ("attach", "exec", "portforward")


def no_kubelet() -> ServiceUnavailable:
    """Where there are no nodes, nothing runs that could be talked with."""
    return ServiceUnavailable("no kubelet is running in this cluster")


async def stream(verbs: Verbs, call: Call, kubelet: Handler | None) -> Response:
    """Answer with 101, or raise what keeps a stream from being opened."""
    info, request = call.info, call.request
    if request.method not in ("GET", "POST"):
        raise MethodNotAllowed(
            "the server does not allow this method on the requested resource", details={}
        )
    await admit(verbs, call, *stream_options(call))
    pod = loads(verbs.registry.get(call.kind, info.namespace, info.name).value)
    where = f"{info.namespace}/{info.name}"
    if kubelet is None:
        raise no_kubelet()
    if info.subresource == "portforward":
        path = f"/portForward/{where}"
        query = tuple(("port", value) for name, value in request.query if name == "ports")
    else:
        container = container_of(pod, request.parameter("container"))
        path, query = f"/{info.subresource}/{where}/{container}", _query(request)
        if info.subresource == "exec" and not request.parameter("command"):
            raise BadRequest("you must specify at least one command for the container")
    if not pod["spec"].get("nodeName"):
        raise BadRequest(f"pod {info.name} does not have a host assigned")
    headers = {**request.headers, "x-node-name": pod["spec"]["nodeName"]}
    response = await kubelet(Request("GET", path, query, headers))
    if response.status == 101:
        return response
    assert isinstance(response.body, bytes)
    raise _REFUSALS.get(response.status, InternalError)(response.body.decode(errors="replace"))


def _query(request: Request) -> tuple[tuple[str, str], ...]:
    """A PodExecOptions as kubelets are told it."""
    found = [pair for pair in request.query if pair[0] == "command"]
    for name, told in (
        ("stdin", "input"),
        ("stdout", "output"),
        ("stderr", "error"),
        ("tty", "tty"),
    ):
        if flag(request.parameter(name)):
            found.append((told, "1"))
    return tuple(found)


_TOLD: Final = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}
_REFUSALS: Final = {400: BadRequest, 403: Forbidden, 404: NotFound}
