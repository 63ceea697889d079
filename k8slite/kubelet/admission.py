"""Which pods a kubelet refuses to run (upstream: `lifecycle/predicate.go`, `rejectPod`). Pure.

A scheduler looks before it binds; a pod that names its node itself was never looked at. What it
would need that others have is found out here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from k8slite.kubelet.pod import Pod

_ANY = "0.0.0.0"


@frozen
class Refusal:
    """Why a pod does not run here, in upstream's words."""

    reason: str
    message: str


def refusal(pod: Pod, others: Iterable[Pod]) -> Refusal | None:
    """Why a new pod cannot run beside others that may still run, or None."""
    wanted = list(_host_ports(pod))
    if not wanted:
        return None
    taken = [port for other in others for port in _host_ports(other)]
    if any(_conflict(one, other) for one in wanted for other in taken):
        what = "node(s) didn't have free ports for the requested pod ports"
        return Refusal("NodePorts", f"Predicate NodePorts failed: {what}")
    return None


def _host_ports(pod: Pod) -> Iterator[tuple[str, int, str]]:
    for container in pod.spec.containers:
        for port in container.ports:
            if port.host_port:
                yield port.protocol, port.host_port, port.host_ip or _ANY


def _conflict(one: tuple[str, int, str], other: tuple[str, int, str]) -> bool:
    return one[:2] == other[:2] and (one[2] == other[2] or _ANY in (one[2], other[2]))
