"""What pretended containers of a live cluster do: as rules, annotations or KWOK's Stages say."""

from __future__ import annotations

from attrs import define, field

from k8slite.cluster import Cluster, Settings
from k8slite.cluster.staging import staged
from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.annotations import Behaviour
from k8slite.kubelet.runtimes.rules import Rules
from k8slite.messages import Handler
from k8slite.store.store import Store
from k8slite.world import World


@define(eq=False)
class Programmed:
    """The surroundings of a live cluster, in which nothing happens by itself."""

    world: World
    rules: Rules = field(factory=Rules)
    _cluster: Cluster = field(init=False)

    def cluster(self, store: Store, settings: Settings) -> Cluster:
        """The cluster that these are the surroundings of."""
        self._cluster = Cluster(store, self.world, settings, surroundings=self)
        return self._cluster

    def world_of(self, process: str) -> World:
        """One world for everybody."""
        return self.world

    def way(self, process: str, handler: Handler) -> Handler:
        """A way that nothing happens on."""
        return handler

    def behaviour(self, pod: Pod, container: Container) -> Behaviour:
        """As a rule or the pod's annotations say; else, if there are Stages, as these do."""
        found = self.rules.behaviour(pod, container)
        return staged(found, pod, container, self._cluster.api.storage, self.world)
