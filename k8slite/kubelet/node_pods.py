"""The pods of one of the fleet's nodes, and the addresses that they get."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from k8slite.kubelet.addresses import Exhausted, PodAddresses
from k8slite.kubelet.claims import Preparation
from k8slite.kubelet.heartbeat import Heartbeat
from k8slite.kubelet.host import Host
from k8slite.kubelet.pod import Pod
from k8slite.kubelet.pod_worker import PodWorker
from k8slite.kubelet.restarting import Tell
from k8slite.kubelet.timers import Timer
from k8slite.kubelet.writing import PodWrite

log = logging.getLogger(__name__)


class PodTask:
    """A pod on a node: what it does, and what is written of it."""

    __slots__ = ("claims", "node", "syncing", "timer", "worker", "write")

    def __init__(
        self, node: NodePods, worker: PodWorker, write: PodWrite, claims: Preparation
    ) -> None:
        self.node = node
        self.worker = worker
        self.write = write
        self.claims = claims
        self.timer: Timer | None = None
        self.syncing = False  # its worker is being asked: reports are only noted


class NodePods:
    """One node."""

    def __init__(self, heartbeat: Heartbeat, host: Host) -> None:
        self.heartbeat = heartbeat
        self.host = host
        self.addresses: PodAddresses | None = None  # None until the node has a podCIDR
        self.tasks: dict[str, PodTask] = {}  # by pod uid
        self.paused = False
        self._starving: dict[str, PodTask] = {}  # pods for which there was no address

    def pause(self) -> None:
        """Nothing more is written about its pods."""
        self.paused = True
        for task in self.tasks.values():
            task.write.held = True

    def unpause(self) -> None:
        self.paused = False
        for task in self.tasks.values():
            task.write.held = False

    def others(self, task: PodTask) -> Iterator[Pod]:
        """The pods beside one of its own of which something may run."""
        for one in self.tasks.values():
            if one is not task and not one.worker.done:
                yield one.worker.pod

    def reserve(self) -> None:
        """Mark the addresses that its pods have as taken."""
        for uid, task in self.tasks.items():
            worker = task.worker
            if self.addresses is None or worker.done or worker.pod.spec.host_network:
                continue
            if worker.addresses and not self.addresses.reserve(uid, worker.addresses):
                log.warning("pod %s has an address out of turn: %s", worker.pod, worker.addresses)

    def place(self, task: PodTask, tell: Tell) -> bool:
        """See that the pod has its addresses; False if it has to wait for them."""
        worker = task.worker
        if worker.addresses or worker.pod.metadata.deletion_timestamp or worker.pod.terminal:
            return True
        if worker.pod.spec.host_network:
            worker.place((self.host.address,))
            return True
        if self.addresses is None:
            return False
        try:
            worker.place(self.addresses.take(worker.pod.metadata.uid))
        except Exhausted as error:
            if worker.pod.metadata.uid not in self._starving:
                text = f"Failed to create pod sandbox: {error}"
                tell(worker.pod, None, "Warning", "FailedCreatePodSandBox", text)
            self._starving[worker.pod.metadata.uid] = task
            return False
        return True

    def release(self, task: PodTask) -> PodTask | None:
        """The pod needs its addresses no more; returns one that has waited for some."""
        uid = task.worker.pod.metadata.uid
        self._starving.pop(uid, None)
        if self.addresses is not None:
            self.addresses.release(uid)
        return self._starving.pop(next(iter(self._starving))) if self._starving else None


def host_port(
    nodes: Iterable[NodePods], node: str, address: str, port: int, protocol: str
) -> tuple[str, int] | None:
    """The address and port of the pod that has a port of a node (which its address names) for its
    own, as that is seen from an address; None for none."""
    for one in nodes:
        for task in one.tasks.values() if one.host.address == node else ():
            worker = task.worker
            if not worker.addresses or worker.done or worker.pod.spec.host_network:
                continue
            for container in worker.pod.spec.containers:
                for known in container.ports:
                    if (known.host_port, known.protocol) == (port, protocol) and (
                        known.host_ip in ("", "0.0.0.0", address)
                    ):
                        return worker.addresses[0], known.container_port
    return None
