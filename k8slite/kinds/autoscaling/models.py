"""The autoscaling group's kinds, as far as components read them (version v2)."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from k8slite.kinds.models import LabelSelector, Metadata


@frozen
class CrossVersionObjectReference:
    kind: str = ""
    name: str = ""
    api_version: str = ""


@frozen
class MetricTarget:
    type: str = ""
    value: str | int | None = None
    average_value: str | int | None = None
    average_utilization: int | None = None


@frozen
class MetricIdentifier:
    name: str = ""
    selector: LabelSelector | None = None


@frozen
class ResourceSource:
    """Of pods, or of one container of each."""

    name: str = ""
    container: str = ""
    target: MetricTarget = MetricTarget()


@frozen
class PodsSource:
    metric: MetricIdentifier = MetricIdentifier()
    target: MetricTarget = MetricTarget()


@frozen
class ObjectSource:
    described_object: CrossVersionObjectReference = CrossVersionObjectReference()
    metric: MetricIdentifier = MetricIdentifier()
    target: MetricTarget = MetricTarget()


@frozen
class MetricSpec:
    type: str = ""
    resource: ResourceSource = ResourceSource()
    container_resource: ResourceSource = ResourceSource()
    pods: PodsSource = PodsSource()
    object: ObjectSource = ObjectSource()
    external: PodsSource = PodsSource()


@frozen
class ScalingPolicy:
    type: str = ""
    value: int = 0
    period_seconds: int = 0


@frozen
class ScalingRules:
    stabilization_window_seconds: int | None = None
    select_policy: str = "Max"
    policies: tuple[ScalingPolicy, ...] = ()
    tolerance: str | int | None = None


@frozen
class Behavior:
    scale_up: ScalingRules | None = None
    scale_down: ScalingRules | None = None


@frozen
class HorizontalPodAutoscalerSpec:
    scale_target_ref: CrossVersionObjectReference = CrossVersionObjectReference()
    min_replicas: int | None = None
    max_replicas: int = 0
    metrics: tuple[MetricSpec, ...] = ()
    behavior: Behavior | None = None


@frozen
class HorizontalPodAutoscalerStatus:
    last_scale_time: datetime | None = None
    current_replicas: int = 0
    desired_replicas: int = 0


@frozen
class HorizontalPodAutoscaler:
    metadata: Metadata
    spec: HorizontalPodAutoscalerSpec = HorizontalPodAutoscalerSpec()
    status: HorizontalPodAutoscalerStatus = HorizontalPodAutoscalerStatus()
