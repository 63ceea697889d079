"""What a pod asks of a node, read once.

Sums follow upstream's `component-helpers/resource.PodRequests`: containers run together, ordinary
init containers one after the other, sidecars (init containers that always restart) with everything
that starts after them; the pod's overhead comes on top.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Final

from attrs import define, field, frozen

from k8slite.kinds.core.models import Container, Pod, Quantities
from k8slite.objects.meta import Name
from k8slite.objects.quantity import milli, whole

CPU: Final = "cpu"
MEMORY: Final = "memory"
EPHEMERAL_STORAGE: Final = "ephemeral-storage"
# What a container without a request counts for in scores, so that not all of them end up on one
# node (upstream: `DefaultMilliCPURequest`, `DefaultMemoryRequest`).
DEFAULT_MILLI_CPU: Final = 100
DEFAULT_MEMORY_BYTES: Final = 200 * 1024 * 1024

Amounts = dict[str, int]  # by resource name; cpu in thousandths, all others in ones


@frozen
class HostPort:
    """A port of the node that a container takes."""

    ip: str
    protocol: str
    port: int


@define(eq=False)
class PodInfo:
    """A pod with its requests; `signature` is equal for pods that are the same to every plugin."""

    pod: Pod
    name: Name
    uid: str
    milli_cpu: int
    memory: int
    scalars: tuple[tuple[str, int], ...]  # all other resources, by name
    non_zero_milli_cpu: int
    non_zero_memory: int
    ports: tuple[HostPort, ...]
    signature: Hashable = field(repr=False)

    @classmethod
    def of(cls, pod: Pod) -> PodInfo:
        """Read a pod. Raises ValueError for a quantity that is none."""
        spec = pod.spec
        requests = _requests(pod, _amounts)
        non_zero = _requests(pod, _amounts_or_defaults)
        scalars = tuple(
            sorted((k, v) for k, v in requests.items() if v and k not in (CPU, MEMORY, "pods"))
        )
        ports = tuple(_host_ports(pod))
        milli_cpu, memory = requests.get(CPU, 0), requests.get(MEMORY, 0)
        non_zero_milli_cpu, non_zero_memory = non_zero.get(CPU, 0), non_zero.get(MEMORY, 0)
        return cls(
            pod,
            pod.metadata.full_name,
            pod.metadata.uid,
            milli_cpu,
            memory,
            scalars,
            non_zero_milli_cpu,
            non_zero_memory,
            ports,
            (
                milli_cpu,
                memory,
                scalars,
                non_zero_milli_cpu,
                non_zero_memory,
                ports,
                spec.node_name,
                tuple(sorted(spec.node_selector.items())),
                spec.affinity,
                spec.tolerations,
            ),
        )


def amounts(quantities: Quantities) -> Amounts:
    """Quantities as numbers. Raises ValueError."""
    return _amounts(quantities)


def _requests(pod: Pod, read: Callable[[Quantities], Amounts]) -> Amounts:
    spec = pod.spec
    if len(spec.containers) == 1 and not spec.init_containers and not spec.overhead:
        return read(spec.containers[0].resources.requests)
    total: Amounts = {}
    for container in spec.containers:
        _add(total, read(container.resources.requests))
    sidecars: Amounts = {}
    starting: Amounts = {}
    for container in spec.init_containers:
        wanted = read(container.resources.requests)
        if _is_sidecar(container):
            _add(total, wanted)
            _add(sidecars, wanted)
            _raise_to(starting, sidecars)
        else:
            _add(wanted, sidecars)
            _raise_to(starting, wanted)
    _raise_to(total, starting)
    _add(total, _amounts(spec.overhead))
    return total


def _is_sidecar(container: Container) -> bool:
    return container.restart_policy == "Always"


def _amounts(quantities: Quantities) -> Amounts:
    return {
        name: milli(value) if name == CPU else whole(value) for name, value in quantities.items()
    }


def _amounts_or_defaults(quantities: Quantities) -> Amounts:
    found = _amounts(quantities)
    found.setdefault(CPU, DEFAULT_MILLI_CPU)
    found.setdefault(MEMORY, DEFAULT_MEMORY_BYTES)
    return found


def _add(total: Amounts, more: Mapping[str, int]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _raise_to(total: Amounts, least: Mapping[str, int]) -> None:
    for name, value in least.items():
        if value > total.get(name, 0):
            total[name] = value


def _host_ports(pod: Pod) -> list[HostPort]:
    spec = pod.spec
    running = [*spec.containers, *filter(_is_sidecar, spec.init_containers)]
    return [
        HostPort(port.host_ip or "0.0.0.0", port.protocol or "TCP", port.host_port)
        for container in running
        for port in container.ports
        if port.host_port
    ]
