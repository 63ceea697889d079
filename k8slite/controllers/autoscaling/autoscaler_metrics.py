"""Reads the metrics APIs for autoscalers (upstream: `podautoscaler/metrics/client.go`).

Resource metrics come from metrics.k8s.io, those of pods and objects from custom.metrics.k8s.io,
others from external.metrics.k8s.io; who serves them is the cluster's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from k8slite.client.client import Client
from k8slite.client.resource import Resource
from k8slite.messages import read_all
from k8slite.objects.codec import loads
from k8slite.objects.errors import ApiError, NotFound
from k8slite.objects.meta import parse_timestamp
from k8slite.objects.quantity import milli

Json = dict[str, Any]

POD_METRICS: Final = Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics")
CUSTOM: Final = "custom.metrics.k8s.io"
CUSTOM_VERSIONS: Final = ("v1beta2", "v1beta1")
EXTERNAL: Final = "/apis/external.metrics.k8s.io/v1beta1"
WINDOW_SECONDS: Final = 60.0  # where a metric does not say it (metricServerDefaultMetricWindow)


class NoMetrics(Exception):
    """A metric could not be had; the message is for the autoscaler's conditions and events."""


@frozen
class PodMetric:
    """What was measured of one pod, in thousandths."""

    milli: int
    moment: datetime
    window_seconds: float = WINDOW_SECONDS


class Metrics:
    """The metrics APIs, as one client sees them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._custom_version = ""  # of custom metrics, once it is known

    async def resource(
        self, name: str, namespace: str, selector: str, container: str = ""
    ) -> dict[str, PodMetric]:
        """What pods use of a resource, by pod; of one of their containers, or of all.

        Raises NoMetrics.
        """
        try:
            found = await self._client.list(POD_METRICS, namespace, labelSelector=selector)
        except (ApiError, ConnectionError) as error:
            api = "unable to fetch metrics from resource metrics API"
            raise NoMetrics(f"{api}: {_worded(error, 'get pods.metrics.k8s.io')}") from error
        if not found["items"]:
            raise NoMetrics("no metrics returned from resource metrics API")
        metrics: dict[str, PodMetric] = {}
        for one in found["items"]:
            pod = one["metadata"]["name"]
            usages = [
                part["usage"]
                for part in one.get("containers") or ()
                if container in ("", part["name"])
            ]
            if container and not usages:
                where = f"{namespace}/{pod}"
                raise NoMetrics(f"container {container} not present in metrics for pod {where}")
            if all(name in usage for usage in usages):
                metrics[pod] = PodMetric(
                    sum(milli(usage[name]) for usage in usages),
                    parse_timestamp(one["timestamp"]),
                    _seconds(one.get("window") or ""),
                )
        return metrics

    async def of_pods(
        self, metric: str, namespace: str, selector: str, metric_selector: str
    ) -> dict[str, PodMetric]:
        """A custom metric of pods, by pod. Raises NoMetrics."""
        found = await self._custom(
            f"namespaces/{namespace}/pods/*/{metric}", selector, metric_selector
        )
        metrics: dict[str, PodMetric] = {}
        for one in found:
            window_seconds = float(one.get("windowSeconds") or WINDOW_SECONDS)
            moment = parse_timestamp(one["timestamp"])
            value = PodMetric(milli(one["value"]), moment, window_seconds)
            metrics[one["describedObject"]["name"]] = value
        return metrics

    async def of_object(
        self, metric: str, namespace: str, resource: Resource, name: str, metric_selector: str
    ) -> int:
        """A custom metric of one object, in thousandths. Raises NoMetrics."""
        if resource.kind == "Namespace" and not resource.group:
            path = f"namespaces/{name}/metrics/{metric}"
        else:
            plural = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
            within = f"namespaces/{namespace}/" if resource.namespaced else ""
            path = f"{within}{plural}/{name}/{metric}"
        found = await self._custom(path, "", metric_selector)
        return milli(found[0]["value"])

    async def external(self, metric: str, namespace: str, selector: str) -> int:
        """The sum of an external metric's values, in thousandths. Raises NoMetrics."""
        path = f"{EXTERNAL}/namespaces/{namespace}/{metric}"
        try:
            found = await self._get(path, {"labelSelector": selector})
        except (ApiError, ConnectionError) as error:
            api = "unable to fetch metrics from external metrics API"
            doing = f"get {metric}.external.metrics.k8s.io"
            raise NoMetrics(f"{api}: {_worded(error, doing)}") from error
        if not found.get("items"):
            raise NoMetrics("no metrics returned from external metrics API")
        return sum(milli(one["value"]) for one in found["items"])

    async def _custom(self, path: str, selector: str, metric_selector: str) -> list[Json]:
        try:
            version = await self._version()
            found = await self._get(
                f"/apis/{CUSTOM}/{version}/{path}",
                {"labelSelector": selector, "metricLabelSelector": metric_selector},
            )
        except (ApiError, ConnectionError) as error:
            self._custom_version = ""
            api = "unable to fetch metrics from custom metrics API"
            raise NoMetrics(f"{api}: {_worded(error, f'get {CUSTOM}')}") from error
        items: list[Json] = found.get("items") or []
        if not items:
            raise NoMetrics("no metrics returned from custom metrics API")
        return items

    async def _version(self) -> str:
        """The newest version of custom metrics that is served and known."""
        if not self._custom_version:
            group = await self._get(f"/apis/{CUSTOM}", {})
            served = [one["version"] for one in group.get("versions") or ()]
            known = [version for version in CUSTOM_VERSIONS if version in served]
            if not known:
                raise NotFound(f"no custom metrics API ({CUSTOM}) registered", details={})
            self._custom_version = known[0]
        return self._custom_version

    async def _get(self, path: str, parameters: Mapping[str, str]) -> Json:
        given = {key: value for key, value in parameters.items() if value}
        response = await self._client.request("GET", path, parameters=given)
        found: Json = loads(await read_all(response))
        return found


def _worded(error: ApiError | ConnectionError, doing: str) -> str:
    """An error as client-go words it: what nobody serves is told with what was asked."""
    text = error.message if isinstance(error, ApiError) else str(error)
    if text == "the server could not find the requested resource":
        return f"{text} ({doing})"
    return text


def _seconds(window: str) -> float:
    """A duration as Go writes it."""
    parts = _PART.findall(window)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) or WINDOW_SECONDS


_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
