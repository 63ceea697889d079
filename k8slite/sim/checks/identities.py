"""Who may be there beside whom: one pod for each name of a StatefulSet, one on each daemon's node.

Mirrors the promises of `pkg/controller/statefulset` and `pkg/controller/daemon`. What a controller
does is judged by every version of its object that it may still have before its eyes: those from
the generation on that its status says it has observed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.objects.intstr import scaled
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import (
    DAEMON_SETS,
    PODS,
    STATEFUL_SETS,
    controller_of,
    named,
    node_of,
    ready,
    target_of,
    terminal,
    terminating,
    uid,
)

Json = dict[str, Any]

_STATEFUL_USER: Final = "system:controller:statefulset-controller"
_DAEMON_USER: Final = "system:controller:daemonset-controller"
_KUBELET: Final = "system:kubelet"


class Identities:
    """Pods that must be alone of their kind, and the order in which ordered ones come and go."""

    name: ClassVar[str] = "identities"
    prefixes: ClassVar[tuple[str, ...]] = (PODS, STATEFUL_SETS, DAEMON_SETS)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._specs: dict[str, dict[int, Json]] = {}  # by a set's uid, then generation
        self._observed: dict[str, int] = {}  # the generation of the status, by a set's uid
        self._pods: dict[str, dict[str, Json]] = {}  # by the controller's uid, then key
        # Ordinals whose pod has been ready, and was not taken away by the controller since.
        self._well: dict[str, dict[int, None]] = {}

    def commit(self, change: Change) -> Iterable[str]:
        if change.resource == PODS:
            yield from self._pod(change)
        elif change.new is not None:
            self._set(change.new)

    def rest(self) -> Iterable[str]:
        return ()

    def _set(self, new: Json) -> None:
        key, generation = uid(new), new["metadata"].get("generation", 0)
        observed = (new.get("status") or {}).get("observedGeneration", 0)
        self._observed[key] = max(self._observed.get(key, 0), observed)
        specs = self._specs.setdefault(key, {})
        specs[generation] = new["spec"]
        for old in [one for one in specs if one < self._observed[key]]:
            del specs[old]

    def _pod(self, change: Change) -> Iterator[str]:
        owner = controller_of(change.new) or controller_of(change.old)
        if owner is None or owner["kind"] not in ("StatefulSet", "DaemonSet"):
            return
        key = owner["uid"]
        siblings = self._pods.setdefault(key, {})
        others = [pod for name, pod in siblings.items() if name != change.key]
        specs = list(self._specs.get(key, {}).values())
        if change.new is None:
            siblings.pop(change.key, None)
        else:
            siblings[change.key] = change.new
        if owner["kind"] == "DaemonSet":
            yield from _daemon(change, owner, others, specs)
            return
        yield from self._runs_on(change)
        yield from self._ordered(change, key, others, specs)

    def _runs_on(self, change: Change) -> Iterator[str]:
        """Nobody may forget a member that runs; then its name is never anybody else's too soon."""
        old, new = change.old, change.new
        if new is not None or old is None:
            return
        if change.user == _KUBELET and self._setting.runs(uid(old)):
            yield f"the kubelet has let go of {named(old)}, whose containers run"
        alive = node_of(old) and not terminal(old)
        if change.user == _STATEFUL_USER and alive and not terminating(old):
            yield f"{named(old)} is taken away at once, while it may run on {node_of(old)}"

    def _ordered(
        self, change: Change, key: str, others: list[Json], specs: list[Json]
    ) -> Iterator[str]:
        well = self._well.setdefault(key, {})
        old, new = change.old, change.new
        ordinal = _ordinal(change.obj)
        ours = change.user == _STATEFUL_USER and not change.repeated
        ordered = bool(specs) and specs[-1].get("podManagementPolicy") != "Parallel"
        leaves = old is not None and not terminating(old) and (new is None or terminating(new))
        if ours and ordered and old is None:
            missing = [
                [one for one in _wanted(spec) if one < ordinal and one not in well]
                for spec in specs
            ]
            if missing and all(missing):
                yield (
                    f"{change.key} is made before the pods {missing[-1]} of its set have been ready"
                )
        if ours and ordered and leaves:
            above = [[one for one in others if _after(one, ordinal, spec)] for spec in specs]
            if above and all(above):
                names = ", ".join(named(one) for one in above[-1])
                yield f"{change.key} is taken away before {names}, though not the last"
        if leaves and (ours or terminal(change.obj)):
            well.pop(ordinal, None)
        elif new is not None and ready(new) and not terminating(new):
            well[ordinal] = None


def _after(pod: Json, ordinal: int, spec: Json) -> bool:
    """Whether a pod must go before that of an ordinal, because neither is wanted any more."""
    wanted = _wanted(spec)
    return ordinal not in wanted and _ordinal(pod) > ordinal and _ordinal(pod) not in wanted


def _daemon(change: Change, owner: Json, others: list[Json], specs: list[Json]) -> Iterator[str]:
    """A pod for a node comes when the one before it is gone, or beside it in a surge."""
    new = change.new
    if change.old is not None or new is None or change.user != _DAEMON_USER or change.repeated:
        return
    node = target_of(new)
    there = [one for one in others if target_of(one) == node and not terminal(one)]
    if any(_surge(spec) for spec in specs):
        there = [one for one in there if not terminating(one)][1:]
    if there:
        names = ", ".join(named(one) for one in there)
        yield f"DaemonSet {owner['name']} makes {named(new)} for {node} beside {names}"


def _surge(spec: Json) -> int:
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    return scaled(rolling.get("maxSurge", 0), 100, round_up=True)


def _wanted(spec: Json) -> range:
    start = (spec.get("ordinals") or {}).get("start", 0)
    return range(start, start + spec.get("replicas", 1))


def _ordinal(pod: Json) -> int:
    end = str(pod["metadata"]["name"]).rpartition("-")[2]
    return int(end) if end.isdecimal() else -1
