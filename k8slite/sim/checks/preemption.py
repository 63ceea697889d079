"""Who is made to go for another is less important, and nobody waits whom that would help.

Mirrors upstream's DefaultPreemption: victims have a lower priority than the pod that they make room
for; at rest no pod is pending for which less important pods of one node could go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Final

from k8slite.cluster import SCHEDULER
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import EVENTS, NODES, PODS, named, node_of, terminal, terminating
from k8slite.sim.checks.scheduling import fits, is_judged

Json = dict[str, Any]

_PREEMPTED: Final = re.compile(r"Preempted by pod (\S+) on node (\S+)")


class Preemption:
    """Victims, and those who wait."""

    name: ClassVar[str] = "preemption"
    prefixes: ClassVar[tuple[str, ...]] = (PODS, EVENTS)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._priorities: dict[str, int] = {}  # of every pod that ever was, by UID

    def commit(self, change: Change) -> Iterable[str]:
        if change.new is None:
            return
        if change.resource == PODS:
            self._priorities[change.new["metadata"]["uid"]] = priority_of(change.new)
            return
        said = _PREEMPTED.fullmatch(change.new.get("message", ""))
        if change.new.get("reason") != "Preempted" or said is None:
            return
        victim = self._priorities.get(change.new["involvedObject"].get("uid", ""))
        winner = self._priorities.get(said[1])
        if victim is None or winner is None:
            yield f"{change.key} is of a pod that never was"
        elif victim >= winner:
            yield (
                f"{change.new['involvedObject']['name']} of priority {victim} had to go for a "
                f"pod of priority {winner}"
            )

    def rest(self) -> Iterable[str]:
        state = self._setting.state
        if SCHEDULER not in self._setting.running:
            return
        bound: dict[str, list[Json]] = {}
        waiting = []
        for _, pod in state.all(PODS):
            if node_of(pod) and not terminal(pod):
                bound.setdefault(node_of(pod), []).append(pod)
            elif not terminal(pod) and not terminating(pod) and is_judged(pod):
                waiting.append(pod)
        for pod in waiting:
            if pod["spec"].get("preemptionPolicy") == "Never":
                continue
            for key, node in state.all(NODES):
                others = bound.get(key.removeprefix(NODES), [])
                staying = [one for one in others if priority_of(one) >= priority_of(pod)]
                leaving = any(terminating(one) for one in others)
                if len(staying) < len(others) and not leaving and fits(pod, node, staying):
                    yield f"{named(pod)} waits, and less important pods of {key} do not go for it"
                    break


def priority_of(pod: Json) -> int:
    """How important a pod is."""
    return int(pod["spec"].get("priority") or 0)
