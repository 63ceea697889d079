"""The nodes and what is taken of them, kept up to date change by change.

Pods are known by UID: a pod that was deleted and made again under its name is two pods, whatever
the order in which that is told. A pod that was just placed is *assumed*: it counts at once, until
the watch shows it bound, or shows it gone, or its binding fails (upstream:
`scheduler/backend/cache`). A decision is made without waiting, so nothing is ever copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import define, field

from k8slite.kinds.core.models import Node, Pod, Taint
from k8slite.scheduler.pod_info import CPU, MEMORY, Amounts, HostPort, PodInfo, amounts

ANY_ADDRESS: Final = "0.0.0.0"


@define(eq=False)
class NodeInfo:
    """A node and the pods that count on it; `generation` grows with every change."""

    name: str
    node: Node | None = None  # None: pods are there, their node is not (or no longer)
    generation: int = 0
    labels: Mapping[str, str] = field(factory=dict)
    unschedulable: bool = False
    hard_taints: tuple[Taint, ...] = ()  # NoSchedule and NoExecute
    soft_taints: tuple[Taint, ...] = ()  # PreferNoSchedule
    allocatable_milli_cpu: int = 0
    allocatable_memory: int = 0
    allocatable_pods: int = 0
    allocatable_scalars: Amounts = field(factory=dict)
    milli_cpu: int = 0
    memory: int = 0
    scalars: Amounts = field(factory=dict)
    non_zero_milli_cpu: int = 0
    non_zero_memory: int = 0
    pods: dict[str, PodInfo] = field(factory=dict)  # by UID
    # By protocol and port: how many containers have it on which address.
    ports: dict[tuple[str, int], dict[str, int]] = field(factory=dict)

    def conflicts(self, wanted: HostPort) -> bool:
        """Whether a host port is taken; the address 0.0.0.0 stands for every address."""
        taken = self.ports.get((wanted.protocol, wanted.port))
        if not taken:
            return False
        return wanted.ip == ANY_ADDRESS or wanted.ip in taken or ANY_ADDRESS in taken

    def _describe(self, node: Node) -> None:
        self.node = node
        self.labels = node.metadata.labels
        self.unschedulable = node.spec.unschedulable
        taints = node.spec.taints
        self.hard_taints = tuple(one for one in taints if one.effect in ("NoSchedule", "NoExecute"))
        self.soft_taints = tuple(one for one in taints if one.effect == "PreferNoSchedule")
        found = amounts(node.status.allocatable)
        self.allocatable_milli_cpu = found.pop(CPU, 0)
        self.allocatable_memory = found.pop(MEMORY, 0)
        self.allocatable_pods = found.pop("pods", 0)
        self.allocatable_scalars = found

    def _add(self, pod: PodInfo) -> None:
        self.pods[pod.uid] = pod
        self._count(pod, 1)

    def _remove(self, pod: PodInfo) -> None:
        del self.pods[pod.uid]
        self._count(pod, -1)

    def _count(self, pod: PodInfo, sign: int) -> None:
        self.milli_cpu += sign * pod.milli_cpu
        self.memory += sign * pod.memory
        self.non_zero_milli_cpu += sign * pod.non_zero_milli_cpu
        self.non_zero_memory += sign * pod.non_zero_memory
        for name, value in pod.scalars:
            self.scalars[name] = self.scalars.get(name, 0) + sign * value
        for port in pod.ports:
            taken = self.ports.setdefault((port.protocol, port.port), {})
            taken[port.ip] = taken.get(port.ip, 0) + sign
            if not taken[port.ip]:
                del taken[port.ip]


@define(eq=False)
class Snapshot:
    """All nodes; `nodes` is in the order in which they came."""

    nodes: list[NodeInfo] = field(factory=list)
    _by_name: dict[str, NodeInfo] = field(factory=dict)
    _places: dict[str, NodeInfo] = field(factory=dict)  # by the UID of the pod
    _assumed: dict[str, None] = field(factory=dict)  # UIDs of pods not yet seen bound
    _generation: int = 0

    def get(self, name: str) -> NodeInfo | None:
        """A node that exists."""
        found = self._by_name.get(name)
        return found if found is not None and found.node is not None else None

    def place(self, uid: str) -> str:
        """The name of the node that a pod counts on, or ""."""
        found = self._places.get(uid)
        return found.name if found is not None else ""

    def assumes(self, uid: str) -> bool:
        """Whether a pod was placed here and has not been seen bound yet."""
        return uid in self._assumed

    def put_node(self, node: Node) -> bool:
        """A node came or changed; says whether that is of interest to any plugin.

        Raises ValueError for a quantity that is none.
        """
        info = self._of(node.metadata.name)
        old = info.node
        if old is not None and _same(old, node):
            info.node = node
            return False
        info._describe(node)
        if old is None:
            self.nodes.append(info)
        self._touch(info)
        return True

    def remove_node(self, name: str) -> None:
        """A node has gone; pods that are said to be on it are remembered."""
        info = self._by_name.get(name)
        if info is None or info.node is None:
            return
        info.node = None
        self.nodes.remove(info)
        self._drop_if_empty(info)

    def put_pod(self, pod: Pod) -> str:
        """A pod is seen bound (spec.nodeName); returns the name of a node that it leaves, or "".

        Raises ValueError for a quantity that is none.
        """
        uid, name = pod.metadata.uid, pod.spec.node_name
        self._assumed.pop(uid, None)
        before = self._places.get(uid)
        if before is not None and before.name == name:
            known = before.pods[uid].pod.spec
            if (known.containers, known.init_containers, known.overhead) == (
                pod.spec.containers,
                pod.spec.init_containers,
                pod.spec.overhead,
            ):
                return ""
        info = PodInfo.of(pod)
        left = self._take(uid)
        node = self._of(name)
        node._add(info)
        self._places[uid] = node
        self._touch(node)
        return left

    def remove_pod(self, uid: str) -> str:
        """A pod has ended or gone; returns the name of the node that it leaves, or ""."""
        self._assumed.pop(uid, None)
        return self._take(uid)

    def assume(self, info: PodInfo, node: NodeInfo) -> None:
        """Count a pod on the node that was chosen for it."""
        assert info.uid not in self._places, info.name
        node._add(info)
        self._places[info.uid] = node
        self._assumed[info.uid] = None
        self._touch(node)

    def forget(self, uid: str) -> str:
        """The binding of an assumed pod failed; returns the name of the node that it leaves."""
        if uid not in self._assumed:
            return ""
        del self._assumed[uid]
        return self._take(uid)

    def _take(self, uid: str) -> str:
        node = self._places.pop(uid, None)
        if node is None:
            return ""
        node._remove(node.pods[uid])
        self._touch(node)
        self._drop_if_empty(node)
        return node.name

    def _of(self, name: str) -> NodeInfo:
        info = self._by_name.get(name)
        if info is None:
            info = self._by_name[name] = NodeInfo(name)
        return info

    def _drop_if_empty(self, info: NodeInfo) -> None:
        if info.node is None and not info.pods:
            del self._by_name[info.name]

    def _touch(self, info: NodeInfo) -> None:
        self._generation += 1
        info.generation = self._generation


def bound(pod: Pod) -> bool:
    """Whether a pod takes room on a node (upstream: `assignedPod`, not `Succeeded` or `Failed`)."""
    return bool(pod.spec.node_name) and not pod.terminal


def _same(old: Node, new: Node) -> bool:
    return (
        old.metadata.uid == new.metadata.uid
        and old.metadata.labels == new.metadata.labels
        and old.spec.unschedulable == new.spec.unschedulable
        and old.spec.taints == new.spec.taints
        and old.status.allocatable == new.status.allocatable
    )
