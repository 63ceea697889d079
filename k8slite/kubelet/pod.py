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
from k8slite.kinds.core.probe_models import ExecAction, HttpGetAction, Probe
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
class ResizePolicy:
    resource_name: str = ""
    restart_policy: str = ""  # "RestartContainer", or "NotRequired"


@frozen
class SleepAction:
    seconds: int = 0


@frozen
class Hook:
    exec: ExecAction | None = None
    http_get: HttpGetAction | None = None
    sleep: SleepAction | None = None


@frozen
class Lifecycle:
    post_start: Hook | None = None
    pre_stop: Hook | None = None


@frozen
class ContainerSecurity:
    run_as_user: int | None = None
    run_as_group: int | None = None
    read_only_root_filesystem: bool = False
    allow_privilege_escalation: bool | None = None
    privileged: bool = False


@frozen
class Container:
    name: str = ""
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    working_dir: str = ""
    resize_policy: tuple[ResizePolicy, ...] = ()
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    termination_message_path: str = ""
    termination_message_policy: str = ""
    ports: tuple[ContainerPort, ...] = ()
    image_pull_policy: str = ""
    restart_policy: str = ""  # "Always" makes an init container a sidecar
    resources: ResourceRequirements = ResourceRequirements()
    volume_mounts: tuple[VolumeMount, ...] = ()
    lifecycle: Lifecycle = Lifecycle()
    security_context: ContainerSecurity = ContainerSecurity()
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None


@frozen
class HostAlias:
    ip: str = ""
    hostnames: tuple[str, ...] = ()


@frozen
class Sysctl:
    name: str = ""
    value: str = ""


@frozen
class PodSecurity:
    run_as_user: int | None = None
    run_as_group: int | None = None
    sysctls: tuple[Sysctl, ...] = ()


@frozen
class DnsOption:
    name: str = ""
    value: str | None = None


@frozen
class DnsConfig:
    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[DnsOption, ...] = ()


@frozen
class PodSpec:
    node_name: str = ""
    hostname: str = ""
    subdomain: str = ""
    dns_policy: str = ""
    dns_config: DnsConfig = DnsConfig()
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    restart_policy: str = "Always"
    termination_grace_period_seconds: int = 30
    active_deadline_seconds: int | None = None
    host_network: bool = False
    host_aliases: tuple[HostAlias, ...] = ()
    security_context: PodSecurity = PodSecurity()
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


def field_of(spec: PodSpec, container: str) -> str:
    """In which of the spec's lists a container is."""
    if any(one.name == container for one in spec.init_containers):
        return "initContainers"
    if any(one.name == container for one in spec.ephemeral_containers):
        return "ephemeralContainers"
    return "containers"
