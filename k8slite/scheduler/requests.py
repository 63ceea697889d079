"""What a pod requests of a node, summed up (pure).

Sums follow upstream's `component-helpers/resource.PodRequests`: containers run together, ordinary
init containers one after the other, sidecars (init containers that always restart) with everything
that starts after them; what the pod requests as a whole stands in place of the sum; the pod's
overhead comes on top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from k8slite.kinds.core.models import Container, Pod, Quantities
from k8slite.objects.quantity import milli, whole

CPU: Final = "cpu"
MEMORY: Final = "memory"
EPHEMERAL_STORAGE: Final = "ephemeral-storage"
_HUGE_PAGES: Final = "hugepages-"
# What a container without a request counts for in scores, so that not all of them end up on one
# node (upstream: `DefaultMilliCPURequest`, `DefaultMemoryRequest`).
DEFAULT_MILLI_CPU: Final = 100
DEFAULT_MEMORY_BYTES: Final = 200 * 1024 * 1024

Amounts = dict[str, int]  # by resource name; cpu in thousandths, all others in ones


def pod_requests(pod: Pod) -> Amounts:
    """What must be free. Raises ValueError for a quantity that is none."""
    return _requests(pod, amounts)


def scored_requests(pod: Pod) -> Amounts:
    """What counts in scores, where no container is thought to need nothing. Raises ValueError."""
    return _requests(pod, _amounts_or_defaults)


def amounts(quantities: Quantities) -> Amounts:
    """Quantities as numbers. Raises ValueError."""
    return {
        name: milli(value) if name == CPU else whole(value) for name, value in quantities.items()
    }


def is_sidecar(container: Container) -> bool:
    """Whether an init container goes on running."""
    return container.restart_policy == "Always"


def _requests(pod: Pod, read: Callable[[Quantities], Amounts]) -> Amounts:
    spec = pod.spec
    if len(spec.containers) == 1 and not spec.init_containers and spec.resources is None:
        total = read(spec.containers[0].resources.requests)
    else:
        total = _of_containers(pod, read)
        if spec.resources is not None:
            total.update(_of_the_whole(spec.resources.requests))
    _add(total, amounts(spec.overhead))
    return total


def _of_containers(pod: Pod, read: Callable[[Quantities], Amounts]) -> Amounts:
    total: Amounts = {}
    for container in pod.spec.containers:
        _add(total, read(container.resources.requests))
    sidecars: Amounts = {}
    starting: Amounts = {}
    for container in pod.spec.init_containers:
        wanted = read(container.resources.requests)
        if is_sidecar(container):
            _add(total, wanted)
            _add(sidecars, wanted)
            _raise_to(starting, sidecars)
        else:
            _add(wanted, sidecars)
            _raise_to(starting, wanted)
    _raise_to(total, starting)
    return total


def _of_the_whole(quantities: Quantities) -> Amounts:
    """What may be requested for a pod as a whole (upstream: `IsSupportedPodLevelResource`)."""
    return {
        name: value
        for name, value in amounts(quantities).items()
        if name in (CPU, MEMORY) or name.startswith(_HUGE_PAGES)
    }


def _amounts_or_defaults(quantities: Quantities) -> Amounts:
    found = amounts(quantities)
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
