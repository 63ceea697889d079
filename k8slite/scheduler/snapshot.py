"""The nodes and what is taken of them, kept up to date change by change.

Pods are known by UID: a pod that was deleted and made again under its name is two pods, whatever
the order in which that is told. A pod that was just placed is *assumed*: it counts at once, until
the watch shows it bound, or shows it gone, or its binding fails (upstream:
`scheduler/backend/cache`). A pod that waits for others to leave a node is *nominated* there: room
is kept for it from pods that are not more important. A decision is made without waiting, so nothing
is ever copied. Every change is written in a log, for those who keep conclusions.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from attrs import define, field

from k8slite.kinds.core.models import Node, Pod, Taint
from k8slite.scheduler.changes import Change, ChangeLog, What
from k8slite.scheduler.pod_info import HostPort, PodInfo
from k8slite.scheduler.requests import CPU, MEMORY, Amounts, amounts

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

    def allocatable(self, resource: str) -> int:
        """How much of a resource there is."""
        if resource == CPU:
            return self.allocatable_milli_cpu
        if resource == MEMORY:
            return self.allocatable_memory
        return self.allocatable_scalars.get(resource, 0)

    def requested(self, resource: str) -> int:
        """How much of it is taken."""
        if resource == CPU:
            return self.milli_cpu
        return self.memory if resource == MEMORY else self.scalars.get(resource, 0)

    def scored(self, resource: str) -> int:
        """How much of it counts as taken in scores."""
        if resource == CPU:
            return self.non_zero_milli_cpu
        return self.non_zero_memory if resource == MEMORY else self.scalars.get(resource, 0)

    def copied(self) -> NodeInfo:
        """The same node to be played with: `add` and `remove` change only the copy."""
        made = copy.copy(self)
        made.pods = dict(self.pods)
        made.scalars = dict(self.scalars)
        made.ports = {key: dict(taken) for key, taken in self.ports.items()}
        return made

    def add(self, pod: PodInfo) -> None:
        """Count a pod."""
        self.pods[pod.uid] = pod
        self._count(pod, 1)

    def remove(self, pod: PodInfo) -> None:
        """Count a pod no more."""
        del self.pods[pod.uid]
        self._count(pod, -1)

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
    changes: ChangeLog = field(factory=ChangeLog)
    namespaces: dict[str, Mapping[str, str]] = field(factory=dict)  # the labels of each
    with_terms: dict[str, PodInfo] = field(factory=dict)  # placed pods with terms, by UID
    # UIDs of placed pods that were told to go, to make room, whether or not that is seen yet.
    condemned: dict[str, None] = field(factory=dict)
    _by_name: dict[str, NodeInfo] = field(factory=dict)
    _places: dict[str, NodeInfo] = field(factory=dict)  # by the UID of the pod
    _assumed: dict[str, None] = field(factory=dict)  # UIDs of pods not yet seen bound
    _nominated: dict[str, dict[str, PodInfo]] = field(factory=dict)  # by node, then UID
    _nominations: dict[str, str] = field(factory=dict)  # the node of each, by UID
    _domains: dict[str, dict[str, list[str]]] = field(factory=dict)
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

    @property
    def has_terms(self) -> bool:
        """Whether a pod that is there, or that room is kept for, cares which pods are near it."""
        return bool(self.with_terms) or any(
            pod.has_terms for pods in self._nominated.values() for pod in pods.values()
        )

    def domains(self, key: str) -> Mapping[str, Sequence[str]]:
        """The names of the nodes that have a label, by its value."""
        found = self._domains.get(key)
        if found is None:
            found = self._domains[key] = {}
            for node in self.nodes:
                if (value := node.labels.get(key)) is not None:
                    found.setdefault(value, []).append(node.name)
        return found

    def is_narrow(self, key: str) -> bool:
        """Whether the domains of a label are hardly more than single nodes (a host's name).

        Then the number that a rule has for a domain is part of a node's position; else the domain
        itself is, so that a pod more in it moves no node.
        """
        found = self.domains(key)
        return 2 * len(found) > sum(len(names) for names in found.values())

    # Nodes

    def put_node(self, node: Node) -> bool:
        """A node came or changed; says whether that is of interest to any plugin.

        Raises ValueError for a quantity that is none.
        """
        info = self._of(node.metadata.name)
        old = info.node
        if old is not None and _same(old, node):
            info.node = node
            return False
        elsewhere = old is None or old.metadata.labels != node.metadata.labels
        if node.status.images != (old.status.images if old is not None else ()):
            self.changes.forget()  # how many nodes have an image touches all of them
        info._describe(node)
        if old is None:
            self.nodes.append(info)
        self._note(info, What.TOPOLOGY if elsewhere else What.NODE)
        return True

    def remove_node(self, name: str) -> None:
        """A node has gone; pods that are said to be on it are remembered."""
        info = self._by_name.get(name)
        if info is None or info.node is None:
            return
        if info.node.status.images:
            self.changes.forget()
        info.node = None
        self.nodes.remove(info)
        self._note(info, What.TOPOLOGY)
        self._drop_if_empty(info)

    def put_namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """A namespace came or changed, or (None) has gone."""
        if self.namespaces.get(name) == labels:
            return
        if labels is None:
            del self.namespaces[name]
        else:
            self.namespaces[name] = labels
        self.changes.forget()

    # Pods

    def put_pod(self, pod: Pod) -> str:
        """A pod is seen bound (spec.nodeName); returns the name of a node that it leaves, or "".

        Raises ValueError for a quantity that is none.
        """
        uid, name = pod.metadata.uid, pod.spec.node_name
        self._assumed.pop(uid, None)
        self.nominate(uid, None, "")
        before = self._places.get(uid)
        if before is not None and before.name == name:
            known = before.pods[uid]
            if _counts_alike(known.pod, pod):
                known.pod = pod
                return ""
        info = PodInfo.of(pod)
        left = self._take(uid)
        self._put(info, self._of(name))
        return left

    def remove_pod(self, uid: str) -> str:
        """A pod has ended or gone; returns the name of the node that it leaves, or ""."""
        self.condemned.pop(uid, None)
        self._assumed.pop(uid, None)
        self.nominate(uid, None, "")
        return self._take(uid)

    def assume(self, info: PodInfo, node: NodeInfo) -> None:
        """Count a pod on the node that was chosen for it."""
        assert info.uid not in self._places, info.name
        self.nominate(info.uid, None, "")
        self._put(info, node)
        self._assumed[info.uid] = None

    def forget(self, uid: str) -> str:
        """The binding of an assumed pod failed; returns the name of the node that it leaves."""
        if uid not in self._assumed:
            return ""
        del self._assumed[uid]
        return self._take(uid)

    def nominate(self, uid: str, info: PodInfo | None, node_name: str) -> None:
        """Keep room on a node for a pod that waits; no pod, or no node: on none any more."""
        before = self._nominations.get(uid)
        if before is None and not node_name:
            return
        if before is not None:
            if before == node_name and info is not None:
                self._nominated[before][uid] = info
                return
            del self._nominations[uid]
            del self._nominated[before][uid]
            if not self._nominated[before]:
                del self._nominated[before]
            self._note_nominated(before)
        if node_name and info is not None:
            self._nominations[uid] = node_name
            self._nominated.setdefault(node_name, {})[uid] = info
            self._note_nominated(node_name)

    def nomination(self, uid: str) -> str:
        """The name of the node that a pod is nominated to, or ""."""
        return self._nominations.get(uid, "")

    def nominated(self, node_name: str) -> Collection[PodInfo]:
        """The pods that room is kept for on a node."""
        found = self._nominated.get(node_name) if self._nominated else None
        return found.values() if found else ()

    def _note_nominated(self, node_name: str) -> None:
        if (node := self.get(node_name)) is not None:
            self._note(node, What.NODE)

    def _put(self, info: PodInfo, node: NodeInfo) -> None:
        node.add(info)
        self._places[info.uid] = node
        if info.has_terms:
            self.with_terms[info.uid] = info
        self._note(node, What.POD, info, 1)

    def _take(self, uid: str) -> str:
        node = self._places.pop(uid, None)
        if node is None:
            return ""
        self.with_terms.pop(uid, None)
        info = node.pods[uid]
        node.remove(info)
        self._note(node, What.POD, info, -1)
        self._drop_if_empty(node)
        return node.name

    def _of(self, name: str) -> NodeInfo:
        info = self._by_name.get(name)
        if info is None:
            info = self._by_name[name] = NodeInfo(name)
        return info

    def _drop_if_empty(self, info: NodeInfo) -> None:
        if info.node is None and not info.pods:
            self._by_name.pop(info.name, None)

    def _note(self, info: NodeInfo, what: What, pod: PodInfo | None = None, sign: int = 0) -> None:
        self._generation += 1
        info.generation = self._generation
        if what is What.TOPOLOGY:
            self._domains.clear()
        self.changes.add(Change(info.name, what, pod, sign))


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
        and old.status.images == new.status.images
    )


def _counts_alike(old: Pod, new: Pod) -> bool:
    """Whether a pod that is placed is still the same to every plugin."""
    return (
        old.spec.containers == new.spec.containers
        and old.spec.init_containers == new.spec.init_containers
        and old.spec.overhead == new.spec.overhead
        and old.spec.resources == new.spec.resources
        and old.metadata.labels == new.metadata.labels
        and (old.metadata.deletion_timestamp is None) == (new.metadata.deletion_timestamp is None)
    )
