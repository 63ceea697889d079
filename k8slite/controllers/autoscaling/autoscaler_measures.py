"""Asks one metric of an autoscaler what it wants (upstream: `computeReplicasForMetric`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

from k8slite.controllers.autoscaling.autoscaler_metrics import Metrics, NoMetrics
from k8slite.controllers.autoscaling.autoscaler_replicas import (
    Proposal,
    Tolerances,
    by_average,
    by_utilization,
    by_value,
    by_value_per_pod,
)
from k8slite.controllers.autoscaling.autoscaler_targets import Targets
from k8slite.kinds.autoscaling.models import MetricIdentifier, MetricSpec, ResourceSource
from k8slite.kinds.core.models import Pod
from k8slite.objects.quantity import milli, of_milli
from k8slite.objects.selectors import selector_of

Json = dict[str, Any]


class Unmeasured(Exception):
    """A metric wants nothing, as it could not be had."""

    def __init__(self, reason: str, why: str, summary: str) -> None:
        super().__init__(summary)
        self.reason = reason  # of the event and the condition
        self.why = why  # their message


@frozen
class Measured:
    """What a metric wants, its status, and how it is called in messages."""

    replicas: int
    status: Json
    name: str


@frozen
class Look:
    """What all metrics of an autoscaler are held against, at one time."""

    metrics: Metrics
    targets: Targets
    namespace: str
    spec_replicas: int
    status_replicas: int
    selector: str
    pods: Sequence[Pod]
    now: datetime
    tolerances: Tolerances

    async def measure(self, spec: MetricSpec, given: Json) -> Measured:
        """Ask one metric; `given` is its spec as JSON. Raises Unmeasured."""
        match spec.type:
            case "Resource":
                return await self._resource(spec.resource, given["resource"], "")
            case "ContainerResource":
                source = spec.container_resource
                return await self._resource(source, given["containerResource"], source.container)
            case "Pods":
                return await self._pods(spec, given["pods"])
            case "Object":
                return await self._object(spec, given["object"])
            case "External":
                return await self._external(spec, given["external"])
        why = f'unknown metric source type "{spec.type}"'
        raise Unmeasured("InvalidMetricSourceType", why, why)

    async def _resource(self, source: ResourceSource, given: Json, container: str) -> Measured:
        name, target = source.name, source.target
        reason = "FailedGetContainerResourceMetric" if container else "FailedGetResourceMetric"
        value = "usage" if target.average_value is not None else "utilization"
        try:
            try:
                metrics = await self.metrics.resource(
                    name, self.namespace, self.selector, container
                )
            except NoMetrics as error:
                raise NoMetrics(f"unable to get metrics for resource {name}: {error}") from error
            if target.average_value is not None:
                proposal = by_average(
                    self.spec_replicas,
                    milli(target.average_value),
                    name,
                    self.pods,
                    metrics,
                    self.now,
                    self.tolerances,
                )
            else:
                proposal = by_utilization(
                    self.spec_replicas,
                    target.average_utilization or 0,
                    name,
                    container,
                    self.pods,
                    metrics,
                    self.now,
                    self.tolerances,
                )
        except NoMetrics as error:
            why = f"failed to get {name} {value}: {error}"
            what = f"{container} container" if container else f"{name} resource"
            raise Unmeasured(reason, why, f"failed to get {what} metric value: {why}") from error
        current: Json = {"averageValue": of_milli(proposal.average_milli)}
        called = f"{name} resource"
        if proposal.utilization is not None:
            current["averageUtilization"] = proposal.utilization
            kind = "container resource" if container else "resource"
            called = f"{name} {kind} utilization (percentage of request)"
        if container:
            told = {"name": name, "container": container, "current": current}
            status = {"type": "ContainerResource", "containerResource": told}
        else:
            status = {"type": "Resource", "resource": {"name": name, "current": current}}
        return Measured(proposal.replicas, status, called)

    async def _pods(self, spec: MetricSpec, given: Json) -> Measured:
        source = spec.pods
        name = source.metric.name
        try:
            try:
                metrics = await self.metrics.of_pods(
                    name, self.namespace, self.selector, _text(source.metric)
                )
            except NoMetrics as error:
                raise NoMetrics(f"unable to get metric {name}: {error}") from error
            proposal = by_average(
                self.spec_replicas,
                milli(source.target.average_value or 0),
                "",
                self.pods,
                metrics,
                self.now,
                self.tolerances,
            )
        except NoMetrics as error:
            summary = f"failed to get pods metric value: {error}"
            raise Unmeasured("FailedGetPodsMetric", str(error), summary) from error
        current = {"averageValue": of_milli(proposal.average_milli)}
        status = {"type": "Pods", "pods": {"metric": given["metric"], "current": current}}
        return Measured(proposal.replicas, status, f"pods metric {name}")

    async def _object(self, spec: MetricSpec, given: Json) -> Measured:
        source = spec.object
        name, about = source.metric.name, source.described_object
        where = f"{about.kind} {self.namespace}/{about.name}"
        try:
            try:
                resource = await self.targets.resource(about.api_version, about.kind)
                usage = await self.metrics.of_object(
                    name, self.namespace, resource, about.name, _text(source.metric)
                )
            except (NoMetrics, LookupError) as error:
                # As upstream words it, where the error comes in an unexpected place.
                text = f"unable to get metric {name}: {about.kind} on {self.namespace}"
                raise NoMetrics(f"{text} {about.name}/{error}") from error
            proposal, current = self._shared(source.target.type, source, usage)
        except NoMetrics as error:
            summary = f"failed to get object metric value: {error}"
            raise Unmeasured("FailedGetObjectMetric", str(error), summary) from error
        told = {"describedObject": given["describedObject"], "metric": given["metric"]}
        status = {"type": "Object", "object": {**told, "current": current}}
        called = f"{where.partition(' ')[0]} metric {name}"
        return Measured(proposal.replicas, status, called)

    async def _external(self, spec: MetricSpec, given: Json) -> Measured:
        source = spec.external
        name, selector = source.metric.name, _text(source.metric)
        average = source.target.average_value is not None
        try:
            try:
                usage = await self.metrics.external(name, self.namespace, selector)
            except NoMetrics as error:
                where = f"{self.namespace}/{name}/{selector or 'nil'}"
                raise NoMetrics(f"unable to get external metric {where}: {error}") from error
            proposal, current = self._shared("AverageValue" if average else "Value", source, usage)
        except NoMetrics as error:
            what = f"{name} external metric" if average else f"external metric {name}"
            why = f"failed to get {what}: {error}"
            summary = f"failed to get {name} external metric value: {why}"
            raise Unmeasured("FailedGetExternalMetric", str(error), summary) from error
        status = {"type": "External", "external": {"metric": given["metric"], "current": current}}
        return Measured(proposal.replicas, status, f"external metric {name}({selector or 'nil'})")

    def _shared(self, kind: str, source: Any, usage: int) -> tuple[Proposal, Json]:
        """For a value that is one for all pods: as it is, or as much of it for each."""
        target = source.target
        if kind == "AverageValue":
            wanted = milli(target.average_value)
            proposal = by_value_per_pod(self.status_replicas, wanted, usage, self.tolerances)
            return proposal, {"averageValue": of_milli(proposal.average_milli)}
        wanted = milli(target.value)
        proposal = by_value(self.spec_replicas, wanted, usage, self.pods, self.tolerances)
        return proposal, {"value": of_milli(usage)}


def _text(metric: MetricIdentifier) -> str:
    return "" if metric.selector is None else str(selector_of(metric.selector))
