"""The pod as a kubelet reads it: the spec to run, and of the status only what others may change."""

from __future__ import annotations

from attrs import frozen

from k8slite.kinds.core.models import (
    Condition,
    ContainerPort,
    PodResourceClaim,
    PodResourceClaimStatus,
    ReadinessGate,
    ResourceRequirements,
)
from k8slite.kinds.core.probe_models import Probe
from k8slite.kinds.models import Metadata


@frozen
class VolumeMount:
    name: str = ""
    mount_path: str = ""
    read_only: bool = False


@frozen
class EnvVar:
    name: str = ""
    value: str = ""


@frozen
class Container:
    name: str = ""
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    working_dir: str = ""
    termination_message_path: str = ""
    termination_message_policy: str = ""
    ports: tuple[ContainerPort, ...] = ()
    image_pull_policy: str = ""
    restart_policy: str = ""  # "Always" makes an init container a sidecar
    resources: ResourceRequirements = ResourceRequirements()
    volume_mounts: tuple[VolumeMount, ...] = ()
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None


@frozen
class PodSpec:
    node_name: str = ""
    hostname: str = ""
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    restart_policy: str = "Always"
    termination_grace_period_seconds: int = 30
    active_deadline_seconds: int | None = None
    host_network: bool = False
    readiness_gates: tuple[ReadinessGate, ...] = ()
    resource_claims: tuple[PodResourceClaim, ...] = ()


@frozen
class PodStatus:
    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    resource_claim_statuses: tuple[PodResourceClaimStatus, ...] = ()


@frozen
class Pod:
    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def terminal(self) -> bool:
        """The API says that it has ended, which no kubelet may take back."""
        return self.status.phase in ("Succeeded", "Failed")

    def __str__(self) -> str:
        """As kubelets name a pod in messages (upstream: `format.Pod`)."""
        metadata = self.metadata
        return f"{metadata.name}_{metadata.namespace}({metadata.uid})"
