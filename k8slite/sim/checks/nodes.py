"""What scheduler, kubelets and node controllers owe: room, one node for life, phases that go on.

Mirrors the plugins of the scheduler at the moment of a binding, the pod life cycle, and the rule
that a node is given up only when its lease was really not renewed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.kinds.core.models import PodSpec
from k8slite.kinds.core.node_matching import required_match
from k8slite.objects.structure import structure
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import (
    LEASES,
    NODES,
    PODS,
    allocatable,
    host_ports,
    node_of,
    requests,
    terminal,
)

Json = dict[str, Any]

# How long a lease may be old before its node is given up (upstream: --node-monitor-grace-period).
GRACE_SECONDS: Final = 40.0
_NODE_LEASES: Final = LEASES + "kube-node-lease/"
_UNREACHABLE: Final = "node.kubernetes.io/unreachable"
_RANKS: Final = {"Pending": 0, "Running": 1, "Succeeded": 2, "Failed": 2}


class Nodes:
    """Bindings, phases, and nodes that are given up."""

    name: ClassVar[str] = "nodes"
    prefixes: ClassVar[tuple[str, ...]] = (PODS, NODES, LEASES)

    def __init__(self, setting: Setting) -> None:
        self._state = setting.state
        # Pods by the process that bound them and the node, then by key. Schedulers do not know of
        # each other's bindings in time, nor of a pod that is made on its node: kubelets refuse.
        self._bound: dict[tuple[str, str], dict[str, Json]] = {}
        self._binders: dict[str, tuple[str, str]] = {}
        self._renewed_seconds: dict[str, float] = {}
        self._looks: dict[str, list[Json]] = {}  # the versions of a node that a scheduler may see

    def commit(self, change: Change) -> Iterable[str]:
        if change.resource == PODS:
            yield from self._pod(change)
        elif change.resource == NODES:
            yield from self._node(change)
        elif change.new is not None:
            self.beat(change.key, change.clock_seconds)

    def beat(self, key: str, clock_seconds: float) -> None:
        if key.startswith(_NODE_LEASES):
            self._renewed_seconds[key.removeprefix(_NODE_LEASES)] = clock_seconds

    def rest(self) -> Iterable[str]:
        return ()

    def _pod(self, change: Change) -> Iterator[str]:
        old, new = change.old, change.new
        before = node_of(old) if old is not None else ""
        if new is None:
            binder = self._binders.pop(change.key, None)
            if binder is not None:
                self._bound[binder].pop(change.key, None)
            return
        now = node_of(new)
        if before and now != before:
            yield f"{change.key} was on node {before} and is now on {now or 'none'}"
        if now and not before and change.request.endswith("/binding"):
            self._binders[change.key] = (change.process, now)
            yield from self._fits(change.key, new, now)
        if change.key in self._binders:
            self._bound.setdefault(self._binders[change.key], {})[change.key] = new
        if old is not None:
            yield from _phase(change.key, old, new)

    def _fits(self, key: str, pod: Json, name: str) -> Iterator[str]:
        node = self._state.get(NODES + name)
        if node is None:
            return
        bound = self._bound.get(self._binders[key], {})
        others = [one for one in bound.values() if not terminal(one)]
        room = allocatable(node)
        for resource, wanted in requests(pod).items():
            taken = sum(requests(one).get(resource, 0) for one in others)
            if wanted and taken + wanted > room.get(resource, 0):
                yield (
                    f"{key} is bound to {name}, where {resource} is short: "
                    f"{_written(taken)} of {_written(room.get(resource, 0))} were taken and it "
                    f"takes {_written(wanted)}"
                )
        for one in others:
            for port in host_ports(pod):
                if any(clash(port, other) for other in host_ports(one)):
                    yield f"{key} and {one['metadata']['name']} want host port {port[1]} of {name}"
        looks = self._looks.get(name) or [node]
        if not any(selected(pod, look) for look in looks):
            yield f"{key} is bound to {name}, whose labels its node selector never matched"
        if not any(tolerated(pod, look) for look in looks):
            yield f"{key} is bound to {name}, whose taints it never tolerated"

    def _node(self, change: Change) -> Iterator[str]:
        name, new = change.key.removeprefix(NODES), change.new
        if new is None:
            return
        looks = self._looks.setdefault(name, [])
        look = {
            "metadata": {"name": name, "labels": new["metadata"].get("labels") or {}},
            "spec": {"taints": new["spec"].get("taints") or []},
        }
        if look not in looks:
            looks.append(look)
        old = change.old
        renewed = self._renewed_seconds.get(name)
        if old is None or renewed is None or not _given_up(new) or _given_up(old):
            return
        silent_seconds = change.clock_seconds - renewed
        if silent_seconds < GRACE_SECONDS:
            yield f"node {name} is given up {silent_seconds:g} s after its lease was renewed"


def _phase(key: str, old: Json, new: Json) -> Iterator[str]:
    before = (old.get("status") or {}).get("phase", "")
    now = (new.get("status") or {}).get("phase", "")
    if before in _RANKS and now in _RANKS and now != before and _RANKS[now] <= _RANKS[before]:
        yield f"the phase of {key} went from {before} back to {now}"


def _given_up(node: Json) -> bool:
    taints = node["spec"].get("taints") or ()
    return any(one["key"] == _UNREACHABLE and one["effect"] == "NoExecute" for one in taints)


def clash(one: tuple[str, int, str], other: tuple[str, int, str]) -> bool:
    """Whether two (protocol, port, address) cannot be had at once."""
    anywhere = "0.0.0.0" in (one[2], other[2])
    return one[:2] == other[:2] and (anywhere or one[2] == other[2])


def selected(pod: Json, node: Json) -> bool:
    """Whether a pod's node selector and required affinity match a node."""
    metadata = node["metadata"]
    wanted = required_match(structure(pod["spec"], PodSpec))
    return wanted(metadata.get("labels") or {}, metadata.get("name", ""))


def tolerated(pod: Json, node: Json) -> bool:
    """Whether a pod tolerates every taint of a node that keeps pods away."""
    return all(
        taint["effect"] == "PreferNoSchedule"
        or any(_tolerates(one, taint) for one in pod["spec"].get("tolerations") or ())
        for taint in node["spec"].get("taints") or ()
    )


def _tolerates(toleration: Json, taint: Json) -> bool:
    """Upstream: `Toleration.ToleratesTaint`."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("value", "") == taint.get("value", "") and toleration.get("key"))


def _written(thousandths: int) -> str:
    return f"{thousandths / 1000:g}"
