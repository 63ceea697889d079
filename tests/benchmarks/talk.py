"""A client's talk with a cluster in another process: calls, and watches that are followed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import trio

from k8slite.messages import Request
from k8slite.wire import ClientLimits, HttpClient
from tests.benchmarks.cluster_process import ClusterProcess

Json = dict[str, Any]


class Talk:
    """A client of a cluster, to be used as a context manager."""

    def __init__(self, cluster: ClusterProcess, connections: int) -> None:
        headers = {
            "authorization": f"Bearer {cluster.token}",
            "accept": "application/json",
            "content-type": "application/json",
        }
        limits = ClientLimits(max_connections=connections, max_idle_connections=connections)
        self.client = HttpClient(cluster.url, cluster.context(), headers=headers, limits=limits)

    def __enter__(self) -> Talk:
        self.client.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.client.__exit__(*error)

    async def call(
        self, method: str, path: str, obj: object, media_type: str = "application/json"
    ) -> Json:
        """Send an object; the object that it is answered with."""
        headers = {"content-type": media_type}
        request = Request(method, path, (), headers, json.dumps(obj).encode())
        response = await self.client(request)
        assert isinstance(response.body, bytes)
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {response.body!r}")
        found: Json = json.loads(response.body)
        return found

    async def follow(
        self,
        path: str,
        revision: str,
        shown: Callable[[float, Json], None],
        task_status: trio.TaskStatus[None],
    ) -> None:
        """Watch a collection from a revision on; `shown` gets each object with the moment."""
        query = (("watch", "true"), ("resourceVersion", revision))
        response = await self.client(Request("GET", path, query))
        if response.status != 200 or isinstance(response.body, bytes):
            raise RuntimeError(f"watching {path} was answered with {response.status}")
        task_status.started()
        rest = b""
        while piece := await response.body.receive():
            now = time.monotonic()
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise RuntimeError(f"the watch of {path} failed: {event['object']}")
                shown(now, event["object"])
        raise RuntimeError(f"the watch of {path} has ended")
