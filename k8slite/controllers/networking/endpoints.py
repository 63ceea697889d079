"""Endpoints: the addresses of the pods behind each Service, in one object (the older form).

Services without a selector are left alone: whoever made them publishes their addresses. Upstream:
`pkg/controller/endpoint`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from k8slite.client.recorder import Reference
from k8slite.client.resource import ENDPOINTS, PODS, SERVICES
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.networking.endpoint_subsets import Offer, repack, truncate
from k8slite.controllers.networking.service_pods import (
    HEADLESS,
    TriggerTimes,
    addresses,
    families,
    headless,
    hostname,
    in_endpoints,
    index_by_namespace,
    port_number,
    published,
    selected_pods,
    services_of_change,
    stamped,
)
from k8slite.controllers.pod_control import namespace_is_ending
from k8slite.kinds.core.models import Endpoints, Pod, Service
from k8slite.kinds.models import Metadata
from k8slite.objects.errors import ApiError, NotFound
from k8slite.objects.meta import Name

Json = dict[str, Any]

MANAGED_BY: Final = "endpoints.kubernetes.io/managed-by"
OVER_CAPACITY: Final = "endpoints.kubernetes.io/over-capacity"
LEADER: Final = "control-plane.alpha.kubernetes.io/leader"  # an Endpoints that is an old lease


class EndpointsController(Controller):
    """Keeps the Endpoints of every Service with a selector."""

    name: ClassVar[str] = "endpoint-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._services = self.mirrors.of(SERVICES, Service)
        self._pods = self.mirrors.of(PODS, Pod)
        self._endpoints = self.mirrors.of(ENDPOINTS, Endpoints)
        self._times = TriggerTimes()
        # Services that were seen to go. Their Endpoints go along whoever made them; others without
        # a Service only if they are ours.
        self._gone: set[Name] = set()
        index_by_namespace(self._services)
        index_by_namespace(self._pods)
        self.watch(self._services, self._of_service)
        self.watch(self._pods, lambda old, new: services_of_change(self._services, old, new))
        self.watch(self._endpoints, _of_endpoints)

    async def reconcile(self, name: Name) -> None:
        """Publish a Service's addresses, or remove what is left of a Service."""
        service = self._services.get(name)
        if service is None:
            await self._remove(name)
            return
        self._gone.discard(name)
        if not published(service):
            return
        pods = selected_pods(self._pods, service)
        moment = self._times.look(service, pods)
        subsets, truncated = truncate(repack(_offers(service, pods)))
        found = self._endpoints.document(name)
        current: Json = found or {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": name.name, "namespace": name.namespace},
        }
        metadata = current["metadata"]
        annotations = dict(metadata.get("annotations") or {})
        labels = {**service.metadata.labels, MANAGED_BY: self.name}
        if headless(service):
            labels[HEADLESS] = ""
        else:
            labels.pop(HEADLESS, None)
        if (
            found is not None
            and _comparable(current.get("subsets") or []) == subsets
            and metadata.get("labels") == labels
            and (annotations.get(OVER_CAPACITY) == "truncated") == truncated
        ):
            return
        annotations.pop(OVER_CAPACITY, None)
        if truncated:
            annotations[OVER_CAPACITY] = "truncated"
        metadata["labels"] = labels
        metadata["annotations"] = stamped(annotations, moment)
        current["subsets"] = subsets
        await self._write(service, current, new=found is None)

    async def _write(self, service: Service, endpoints: Json, *, new: bool) -> None:
        try:
            if new:
                await self.client.create(ENDPOINTS, endpoints, service.metadata.namespace)
            else:
                await self.client.update(ENDPOINTS, endpoints)
        except ApiError as error:
            if new and namespace_is_ending(error):
                return
            name = str(service.metadata.full_name)
            reason = "FailedToCreateEndpoint" if new else "FailedToUpdateEndpoint"
            message = (
                f"Failed to create endpoint for service {name}: {error.message}"
                if new
                else f"Failed to update endpoint {name}: {error.message}"
            )
            about = Metadata(
                name=service.metadata.name,
                namespace=service.metadata.namespace,
                uid=endpoints["metadata"].get("uid", ""),
                resource_version=endpoints["metadata"].get("resourceVersion", ""),
            )
            self.recorder.event(Reference("v1", "Endpoints", about), "Warning", reason, message)
            raise

    async def _remove(self, name: Name) -> None:
        self._times.forget(name)
        endpoints = self._endpoints.get(name)
        if endpoints is not None:
            ours = endpoints.metadata.labels.get(MANAGED_BY) == self.name
            leader = LEADER in endpoints.metadata.annotations
            if name in self._gone or (ours and not leader):
                options = {"preconditions": {"uid": endpoints.metadata.uid}}
                try:
                    await self.client.delete(ENDPOINTS, name.name, name.namespace, options)
                except NotFound:
                    pass  # which is what is wanted
        self._gone.discard(name)

    def _of_service(self, old: Service | None, new: Service | None) -> Iterable[Name]:
        service = new or old
        assert service is not None
        if new is None:
            self._gone.add(service.metadata.full_name)
        return (service.metadata.full_name,)


def _of_endpoints(old: Endpoints | None, new: Endpoints | None) -> Iterable[Name]:
    endpoints = new or old
    assert endpoints is not None
    return (endpoints.metadata.full_name,)


def _offers(service: Service, pods: Iterable[Pod]) -> Iterable[Offer]:
    unready_too = service.spec.publish_not_ready_addresses
    family = families(service)[0]
    for pod in pods:
        if not in_endpoints(pod, terminating=unready_too):
            continue
        found = addresses(pod, family)
        if not found:
            continue  # the pod's node lacks the Service's family
        address: Json = {"ip": found[0], "targetRef": pod_reference(pod)}
        if pod.spec.node_name:
            address["nodeName"] = pod.spec.node_name
        name = hostname(pod, service)
        if name:
            address["hostname"] = name
        ready = unready_too or pod.ready
        if not service.spec.ports and service.spec.cluster_ip == "None":
            yield Offer(address, None, ready)
        for port in service.spec.ports:
            number = port_number(pod, port)
            if number is not None:
                offered: Json = {"port": number, "protocol": port.protocol}
                if port.name:
                    offered["name"] = port.name
                if port.app_protocol is not None:
                    offered["appProtocol"] = port.app_protocol
                yield Offer(address, offered, ready)


def pod_reference(pod: Pod) -> Json:
    """The targetRef of an endpoint."""
    return {
        "kind": "Pod",
        "namespace": pod.metadata.namespace,
        "name": pod.metadata.name,
        "uid": pod.metadata.uid,
    }


def _comparable(subsets: list[Json]) -> list[Json]:
    """Subsets as `repack` writes them: a pod's resourceVersion is no reason for a write."""
    for subset in subsets:
        for key in ("addresses", "notReadyAddresses"):
            for address in subset.get(key) or ():
                (address.get("targetRef") or {}).pop("resourceVersion", None)
    return subsets
