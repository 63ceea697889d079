"""What is told about pods, each profile under its own name."""

from __future__ import annotations

from collections.abc import Iterable

import trio

from k8slite.client.client import Client
from k8slite.client.recorder import Recorder, Reference
from k8slite.scheduler.pod_info import PodInfo
from k8slite.world import World


class Events:
    """The recorders of some profiles; an Actor."""

    def __init__(self, client: Client, world: World, profiles: Iterable[str]) -> None:
        self.name = "scheduler events"
        self._recorders = {name: Recorder(client, world, name) for name in profiles}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write what is told."""
        async with trio.open_nursery() as nursery:
            for recorder in self._recorders.values():
                await nursery.start(recorder.run)
            task_status.started()

    def tell(self, info: PodInfo, type_: str, reason: str, message: str) -> None:
        """Record an event about a pod; never waits, never raises."""
        # A victim may be of a scheduler that is none of the profiles.
        recorder = self._recorders.get(info.pod.spec.scheduler_name)
        recorder = recorder or next(iter(self._recorders.values()))
        recorder.event(Reference("v1", "Pod", info.pod.metadata), type_, reason, message)
