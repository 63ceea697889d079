"""Controllers on an API in memory, with a kubelet that only moves pods along."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, field

from k8slite.client.client import Client
from k8slite.client.mirrors import Mirrors
from k8slite.controllers.controller import Context, Controller
from k8slite.objects.meta import timestamp
from tests.client.fake_api import FakeApi

Json = dict[str, Any]
QUIET_SECONDS = 100  # without a write, after which nothing more is expected


@define
class ToyCluster:
    """An API, and pods that start and stop after some time."""

    api: FakeApi = field(factory=FakeApi)
    start_seconds: float = 1.0
    stop_seconds: float = 1.0
    # Whether a pod ever becomes ready.
    starts: Callable[[Json], bool] = lambda pod: True
    phase: str = "Running"  # in which pods are once they have started
    controllers: list[Controller] = field(factory=list)

    @property
    def client(self) -> Client:
        return self.api.client()

    @asynccontextmanager
    async def running(
        self, classes: Sequence[type[Controller]], *, kubelet: bool = True
    ) -> AsyncIterator[ToyCluster]:
        """Run controllers (and the toy kubelet) for a while."""
        api = self.api
        mirrors = Mirrors(api.client(), api.world, "mirrors")
        context = Context(lambda name: Client(api.handle, name), api.world, mirrors)
        self.controllers = [one(context) for one in classes]
        async with trio.open_nursery() as nursery:
            await nursery.start(mirrors.run)
            for controller in self.controllers:
                await nursery.start(controller.run)
            if kubelet:
                nursery.start_soon(self._kubelet)
            yield self
            nursery.cancel_scope.cancel()

    async def quiet(self) -> None:
        """Wait until nothing has been written for a while."""
        before = -1
        while self.api.revision != before:
            before = self.api.revision
            await trio.sleep(QUIET_SECONDS)

    def pods(self, **labels: str) -> list[Json]:
        return [
            pod
            for pod in self.api.list("/api/v1/pods")
            if labels.items() <= pod["metadata"].get("labels", {}).items()
        ]

    def sets(self) -> list[Json]:
        """ReplicaSets, oldest revision first."""
        found = self.api.list("/apis/apps/v1/replicasets")
        return sorted(found, key=lambda one: int(revision(one) or 0))

    def events(self) -> list[tuple[str, str, str]]:
        found = self.api.list("/api/v1/events")
        found.sort(key=lambda one: int(one["metadata"]["name"].rsplit(".", 1)[1], 16))
        return [(one["type"], one["reason"], one["message"]) for one in found]

    async def _kubelet(self) -> None:
        async with trio.open_nursery() as nursery:
            seen: dict[tuple[str, str], None] = {}
            while True:
                for pod in self.api.list("/api/v1/pods"):
                    metadata = pod["metadata"]
                    ending = "deletionTimestamp" in metadata
                    key = (metadata["uid"], "end" if ending else "start")
                    if key not in seen:
                        seen[key] = None
                        work = self._stop if ending else self._start
                        nursery.start_soon(work, metadata["name"], metadata["uid"])
                await self.api.changed.wait()

    async def _start(self, name: str, uid: str) -> None:
        path = f"/api/v1/namespaces/ns/pods/{name}"
        self._change(path, uid, lambda pod: pod["spec"].update(nodeName=_node_for(pod)))
        await trio.sleep(self.start_seconds)
        self._change(path, uid, self._ready)

    async def _stop(self, name: str, uid: str) -> None:
        await trio.sleep(self.stop_seconds)
        path = f"/api/v1/namespaces/ns/pods/{name}"
        found = self.api.get(path)
        if found is not None and found["metadata"]["uid"] == uid:
            self.api.put(path, None)

    def _ready(self, pod: Json) -> None:
        ready = self.starts(pod)
        pod["status"] = {
            "phase": self.phase,
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if ready else "False",
                    "lastTransitionTime": timestamp(self.api.world.now()),
                }
            ],
        }

    def _change(self, path: str, uid: str, change: Callable[[Json], None]) -> None:
        found = self.api.get(path)
        if found is None or found["metadata"]["uid"] != uid:
            return
        if "deletionTimestamp" not in found["metadata"]:
            self.api.change(path, change)


def _node_for(pod: Json) -> str:
    """The node that a pod's affinity names, if it does."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms", ()):
        for one in term.get("matchFields", ()):
            return str(one["values"][0])
    return "node"


def revision(replica_set: Json) -> str | None:
    annotations = replica_set["metadata"].get("annotations", {})
    found: str | None = annotations.get("deployment.kubernetes.io/revision")
    return found


def template(image: str = "one", **labels: str) -> Json:
    return {
        "metadata": {"labels": labels or {"app": "a"}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }


def replica_set(name: str, replicas: int, **spec: Any) -> Json:
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "a"}},
            "template": template(),
            **spec,
        },
    }


def deployment(name: str, replicas: int, **spec: Any) -> Json:
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "a"}},
            "template": template(),
            "strategy": {"type": "RollingUpdate"},
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            **spec,
        },
    }
