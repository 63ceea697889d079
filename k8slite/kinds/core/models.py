"""The core group's kinds, as far as components read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import Factory, field, frozen

from k8slite.kinds.core.affinity_models import Affinity, TopologySpreadConstraint
from k8slite.kinds.core.pod_volumes import Volume
from k8slite.kinds.core.probe_models import Probe
from k8slite.kinds.models import Metadata

Quantities = Mapping[str, str | int]


@frozen
class Condition:
    """A condition of any kind whose conditions have the usual fields."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None
    last_update_time: datetime | None = None
    last_heartbeat_time: datetime | None = None
    last_probe_time: datetime | None = None


@frozen
class ObjectReference:
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    resource_version: str = ""
    field_path: str = ""


# Pod


@frozen
class ContainerPort:
    container_port: int = 0
    name: str = ""
    host_port: int = 0
    host_ip: str = ""
    protocol: str = "TCP"


@frozen
class ResourceRequirements:
    limits: Quantities = Factory(dict)
    requests: Quantities = Factory(dict)


@frozen
class Container:
    name: str = ""
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: ResourceRequirements = ResourceRequirements()
    restart_policy: str = ""  # of an init container: "Always" makes it a sidecar
    image_pull_policy: str = ""
    termination_message_path: str = ""
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None


@frozen
class Toleration:
    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


@frozen
class SchedulingGate:
    name: str = ""


@frozen
class ReadinessGate:
    condition_type: str = ""


@frozen
class PodResourceClaim:
    name: str = ""
    resource_claim_name: str = ""
    resource_claim_template_name: str = ""


@frozen
class PodResourceClaimStatus:
    name: str = ""
    resource_claim_name: str | None = None  # None: none is needed


@frozen
class PodSpec:
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    node_selector: Mapping[str, str] = Factory(dict)
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = ()
    scheduler_name: str = "default-scheduler"
    scheduling_gates: tuple[SchedulingGate, ...] = ()
    readiness_gates: tuple[ReadinessGate, ...] = ()
    restart_policy: str = "Always"
    termination_grace_period_seconds: int = 30
    active_deadline_seconds: int | None = None
    priority: int = 0
    priority_class_name: str = ""
    preemption_policy: str = "PreemptLowerPriority"
    host_network: bool = False
    hostname: str = ""
    subdomain: str = ""
    service_account_name: str = ""
    overhead: Quantities = Factory(dict)
    volumes: tuple[Volume, ...] = ()
    resources: ResourceRequirements | None = None  # of the pod as a whole
    resource_claims: tuple[PodResourceClaim, ...] = ()


@frozen
class ContainerStateRunning:
    started_at: datetime | None = None


@frozen
class ContainerStateTerminated:
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


@frozen
class ContainerStateWaiting:
    reason: str = ""
    message: str = ""


@frozen
class ContainerState:
    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


@frozen
class ContainerStatus:
    name: str = ""
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    image: str = ""


@frozen
class PodIP:
    ip: str = ""


@frozen
class PodStatus:
    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    message: str = ""
    reason: str = ""
    host_ip: str = ""
    pod_ip: str = ""
    pod_ips: tuple[PodIP, ...] = field(default=(), metadata={"json": "podIPs"})
    start_time: datetime | None = None
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    nominated_node_name: str = ""
    resource_claim_statuses: tuple[PodResourceClaimStatus, ...] = ()


@frozen
class Pod:
    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    def condition(self, wanted: str) -> Condition | None:
        """The condition of that type."""
        for condition in self.status.conditions:
            if condition.type == wanted:
                return condition
        return None

    @property
    def ready(self) -> bool:
        condition = self.condition("Ready")
        return condition is not None and condition.status == "True"

    @property
    def terminal(self) -> bool:
        """Nothing of it runs, nor will again."""
        return self.status.phase in ("Succeeded", "Failed")


# Node


@frozen
class Taint:
    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: datetime | None = None


@frozen
class NodeSpec:
    pod_cidr: str = ""
    pod_cidrs: tuple[str, ...] = field(default=(), metadata={"json": "podCIDRs"})
    provider_id: str = ""
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


@frozen
class NodeAddress:
    type: str = ""
    address: str = ""


@frozen
class ContainerImage:
    names: tuple[str, ...] = ()
    size_bytes: int = 0


@frozen
class NodeStatus:
    capacity: Quantities = Factory(dict)
    allocatable: Quantities = Factory(dict)
    conditions: tuple[Condition, ...] = ()
    addresses: tuple[NodeAddress, ...] = ()
    images: tuple[ContainerImage, ...] = ()


@frozen
class Node:
    metadata: Metadata
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    def condition(self, wanted: str) -> Condition | None:
        """The condition of that type."""
        for condition in self.status.conditions:
            if condition.type == wanted:
                return condition
        return None


# Services


@frozen
class ServicePort:
    port: int = 0
    name: str = ""
    protocol: str = "TCP"
    target_port: int | str = 0
    node_port: int = 0
    app_protocol: str | None = None


@frozen
class ServiceSpec:
    type: str = "ClusterIP"
    selector: Mapping[str, str] = Factory(dict)
    ports: tuple[ServicePort, ...] = ()
    cluster_ip: str = ""
    cluster_ips: tuple[str, ...] = field(default=(), metadata={"json": "clusterIPs"})
    ip_families: tuple[str, ...] = ()
    publish_not_ready_addresses: bool = False
    session_affinity: str = "None"
    traffic_distribution: str | None = None


@frozen
class Service:
    metadata: Metadata
    spec: ServiceSpec = ServiceSpec()


@frozen
class EndpointPort:
    port: int = 0
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str | None = None


@frozen
class EndpointAddress:
    ip: str = ""
    hostname: str = ""
    node_name: str | None = None
    target_ref: ObjectReference | None = None


@frozen
class EndpointSubset:
    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


@frozen
class Endpoints:
    metadata: Metadata
    subsets: tuple[EndpointSubset, ...] = ()


# The small ones


@frozen
class NamespaceStatus:
    phase: str = ""
    conditions: tuple[Condition, ...] = ()


@frozen
class NamespaceSpec:
    finalizers: tuple[str, ...] = ()


@frozen
class Namespace:
    metadata: Metadata
    spec: NamespaceSpec = NamespaceSpec()
    status: NamespaceStatus = NamespaceStatus()


@frozen
class ConfigMap:
    metadata: Metadata
    data: Mapping[str, str] = Factory(dict)


@frozen
class ServiceAccount:
    metadata: Metadata
    secrets: tuple[ObjectReference, ...] = ()


@frozen
class Secret:
    """Without its data: who needs them asks for the document."""

    metadata: Metadata
    type: str = ""
