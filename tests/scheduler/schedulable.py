"""A fake API that binds pods, and short ways to make nodes and pods in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import trio

from k8slite.client.resource import NODES, PODS
from k8slite.messages import Request, Response
from k8slite.objects.errors import Conflict, NotFound
from k8slite.objects.meta import timestamp
from k8slite.scheduler.configuration import Configuration, Profile
from k8slite.scheduler.scheduler import Scheduler
from tests.client.fake_api import FakeApi

Json = dict[str, Any]


class Cluster:
    """Nodes and pods, and a scheduler among them; `api` is for looking inside."""

    def __init__(self) -> None:
        self.api = FakeApi(before=self._before)
        # What happens to bindings: names of pods whose binding is refused, and how often.
        self.refusals: dict[str, int] = {}
        self.bindings: list[tuple[str, str]] = []

    @asynccontextmanager
    async def scheduling(
        self, *, name: str = "default-scheduler", configuration: Configuration | None = None
    ) -> AsyncIterator[Scheduler]:
        """A scheduler at work."""
        configuration = configuration or Configuration((Profile(name),))
        scheduler = Scheduler(self.api.client("scheduler"), self.api.world, configuration)
        async with trio.open_nursery() as nursery:
            await nursery.start(scheduler.run)
            yield scheduler
            nursery.cancel_scope.cancel()

    def add_node(
        self,
        name: str,
        *,
        cpu: str = "4",
        memory: str = "8Gi",
        pods: int = 110,
        labels: Json | None = None,
        more: Json | None = None,
        **spec: Any,
    ) -> Json:
        allocatable = {"cpu": cpu, "memory": memory, "pods": str(pods), **(more or {})}
        obj = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": self._metadata(name, labels=labels or {}),
            "spec": spec,
            "status": {"allocatable": allocatable},
        }
        return self.api.put(NODES.path("", name), obj)

    def add_pod(
        self,
        name: str,
        *,
        cpu: str = "",
        memory: str = "",
        ports: tuple[int, ...] = (),
        more: Json | None = None,
        metadata: Json | None = None,
        **spec: Any,
    ) -> Json:
        requests = {**({"cpu": cpu} if cpu else {}), **({"memory": memory} if memory else {})}
        container = {
            "name": "main",
            "resources": {"requests": {**requests, **(more or {})}},
            "ports": [{"containerPort": port, "hostPort": port} for port in ports],
        }
        obj = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": self._metadata(name, namespace="default", **(metadata or {})),
            "spec": {"containers": [container], **spec},
            "status": {"phase": "Pending"},
        }
        return self.api.put(PODS.path("default", name), obj)

    def remove_pod(self, name: str) -> None:
        self.api.put(PODS.path("default", name), None)

    def change_pod(self, name: str, **spec: Any) -> None:
        self.api.change(PODS.path("default", name), lambda pod: pod["spec"].update(spec))

    def change_node(self, name: str, change: Any) -> None:
        self.api.change(NODES.path("", name), change)

    def end_pod(self, name: str, phase: str = "Succeeded") -> None:
        self.api.change(PODS.path("default", name), lambda pod: pod["status"].update(phase=phase))

    def pod(self, name: str) -> Json:
        found = self.api.get(PODS.path("default", name))
        assert found is not None, name
        return found

    def node_of(self, name: str) -> str:
        """The node that a pod is bound to, or ""."""
        found: str = self.pod(name)["spec"].get("nodeName", "")
        return found

    def nodes_of(self, *names: str) -> list[str]:
        return [self.node_of(name) for name in names]

    def condition(self, name: str) -> Json:
        """The condition PodScheduled, or {}."""
        for condition in self.pod(name)["status"].get("conditions", ()):
            if condition["type"] == "PodScheduled":
                return condition
        return {}

    def events(self, name: str) -> list[tuple[str, str, str]]:
        """What was recorded of a pod: type, reason, message."""
        return [
            (event["type"], event["reason"], event["message"])
            for event in self.api.list("/api/v1/events")
            if event["involvedObject"]["name"] == name
        ]

    def writes(self, subresource: str) -> int:
        """How many requests there were to a subresource of pods."""
        return sum(one.path.endswith(f"/{subresource}") for one in self.api.requests)

    def _metadata(self, name: str, **more: Any) -> Json:
        world = self.api.world
        now = timestamp(world.now())
        return {"name": name, "uid": world.uid(), "creationTimestamp": now, **more}

    async def _before(self, request: Request) -> Response | None:
        path, _, subresource = request.path.rpartition("/")
        if request.method != "POST" or subresource != "binding":
            return None
        binding = orjson.loads(request.body)
        pod = self.api.get(path)
        name = binding["metadata"]["name"]
        if pod is None:
            raise NotFound(f'pods "{name}" not found')
        if self.refusals.get(name, 0):
            self.refusals[name] -= 1
            raise Conflict("refused by the test")
        if binding["metadata"]["uid"] != pod["metadata"]["uid"]:
            raise Conflict("Precondition failed: UID in precondition")
        if pod["spec"].get("nodeName"):
            raise Conflict(f"pod {name} is already assigned")
        if pod["metadata"].get("deletionTimestamp"):
            raise Conflict(f"pod {name} is being deleted")
        assert not pod["spec"].get("schedulingGates")
        node_name = binding["target"]["name"]
        pod["spec"]["nodeName"] = node_name
        conditions = pod["status"].get("conditions", [])
        pod["status"]["conditions"] = [
            *(one for one in conditions if one["type"] != "PodScheduled"),
            {"type": "PodScheduled", "status": "True"},
        ]
        self.api.put(path, pod)
        self.bindings.append((name, node_name))
        return Response(201, b'{"kind":"Status","status":"Success"}')
