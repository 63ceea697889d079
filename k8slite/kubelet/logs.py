"""Container logs as port 10250 answers for them: GET /containerLogs/{namespace}/{pod}/{container}.

Upstream: `server/server.go` (getContainerLogs) and `kubelet_pods.go` (validateContainerLogStatus).
Errors are plain text, as the API server passes them on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from k8slite.kubelet.container import ContainerRecord, Stage
from k8slite.kubelet.pod_worker import PodWorker
from k8slite.kubelet.runtimes.runtime import ContainerKey, LogNotFound, LogOptions, Runtime
from k8slite.messages import Request, Response, Stream
from k8slite.objects.meta import Name, parse_timestamp

PREFIX: Final = "/containerLogs/"
_TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"),)


class LogRefused(Exception):
    """There is no such log; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def answer(
    request: Request,
    find: Callable[[Name], PodWorker | None],
    runtime: Runtime,
    now: datetime,
) -> Response:
    """Answer one request."""
    parts = request.path.removeprefix(PREFIX).split("/")
    if request.method != "GET" or not request.path.startswith(PREFIX) or len(parts) != 3:
        return Response(404, b"404 page not found\n", _TEXT)
    namespace, pod, container = parts
    for value, name in ((pod, "podID"), (container, "container name"), (namespace, "podNamespace")):
        if not value:
            return Response(400, f'{{"message": "Missing {name}."}}'.encode(), _TEXT)
    try:
        options = log_options(request, now)
        body = container_log(find(Name(namespace, pod)), pod, container, options, runtime)
    except LogRefused as refused:
        return Response(refused.status, refused.message.encode(), _TEXT)
    return Response(200, body, _TEXT)


def container_log(
    worker: PodWorker | None, pod: str, container: str, options: LogOptions, runtime: Runtime
) -> bytes | Stream:
    """The log itself. Raises LogRefused."""
    if worker is None:
        raise LogRefused(404, f'pod "{pod}" does not exist')
    record = next((one for one in worker.records if one.container.name == container), None)
    if record is None:
        raise LogRefused(404, f'container "{container}" not found in pod "{pod}"')
    _refuse_unstarted(record, pod, previous=options.previous)
    try:
        return runtime.log(ContainerKey(worker.pod.metadata.uid, container), options)
    except LogNotFound:
        text = f'container "{container}" in pod "{pod}" is not available'
        raise LogRefused(400, text) from None


def log_options(request: Request, now: datetime) -> LogOptions:
    """The options of a request. Raises LogRefused."""
    try:
        tail = _number(request, "tailLines")
        limit = _number(request, "limitBytes")
        since_seconds = _number(request, "sinceSeconds")
        since_time = request.parameter("sinceTime")
        since = parse_timestamp(since_time) if since_time else None
        flags = {name: _flag(request, name) for name in ("follow", "previous", "timestamps")}
    except ValueError:
        raise LogRefused(400, '{"message": "Unable to decode query."}') from None
    twice = since is not None and since_seconds is not None
    if twice or (limit is not None and limit < 1) or (since_seconds == 0):
        raise LogRefused(422, '{"message": "Invalid request."}')
    if since_seconds is not None:
        since = now - timedelta(seconds=since_seconds)
    return LogOptions(since=since, tail_lines=tail, limit_bytes=limit, **flags)


def _refuse_unstarted(record: ContainerRecord, pod: str, *, previous: bool) -> None:
    where = f'container "{record.container.name}" in pod "{pod}"'
    if previous:
        # A container that has ended and waits counts as its own last run.
        last = record.terminated
        if record.stage is Stage.ENDED and record.waiting is None:
            last = record.terminated_before
        if last is None:
            raise LogRefused(400, f"previous terminated {where} not found")
        return
    if record.stage is Stage.RUNNING or record.terminated is not None:
        return
    reason = record.waiting[0] if record.waiting else ""
    why = _WAITING.get(reason, reason)
    raise LogRefused(400, f"{where} is waiting to start: {why}")


def _number(request: Request, name: str) -> int | None:
    text = request.parameter(name)
    if not text:
        return None
    number = int(text)
    if number < 0:
        raise ValueError(name)
    return number


def _flag(request: Request, name: str) -> bool:
    text = request.parameter(name).lower()
    if text in ("", "0", "f", "false"):
        return False
    if text in ("1", "t", "true"):
        return True
    raise ValueError(name)


_WAITING: Final = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}
