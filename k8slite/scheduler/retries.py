"""Which of the pods that fit nowhere are worth another try, since something has happened.

Upstream asks each plugin that has refused a pod whether an event helps (queueing hints). Here that
is asked only of plugins that go by more than the pod and the nodes; what the others would say is
known better: the nodes that have become better, or whose pods' neighbours have changed, are simply
looked at again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field

from k8slite.client.resource import Resource
from k8slite.scheduler.framework import Framework
from k8slite.scheduler.plugin import Event
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.queue import SchedulingQueue
from k8slite.scheduler.snapshot import Snapshot


@define(eq=False)
class Retries:
    """What has happened since pods were last looked at."""

    snapshot: Snapshot
    queue: SchedulingQueue
    framework: Callable[[PodInfo], Framework]
    # UIDs of pods that others are just told to go for: they wait for that.
    preempting: dict[str, None] = field(factory=dict)
    # Nodes with more room, or other properties, than when pods were last refused by them.
    _improved: dict[str, None] = field(factory=dict)
    _pods_moved: bool = False
    _events: list[Event] = field(factory=list)

    def improve(self, node_name: str) -> None:
        """A node, unless the name is "", may take pods that it refused."""
        if node_name:
            self._improved[node_name] = None
            self.queue.wake()

    def move(self) -> None:
        """A pod has its node: pods that want it near may have theirs."""
        self._pods_moved = True

    def happen(self, resource: Resource, old: Any, new: Any) -> None:
        """Something came, changed or went that plugins may go by."""
        self._events.append(Event(resource, old, new))
        self.queue.wake()

    def reconsider(self) -> None:
        """Try again what may have somewhere to go."""
        if not (self._improved or self._pods_moved or self._events):
            return
        found = [self.snapshot.get(name) for name in self._improved]
        nodes = [node for node in found if node is not None]
        improved, moved, events = bool(self._improved), self._pods_moved, self._events
        self._improved, self._pods_moved, self._events = {}, False, []
        for queued in self.queue.unschedulable:
            if queued.info.uid in self.preempting:
                continue
            looks = improved or (moved and queued.waits_for_pods)
            framework = self.framework(queued.info)
            if looks and framework.could_go(queued.info, nodes):
                self.queue.activate(queued)
                continue
            heard = events if queued.waits_for_anything else ()
            if any(framework.helps(queued.info, queued.refused_by, one) for one in heard):
                self.queue.activate(queued)
        if events:
            for queued in self.queue.gated:
                self.queue.activate(queued)
