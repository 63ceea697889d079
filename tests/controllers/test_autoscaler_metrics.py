"""The metrics APIs as an autoscaler reads them, from a server that only has these."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from k8slite.client.client import Client
from k8slite.client.resource import DEPLOYMENTS, NAMESPACES
from k8slite.controllers.autoscaling.autoscaler_measures import Look, Unmeasured
from k8slite.controllers.autoscaling.autoscaler_metrics import Metrics, NoMetrics
from k8slite.controllers.autoscaling.autoscaler_replicas import Tolerances
from k8slite.controllers.autoscaling.autoscaler_targets import Targets
from k8slite.kinds.autoscaling.models import MetricSpec
from k8slite.messages import Request, Response
from k8slite.objects.codec import dumps
from k8slite.objects.structure import structure
from tests.controllers.test_autoscaler_replicas import of

Json = dict[str, Any]

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CUSTOM = "/apis/custom.metrics.k8s.io"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1/namespaces/ns"
VERSIONS = {"versions": [{"version": "v1beta1"}, {"version": "v1beta2"}]}


class Server:
    """Answers paths with what it was given."""

    def __init__(self, answers: Mapping[str, Json]) -> None:
        self.answers = answers
        self.asked: list[Request] = []

    async def handle(self, request: Request) -> Response:
        self.asked.append(request)
        found = self.answers.get(request.path)
        if found is None:
            message = "the server could not find the requested resource"
            return Response(404, dumps({"reason": "NotFound", "message": message}))
        return Response(200, dumps(found))


def values(**found: str) -> Json:
    return {
        "items": [
            {
                "describedObject": {"name": name},
                "value": value,
                "timestamp": "2026-01-01T12:00:00Z",
            }
            for name, value in found.items()
        ]
    }


async def measured(server: Server, spec: Json, replicas: int = 2) -> tuple[int, Json, str]:
    client = Client(server.handle)
    look = Look(
        Metrics(client),
        Targets(client),
        "ns",
        replicas,
        replicas,
        "app=web",
        of(replicas),
        NOW,
        Tolerances(),
    )
    found = await look.measure(structure(spec, MetricSpec), spec)
    return found.replicas, found.status, found.name


async def test_a_metric_of_pods() -> None:
    path = f"{CUSTOM}/v1beta2/namespaces/ns/pods/*/requests"
    server = Server({CUSTOM: VERSIONS, path: values(p0="30", p1="10")})
    target = {"type": "AverageValue", "averageValue": "10"}
    metric = {"name": "requests", "selector": {"matchLabels": {"verb": "GET"}}}
    spec = {"type": "Pods", "pods": {"metric": metric, "target": target}}
    replicas, status, name = await measured(server, spec)
    assert (replicas, name) == (4, "pods metric requests")
    current = {"averageValue": "20"}
    assert status == {"type": "Pods", "pods": {"metric": metric, "current": current}}
    asked = server.asked[-1]
    assert asked.parameter("labelSelector") == "app=web"
    assert asked.parameter("metricLabelSelector") == "verb=GET"


async def test_a_metric_of_an_object() -> None:
    path = f"{CUSTOM}/v1beta2/namespaces/ns/services/front/hits"
    server = Server({CUSTOM: VERSIONS, path: values(front="50")})
    described = {"apiVersion": "v1", "kind": "Service", "name": "front"}
    for target, replicas, current in (
        ({"type": "Value", "value": "20"}, 5, {"value": "50"}),
        ({"type": "AverageValue", "averageValue": "5"}, 10, {"averageValue": "25"}),
    ):
        about = {"describedObject": described, "metric": {"name": "hits"}}
        spec = {"type": "Object", "object": {**about, "target": target}}
        found = await measured(server, spec)
        assert found[0] == replicas
        assert found[1] == {"type": "Object", "object": {**about, "current": current}}


async def test_paths_of_objects() -> None:
    server = Server(
        {
            CUSTOM: VERSIONS,
            f"{CUSTOM}/v1beta2/namespaces/ns/deployments.apps/web/m": values(web="1500m"),
            f"{CUSTOM}/v1beta2/namespaces/ns/metrics/m": values(ns="2"),
        }
    )
    metrics = Metrics(Client(server.handle))
    assert await metrics.of_object("m", "ns", DEPLOYMENTS, "web", "") == 1500
    assert await metrics.of_object("m", "ns", NAMESPACES, "ns", "") == 2000


async def test_a_metric_from_outside() -> None:
    items = {"items": [{"value": "30"}, {"value": "15"}]}
    server = Server({f"{EXTERNAL}/queue": items})
    for target, replicas, current in (
        ({"type": "Value", "value": "15"}, 6, {"value": "45"}),
        ({"type": "AverageValue", "averageValue": "15"}, 3, {"averageValue": "22500m"}),
    ):
        spec = {"type": "External", "external": {"metric": {"name": "queue"}, "target": target}}
        found = await measured(server, spec)
        assert found[0] == replicas
        told = {"metric": {"name": "queue"}, "current": current}
        assert found[1] == {"type": "External", "external": told}


async def test_what_nobody_serves() -> None:
    server = Server({})
    target = {"type": "Utilization", "averageUtilization": 80}
    spec: Json = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    with pytest.raises(Unmeasured) as caught:
        await measured(server, spec)
    assert caught.value.reason == "FailedGetResourceMetric"
    assert caught.value.why == (
        "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch "
        "metrics from resource metrics API: the server could not find the requested resource "
        "(get pods.metrics.k8s.io)"
    )
    with pytest.raises(NoMetrics, match="no custom metrics API"):
        await Metrics(Client(Server({CUSTOM: {"versions": []}}).handle)).of_pods("m", "ns", "", "")
    with pytest.raises(NoMetrics, match="no metrics returned from external metrics API"):
        empty = Server({f"{EXTERNAL}/queue": {"items": []}})
        await Metrics(Client(empty.handle)).external("queue", "ns", "")
