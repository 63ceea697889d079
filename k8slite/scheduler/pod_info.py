"""What a pod asks of a node and of its neighbours, read once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cached_property
from typing import Any

import attrs
from attrs import define, frozen

from k8slite.kinds.core.models import Pod
from k8slite.kinds.core.volume_matching import claims_of
from k8slite.objects.meta import Name
from k8slite.scheduler.affinity_terms import NO_TERMS, Terms, terms_of
from k8slite.scheduler.requests import CPU, MEMORY, is_sidecar, pod_requests, scored_requests


@frozen
class HostPort:
    """A port of the node that a container takes."""

    ip: str
    protocol: str
    port: int


@define(eq=False)
class PodInfo:
    """A pod with what it asks for; pods of one `signature` are the same to every plugin."""

    pod: Pod
    name: Name
    uid: str
    priority: int
    milli_cpu: int
    memory: int
    scalars: tuple[tuple[str, int], ...]  # all other resources, by name
    non_zero_milli_cpu: int
    non_zero_memory: int
    ports: tuple[HostPort, ...]
    terms: Terms

    @classmethod
    def of(cls, pod: Pod) -> PodInfo:
        """Read a pod. Raises ValueError for a quantity or a selector that is none."""
        requests = pod_requests(pod)
        non_zero = scored_requests(pod)
        return cls(
            pod,
            pod.metadata.full_name,
            pod.metadata.uid,
            pod.spec.priority,
            requests.get(CPU, 0),
            requests.get(MEMORY, 0),
            tuple(
                sorted((k, v) for k, v in requests.items() if v and k not in (CPU, MEMORY, "pods"))
            ),
            non_zero.get(CPU, 0),
            non_zero.get(MEMORY, 0),
            tuple(_host_ports(pod)),
            terms_of(pod),
        )

    @cached_property
    def signature(self) -> Hashable:
        """All of the pod that any plugin looks at."""
        return self.labels, self.unlabelled_signature

    @cached_property
    def labels(self) -> Hashable:
        """Its labels, in order."""
        return tuple(sorted(self.pod.metadata.labels.items()))

    @cached_property
    def unlabelled_signature(self) -> Hashable:
        """All but the labels, of which each pod of a Job or a StatefulSet has some of its own."""
        metadata, spec = self.pod.metadata, self.pod.spec
        controller = metadata.controller
        return (
            metadata.namespace,
            controller.uid if controller is not None else "",
            self.priority,
            spec.preemption_policy,
            self.milli_cpu,
            self.memory,
            self.scalars,
            self.non_zero_milli_cpu,
            self.non_zero_memory,
            self.ports,
            tuple(container.image for container in spec.containers),
            tuple(container.image for container in spec.init_containers),
            spec.node_name,
            tuple(sorted(spec.node_selector.items())),
            _key(spec.affinity),
            spec.tolerations,
            _key(spec.topology_spread_constraints),
            tuple(claims_of(self.pod)),
            tuple(one.disk for one in spec.volumes if one.disk is not None),
            spec.resource_claims,
            self.pod.status.resource_claim_statuses,
            spec.scheduler_name,
        )

    @property
    def terminating(self) -> bool:
        """Whether it is on its way out."""
        return self.pod.metadata.deletion_timestamp is not None

    @property
    def has_terms(self) -> bool:
        """Whether it cares which pods are near it."""
        return self.terms is not NO_TERMS


def _host_ports(pod: Pod) -> list[HostPort]:
    spec = pod.spec
    running = [*spec.containers, *filter(is_sidecar, spec.init_containers)]
    return [
        HostPort(port.host_ip or "0.0.0.0", port.protocol or "TCP", port.host_port)
        for container in running
        for port in container.ports
        if port.host_port
    ]


def _key(value: Any) -> Hashable:
    """A model as a value that can be hashed, its mappings too."""
    if isinstance(value, tuple):
        return tuple([_key(one) for one in value])
    if isinstance(value, Mapping):
        return tuple(sorted(value.items()))
    if attrs.has(type(value)):
        return tuple([_key(getattr(value, one.name)) for one in attrs.fields(type(value))])
    return value if isinstance(value, Hashable) else repr(value)
