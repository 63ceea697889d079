"""What the processes of a cluster have around them: time, ways to the API server, containers.

`live` leaves them undisturbed, `sim` has faults strike here.
"""

from __future__ import annotations

from typing import Final, Protocol

from attrs import frozen

from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.annotations import Behaviour, behaviour_of
from k8slite.messages import Handler
from k8slite.world import World

# The processes of a cluster, as upstream calls them.
API_SERVER: Final = "kube-apiserver"
CONTROLLER_MANAGER: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"
KUBELET: Final = "kubelet"


class Surroundings(Protocol):
    """What the processes of a cluster have around them."""

    def world_of(self, process: str) -> World:
        """The World as a process sees it."""
        ...

    def way(self, process: str, handler: Handler) -> Handler:
        """A process' way to the API server."""
        ...

    def behaviour(self, pod: Pod, container: Container) -> Behaviour:
        """What a pretended container does."""
        ...


@frozen
class Undisturbed:
    """One world for everybody, and a way that nothing happens on."""

    of_all: World

    def world_of(self, process: str) -> World:
        return self.of_all

    def way(self, process: str, handler: Handler) -> Handler:
        return handler

    def behaviour(self, pod: Pod, container: Container) -> Behaviour:
        return behaviour_of(pod, container)
