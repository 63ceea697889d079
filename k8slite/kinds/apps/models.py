"""The apps group's kinds, as far as components read them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, frozen

from k8slite.kinds.core.models import Condition, PodSpec
from k8slite.kinds.models import LabelSelector, Metadata


@frozen
class PodTemplate:
    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()


@frozen
class ReplicaSetSpec:
    replicas: int = 1
    min_ready_seconds: int = 0
    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()


@frozen
class ReplicaSetStatus:
    replicas: int = 0
    fully_labeled_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    terminating_replicas: int | None = None
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()


@frozen
class ReplicaSet:
    metadata: Metadata
    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()


@frozen
class RollingUpdate:
    max_unavailable: int | str = "25%"
    max_surge: int | str = "25%"


@frozen
class DeploymentStrategy:
    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


@frozen
class DeploymentSpec:
    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()
    strategy: DeploymentStrategy = DeploymentStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int | None = None
    paused: bool = False
    progress_deadline_seconds: int | None = None


@frozen
class DeploymentStatus:
    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    terminating_replicas: int | None = None
    conditions: tuple[Condition, ...] = ()
    collision_count: int | None = None


@frozen
class Deployment:
    metadata: Metadata
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


# StatefulSets and DaemonSets, and the revisions of both


@frozen
class ControllerRevision:
    metadata: Metadata
    revision: int = 0


@frozen
class StatefulSetRollingUpdate:
    partition: int = 0
    max_unavailable: int | str = 1


@frozen
class StatefulSetUpdateStrategy:
    type: str = "RollingUpdate"
    rolling_update: StatefulSetRollingUpdate | None = None


@frozen
class StatefulSetOrdinals:
    start: int = 0


@frozen
class ClaimRetentionPolicy:
    when_deleted: str = "Retain"
    when_scaled: str = "Retain"


@frozen
class StatefulSetSpec:
    replicas: int = 1
    selector: LabelSelector = LabelSelector()
    service_name: str = ""
    pod_management_policy: str = "OrderedReady"
    update_strategy: StatefulSetUpdateStrategy = StatefulSetUpdateStrategy()
    revision_history_limit: int = 10
    min_ready_seconds: int = 0
    ordinals: StatefulSetOrdinals = StatefulSetOrdinals()
    persistent_volume_claim_retention_policy: ClaimRetentionPolicy = ClaimRetentionPolicy()


@frozen
class StatefulSetStatus:
    observed_generation: int = 0
    current_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    collision_count: int = 0


@frozen
class StatefulSet:
    metadata: Metadata
    spec: StatefulSetSpec = StatefulSetSpec()
    status: StatefulSetStatus = StatefulSetStatus()


@frozen
class DaemonSetRollingUpdate:
    max_unavailable: int | str = 1
    max_surge: int | str = 0


@frozen
class DaemonSetUpdateStrategy:
    type: str = "RollingUpdate"
    rolling_update: DaemonSetRollingUpdate | None = None


@frozen
class DaemonSetSpec:
    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()
    update_strategy: DaemonSetUpdateStrategy = DaemonSetUpdateStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int = 10


@frozen
class DaemonSetStatus:
    observed_generation: int = 0
    collision_count: int | None = None


@frozen
class DaemonSet:
    metadata: Metadata
    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()


# Of the core group, but kin of ReplicaSets


@frozen
class ReplicationControllerSpec:
    replicas: int = 1
    min_ready_seconds: int = 0
    selector: Mapping[str, str] = Factory(dict)
    template: PodTemplate = PodTemplate()


@frozen
class ReplicationControllerStatus:
    conditions: tuple[Condition, ...] = ()


@frozen
class ReplicationController:
    metadata: Metadata
    spec: ReplicationControllerSpec = ReplicationControllerSpec()
    status: ReplicationControllerStatus = ReplicationControllerStatus()
