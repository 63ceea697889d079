"""Exec, attach and port-forward, as port 10250 answers for them.

    /exec/NAMESPACE/POD/CONTAINER, /attach/...    ?command=&input=1&output=1&error=1&tty=1
    /portForward/NAMESPACE/POD                    ?port=80

Over WebSocket or SPDY. Errors are plain text, as the API server passes them on. Upstream:
`pkg/kubelet/server/server.go` (getExec, getAttach, getPortForward).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from attrs import frozen

from k8slite.kubelet import port_forward, remote_command, remote_command_spdy
from k8slite.kubelet.container import Stage
from k8slite.kubelet.pod_worker import PodWorker
from k8slite.kubelet.runtimes.runtime import ContainerKey, Runtime
from k8slite.messages import Request, Response
from k8slite.objects.meta import Name
from k8slite.wire import spdy_connection, websocket

_TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"),)


def answer(
    request: Request, find: Callable[[Name], PodWorker | None], runtime: Runtime
) -> Response:
    """Answer one request, with 101 if all is well."""
    _, verb, namespace, pod, *rest = [*request.path.split("/"), "", ""]
    worker = find(Name(namespace, pod))
    if worker is None:
        return _refused(404, "pod does not exist")
    container = rest[0]
    if verb != "portForward" and not any(
        one.container.name == container and one.stage in (Stage.RUNNING, Stage.HOOKED)
        for one in worker.records
    ):
        return _refused(404, f'container not found ("{container}")')
    speech = _spoken(request)
    if speech is None:
        return _refused(400, "Upgrade request required")
    protocols = speech.port_forward if verb == "portForward" else speech.command
    offered = speech.offered(request.headers)
    protocol = next((one for one in offered if one in protocols), "")
    if not protocol:
        return _refused(
            403,
            "unable to upgrade: unable to negotiate protocol: client supports "
            f"[{' '.join(offered)}], server accepts [{' '.join(protocols)}]",
        )
    if verb == "portForward":
        return _port_forward(request, worker, runtime, protocol)
    return _command(request, ContainerKey(worker.pod.metadata.uid, container), runtime, protocol)


@frozen
class _Speech:
    """What streams can be carried by, and which protocols can then be chosen."""

    offered: Callable[[Mapping[str, str]], Sequence[str]]
    command: Sequence[str]
    port_forward: Sequence[str]


def _spoken(request: Request) -> _Speech | None:
    if websocket.is_asked(request.headers):
        return _WEBSOCKET
    return _SPDY if spdy_connection.is_asked(request.headers) else None


def _command(request: Request, key: ContainerKey, runtime: Runtime, protocol: str) -> Response:
    tty = request.parameter("tty") == "1"
    wanted = remote_command.Wanted(
        stdin=request.parameter("input") == "1",
        stdout=request.parameter("output") == "1",
        stderr=request.parameter("error") == "1" and not tty,
        tty=tty,
    )
    if not (wanted.stdin or wanted.stdout or wanted.stderr):
        return _refused(400, "you must specify at least 1 of stdin, stdout, stderr")
    command = [value for name, value in request.query if name == "command"]
    talk: remote_command.Talk
    if request.path.startswith("/exec/"):
        talk = partial(runtime.exec, key, command)
    else:
        talk = partial(runtime.attach_to, key)
    if spdy_connection.is_asked(request.headers):
        return remote_command_spdy.answer(protocol, wanted, talk, command)
    return remote_command.answer(request.headers, protocol, wanted, talk, command)


def _port_forward(request: Request, worker: PodWorker, runtime: Runtime, protocol: str) -> Response:
    connect = partial(runtime.forward, worker.pod.metadata.uid)
    if protocol == port_forward.STREAMS:
        return port_forward.answer_spdy(connect)
    ports = []
    for name, value in request.query:
        if name in ("port", "ports"):
            for one in value.split(","):
                if not one.isdecimal() or not 0 < int(one) < 1 << 16:
                    return _refused(400, f'invalid port "{one}"')
                ports.append(int(one))
    if protocol == port_forward.CHANNELS and not ports:
        return _refused(400, 'query parameter "port" is required')
    return port_forward.answer(request.headers, protocol, ports, connect)


def _refused(status: int, text: str) -> Response:
    return Response(status, text.encode(), _TEXT)


_WEBSOCKET: Final = _Speech(websocket.offered, remote_command.PROTOCOLS, port_forward.PROTOCOLS)
_SPDY: Final = _Speech(
    spdy_connection.offered, remote_command_spdy.PROTOCOLS, (port_forward.STREAMS,)
)
