"""Which pods stand behind a Service, and how: what Endpoints and EndpointSlices have in common.

Pure, but for the mirrors that are read. Upstream: `k8s.io/endpointslice/util`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

from attrs import define, field

from k8slite.client.informer import Mirror
from k8slite.kinds.core.models import Container, Pod, Service, ServicePort
from k8slite.objects.meta import Name, timestamp

Json = dict[str, Any]

BY_NAMESPACE: Final = "namespace"  # an index of Services and of Pods
HEADLESS: Final = "service.kubernetes.io/headless"
TRIGGER_TIME: Final = "endpoints.kubernetes.io/last-change-trigger-time"


def in_endpoints(pod: Pod, *, terminating: bool) -> bool:
    """Whether a pod has an address that may be published (`ShouldPodBeInEndpoints`)."""
    if pod.terminal or not (pod.status.pod_ip or pod.status.pod_ips):
        return False
    return terminating or pod.metadata.deletion_timestamp is None


def port_number(pod: Pod, port: ServicePort) -> int | None:
    """The number that a Service's target port has in a pod; None if the pod has no such name."""
    target = port.target_port
    if isinstance(target, int):
        return target
    for container in _containers(pod):
        for offered in container.ports:
            if offered.name == target and offered.protocol == port.protocol:
                return offered.container_port
    return None


def hostname(pod: Pod, service: Service) -> str:
    """The pod's name within the Service that is its subdomain; "" if it has none."""
    of_this = pod.spec.subdomain == service.metadata.name
    return pod.spec.hostname if of_this else ""


def headless(service: Service) -> bool:
    return service.spec.cluster_ip in ("", "None")


def addresses(pod: Pod, family: str) -> list[str]:
    """The pod's addresses of a family, IPv4 or IPv6, in canonical form."""
    version = 6 if family == "IPv6" else 4
    found = []
    for text in [one.ip for one in pod.status.pod_ips] or [pod.status.pod_ip]:
        try:
            address = ip_address(text)
        except ValueError:
            continue  # a pod without a proper address must not harm those that have one
        if address.version == version:
            found.append(str(address))
    return found


def families(service: Service) -> tuple[str, ...]:
    """The address families that a Service publishes, the first one first."""
    if service.spec.ip_families:
        return tuple(dict.fromkeys(service.spec.ip_families))
    if headless(service):
        return ("IPv4", "IPv6")
    return ("IPv6",) if ip_address(service.spec.cluster_ip).version == 6 else ("IPv4",)


def published(service: Service) -> bool:
    """Whether controllers publish a Service's pods: others publish those without a selector."""
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


def selected_pods(pods: Mirror[Pod], service: Service) -> list[Pod]:
    """The pods whose labels a Service selects, in order of name."""
    wanted = service.spec.selector.items()
    return [
        pod
        for pod in pods.indexed(BY_NAMESPACE, service.metadata.namespace)
        if wanted <= pod.metadata.labels.items()
    ]


def services_of_change(
    services: Mirror[Service], old: Pod | None, new: Pod | None
) -> Iterable[Name]:
    """The Services whose endpoints a change of a pod may alter."""
    if old is not None and new is not None:
        same_labels = old.metadata.labels == new.metadata.labels
        if same_labels and _published_part(old) == _published_part(new):
            return ()
        if same_labels:
            old = None
    found: dict[Name, None] = {}
    for pod in (old, new):
        if pod is not None:
            labels = pod.metadata.labels.items()
            for service in services.indexed(BY_NAMESPACE, pod.metadata.namespace):
                if service.spec.selector and service.spec.selector.items() <= labels:
                    found[service.metadata.full_name] = None
    return found


def index_by_namespace(mirror: Mirror[Any]) -> None:
    """Make a mirror ready for `selected_pods` or `services_of_change`."""
    mirror.add_index(BY_NAMESPACE, lambda obj: (obj.metadata.namespace,))


def stamped(annotations: Mapping[str, str], moment: datetime | None) -> dict[str, str]:
    """Annotations with the time of the change that led to a write, or without any."""
    kept = {key: value for key, value in annotations.items() if key != TRIGGER_TIME}
    return {**kept, TRIGGER_TIME: timestamp(moment)} if moment else kept


@define
class TriggerTimes:
    """When the changes happened that a Service's next write publishes.

    The earliest of those since the last look: its distance from the proxies' work is the latency
    that users see (upstream: `TriggerTimeTracker`).
    """

    _seen: dict[Name, tuple[datetime | None, dict[str, datetime]]] = field(factory=dict)

    def look(self, service: Service, pods: Iterable[Pod]) -> datetime | None:
        """The time to publish now, and remember what has been seen."""
        name = service.metadata.full_name
        created = service.metadata.creation_timestamp
        times: dict[str, datetime] = {}
        for pod in pods:
            ready = pod.condition("Ready")
            if ready is not None and ready.last_transition_time is not None:
                times[pod.metadata.name] = ready.last_transition_time
        before = self._seen.get(name)
        self._seen[name] = (created, times)
        if before is None:
            return created
        was_created, was_times = before
        changed = [
            moment
            for pod_name, moment in times.items()
            if pod_name not in was_times or moment > was_times[pod_name]
        ]
        if created is not None and (was_created is None or created > was_created):
            changed.append(created)
        return min(changed, default=None)

    def forget(self, name: Name) -> None:
        self._seen.pop(name, None)


def _containers(pod: Pod) -> Iterable[Container]:
    """Those that run for as long as the pod does."""
    yield from pod.spec.containers
    for container in pod.spec.init_containers:
        if container.restart_policy == "Always":
            yield container


def _published_part(pod: Pod) -> tuple[Any, ...]:
    """What of a pod shows in endpoints, its labels apart."""
    return (
        pod.metadata.uid,
        pod.metadata.deletion_timestamp,
        pod.ready,
        pod.terminal,
        pod.status.pod_ip,
        pod.status.pod_ips,
        pod.spec.node_name,
        pod.spec.hostname,
        pod.spec.subdomain,
    )
