"""What port 10250 answers, for the kubelets of a whole fleet.

Upstream: `pkg/kubelet/server`. The API server passes on what it is asked for logs, streams and
measures; which kubelet is meant is told by the pod, or by a header where there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

from k8slite.kubelet import measures, usage
from k8slite.kubelet.logs import answer, container_log
from k8slite.kubelet.node_pods import NodePods
from k8slite.kubelet.pod_worker import PodWorker
from k8slite.kubelet.runtimes.runtime import LogOptions, Runtime
from k8slite.messages import Request, Response, Stream
from k8slite.objects.meta import Name
from k8slite.world import World

_STREAMS: Final = ("/exec/", "/attach/", "/portForward/")


class KubeletServer:
    """A Handler; `find` and `node` are the fleet's: a pod's worker, a node's pods."""

    def __init__(
        self,
        find: Callable[[Name], PodWorker | None],
        node: Callable[[str], NodePods | None],
        runtime: Runtime,
        world: World,
    ) -> None:
        self._find = find
        self._node = node
        self._runtime = runtime
        self._world = world

    async def handle(self, request: Request) -> Response:
        """Answer logs, what `streams` serves, and /stats/summary and /metrics of the node that the
        header x-node-name names."""
        await trio.lowlevel.checkpoint()
        if request.path.startswith((usage.PATH, measures.ROOT)):
            return self._used(request)
        if request.path.startswith(_STREAMS):
            from k8slite.kubelet import streams  # a start pays nothing for it

            return streams.answer(request, self._find, self._runtime)
        return answer(request, self._find, self._runtime, self._world.now())

    def logs(self, namespace: str, pod: str, container: str, options: LogOptions) -> bytes | Stream:
        """A container's log, to be closed if it is a Stream. Raises LogRefused."""
        worker = self._find(Name(namespace, pod))
        return container_log(worker, pod, container, options, self._runtime)

    def address_of(self, pod: Name) -> str:
        """Where a pod's program really listens; "" where none runs."""
        worker = self._find(pod)
        found = getattr(self._runtime, "address_of", None)
        return found(worker.pod.metadata.uid) if worker is not None and found is not None else ""

    def _used(self, request: Request) -> Response:
        """What a node's pods take, in one form or another."""
        name = request.headers.get("x-node-name", "")
        node = self._node(name)
        if node is None:
            return Response(404, b"404 page not found\n")
        workers = [task.worker for task in node.tasks.values()]
        used = [(one, self._runtime.usage(one.pod.metadata.uid)) for one in workers]
        return measures.answer(request.path, name, used, self._world.now())
