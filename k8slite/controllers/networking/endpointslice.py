"""EndpointSlices: the pods behind each Service, in slices by address family and ports.

Services without a selector are left alone: whoever made them publishes their addresses. Upstream:
`pkg/controller/endpointslice` and `k8s.io/endpointslice`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from k8slite.client.informer import unheard
from k8slite.client.recorder import Reference
from k8slite.client.resource import ENDPOINT_SLICES, NODES, PODS, SERVICES
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.networking.endpoints import pod_reference
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
from k8slite.controllers.networking.slice_measures import SliceMeasures
from k8slite.controllers.networking.slice_packing import (
    Plan,
    endpoint_key,
    pack,
    port_key,
    same_labels,
)
from k8slite.controllers.networking.slice_writing import (
    MANAGED_BY,
    SERVICE_NAME,
    carry_out,
    name_prefix,
    service_of_slice,
    staying,
)
from k8slite.kinds.core.models import Node, Pod, Service
from k8slite.kinds.discovery.models import EndpointSlice
from k8slite.objects.errors import ApiError
from k8slite.objects.measures import Family
from k8slite.objects.meta import Name, owner_reference

Json = dict[str, Any]

CONTROLLER: Final = "endpointslice-controller.k8s.io"
ZONE: Final = "topology.kubernetes.io/zone"
# Values of spec.trafficDistribution that give endpoints hints for their own zone, or node too.
SAME_ZONE: Final = ("PreferClose", "PreferSameZone", "PreferSameNode")
SAME_NODE: Final = "PreferSameNode"
_BY_SERVICE: Final = "service"
_BY_NODE: Final = "spec.nodeName"


class EndpointSliceController(Controller):
    """Keeps the slices of every Service with a selector."""

    name: ClassVar[str] = "endpointslice-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._services = self.mirrors.of(SERVICES, Service)
        self._pods = self.mirrors.of(PODS, Pod)
        self._nodes = self.mirrors.of(NODES, Node)
        self._slices = self.mirrors.of(ENDPOINT_SLICES, EndpointSlice)
        self._times = TriggerTimes()
        self._measures = SliceMeasures(self._count)
        index_by_namespace(self._services)
        index_by_namespace(self._pods)
        self._pods.add_index(_BY_NODE, lambda pod: (pod.spec.node_name,))
        self._slices.add_index(_BY_SERVICE, lambda one: [str(name) for name in _of_slice(one)])
        self.watch(self._services, _of_service)
        self.watch(self._pods, lambda old, new: services_of_change(self._services, old, new))
        self.watch(self._slices, lambda old, new: [*_of_slice(old), *_of_slice(new)])
        self.watch(self._nodes, self._of_node, beat=unheard)

    def measures(self) -> Iterable[Family]:
        """Changes, and how many slices and endpoints there should be."""
        return self._measures.families()

    def _count(self) -> int:
        return sum(1 for one in self._slices.all() if _of_slice(one))

    async def reconcile(self, name: Name) -> None:
        """Bring a Service's slices to what its pods are."""
        service = self._services.get(name)
        if service is None:
            # The slices have the Service as their owner: the garbage collector takes them.
            self._times.forget(name)
            self._measures.forget(name)
            return
        if not published(service):
            return
        pods = selected_pods(self._pods, service)
        moment = self._times.look(service, pods)
        unplaced: list[str] = []
        counts: list[int] = []
        plan = Plan()
        existing = staying(self._slices, _BY_SERVICE, name)
        for family in families(service):
            of_family = [one for one in existing if one["addressType"] == family]
            plan.add(self._plan(service, pods, of_family, family, unplaced, counts))
        supported = families(service)
        plan.delete += [one for one in existing if one["addressType"] not in supported]
        self._measures.planned(name, counts, plan)
        try:
            await self._carry_out(service, plan, moment)
        except ApiError as error:
            self._measures.syncs.add("error")
            message = f"Error updating Endpoint Slices for Service {name}: {error.message}"
            regarding = Reference("v1", "Service", service.metadata)
            self.recorder.event(regarding, "Warning", "FailedToUpdateEndpointSlices", message)
            raise
        self._measures.syncs.add("error" if unplaced else "success")
        if unplaced:
            raise UnknownNodes(f"pods on nodes that are not there: {', '.join(unplaced)}")

    def _plan(
        self,
        service: Service,
        pods: Iterable[Pod],
        existing: list[Json],
        family: str,
        unplaced: list[str],
        counts: list[int],
    ) -> Plan:
        """The changes to the slices of one family; pods whose node is unknown go to `unplaced`, how
        many endpoints there are by ports to `counts`."""
        by_ports: dict[bytes, list[Json]] = {}
        plan, foreign = Plan(), []
        for one in existing:
            if _owned_by(one, service):
                by_ports.setdefault(port_key(one.get("ports")), []).append(one)
            else:
                foreign.append(one)  # of an older Service of that name, and on its way out
        wanted: dict[bytes, dict[Any, Json]] = {}
        ports_of: dict[bytes, list[Json]] = {}
        for pod in pods:
            if not in_endpoints(pod, terminating=True):
                continue
            ports = _ports(service, pod)
            key = port_key(ports)
            endpoints = wanted.setdefault(key, {})
            ports_of.setdefault(key, ports)
            node = self._nodes.get(Name("", pod.spec.node_name))
            if node is None and not service.spec.publish_not_ready_addresses:
                unplaced.append(pod.metadata.name)
                continue
            endpoint = _endpoint(pod, node, service, family)
            if endpoint["addresses"]:
                endpoints[endpoint_key(endpoint)] = endpoint
        for key in sorted(wanted):
            counts.append(len(wanted[key]))
            template = _template(service, family, ports_of[key])
            plan.add(pack(by_ports.pop(key, []), wanted[key], template))
        for key in sorted(by_ports):
            plan.delete += by_ports[key]
        if len(plan.delete) + len(foreign) == len(existing) and not plan.create:
            self._keep_one(plan, _template(service, family, []))
        plan.reuse()
        plan.delete += foreign
        return plan

    def _keep_one(self, plan: Plan, placeholder: Json) -> None:
        """A Service has a slice even if there is nothing in it, so that it is seen to be empty."""
        for spare in plan.delete:
            metadata = spare["metadata"]
            if (
                not spare.get("endpoints")
                and not spare.get("ports")
                and same_labels(metadata.get("labels"), placeholder)
            ):
                plan.delete.remove(spare)
                return
        plan.create.append(placeholder)

    async def _carry_out(self, service: Service, plan: Plan, moment: Any) -> None:
        """Write a plan. Nothing is created for a Service that is on its way out."""
        namespace = service.metadata.namespace
        for one in plan.create + plan.update:
            metadata = dict(one["metadata"])
            metadata["annotations"] = stamped(metadata.get("annotations") or {}, moment)
            one["metadata"] = metadata
        ending = service.metadata.deletion_timestamp is not None
        await carry_out(self.client, plan, namespace, ending=ending)

    def _of_node(self, old: Node | None, new: Node | None) -> Iterable[Name]:
        """Services with pods on a node that came, or moved to another zone."""
        if new is None or (old is not None and _zone(old) == _zone(new)):
            return ()
        found: dict[Name, None] = {}
        for pod in self._pods.indexed(_BY_NODE, new.metadata.name):
            for name in services_of_change(self._services, None, pod):
                found[name] = None
        return found


class UnknownNodes(Exception):
    """Pods are left out since their nodes are not known; they may be in a moment."""


def _of_service(old: Service | None, new: Service | None) -> Iterable[Name]:
    service = new or old
    assert service is not None
    return (service.metadata.full_name,)


def _of_slice(one: EndpointSlice | None) -> list[Name]:
    """The Service of a slice that is this controller's."""
    return service_of_slice(one, CONTROLLER)


def _zone(node: Node | None) -> str:
    return node.metadata.labels.get(ZONE, "") if node else ""


def _owned_by(one: Json, service: Service) -> bool:
    return any(
        reference["uid"] == service.metadata.uid
        for reference in one["metadata"].get("ownerReferences") or ()
    )


def _ports(service: Service, pod: Pod) -> list[Json]:
    """The Service's ports as numbers of this pod; one that the pod does not have is left out."""
    ports = []
    for port in service.spec.ports:
        number = port_number(pod, port)
        if number is None:
            continue
        found: Json = {"name": port.name, "port": number, "protocol": port.protocol}
        if port.app_protocol is not None:
            found["appProtocol"] = port.app_protocol
        ports.append(found)
    return ports


def _endpoint(pod: Pod, node: Node | None, service: Service, family: str) -> Json:
    """A pod's endpoint (`podToEndpoint`)."""
    terminating = pod.metadata.deletion_timestamp is not None
    ready = service.spec.publish_not_ready_addresses or (pod.ready and not terminating)
    endpoint: Json = {
        "addresses": addresses(pod, family),
        "conditions": {"ready": ready, "serving": pod.ready, "terminating": terminating},
        "targetRef": pod_reference(pod),
    }
    if pod.spec.node_name:
        endpoint["nodeName"] = pod.spec.node_name
    zone = _zone(node)
    if zone:
        endpoint["zone"] = zone
    name = hostname(pod, service)
    if name:
        endpoint["hostname"] = name
    distribution = service.spec.traffic_distribution
    if ready and distribution in SAME_ZONE:
        hints: Json = {}
        if distribution == SAME_NODE and pod.spec.node_name:
            hints["forNodes"] = [{"name": pod.spec.node_name}]
        if zone:
            hints["forZones"] = [{"name": zone}]
        if hints:
            endpoint["hints"] = hints
    return endpoint


def _template(service: Service, family: str, ports: list[Json]) -> Json:
    """A new slice without endpoints."""
    metadata = service.metadata
    reserved = (SERVICE_NAME, MANAGED_BY, HEADLESS)
    labels = {key: value for key, value in metadata.labels.items() if key not in reserved}
    if headless(service):
        labels[HEADLESS] = ""
    labels |= {SERVICE_NAME: metadata.name, MANAGED_BY: CONTROLLER}
    return {
        "apiVersion": ENDPOINT_SLICES.api_version,
        "kind": ENDPOINT_SLICES.kind,
        "metadata": {
            "generateName": name_prefix(metadata.name),
            "namespace": metadata.namespace,
            "labels": labels,
            "ownerReferences": [owner_reference("v1", "Service", metadata.name, metadata.uid)],
        },
        "addressType": family,
        "ports": ports,
        "endpoints": [],
    }
