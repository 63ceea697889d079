"""Endpoints and EndpointSlices of Services, as pods come, change and go."""

from __future__ import annotations

from typing import Any

import trio

from k8slite.client.resource import ENDPOINTS, NODES, PODS, SERVICES
from k8slite.controllers.networking.endpoints import EndpointsController
from k8slite.controllers.networking.endpointslice import EndpointSliceController
from tests.controllers.whole_api import WholeApi, add, running

Json = dict[str, Any]

SLICES = "/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices"
ENDPOINT = "/api/v1/namespaces/ns/endpoints/web"


def service(whole: WholeApi, **spec: Any) -> Json:
    spec = {
        "selector": {"app": "web"},
        "clusterIP": "10.96.0.7",
        "ipFamilies": ["IPv4"],
        "ports": [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}],
        **spec,
    }
    return add(whole, SERVICES, "web", "ns", spec=spec, metadata={"labels": {"own": "label"}})


def pod(whole: WholeApi, number: int, *, ready: bool = True, port: int = 8080) -> Json:
    condition = {
        "type": "Ready",
        "status": str(ready),
        "lastTransitionTime": "2026-01-01T00:00:09Z",
    }
    ports = [{"name": "web", "containerPort": port, "protocol": "TCP"}]
    return add(
        whole,
        PODS,
        f"web-{number}",
        "ns",
        metadata={"labels": {"app": "web"}},
        spec={"nodeName": "node", "containers": [{"name": "c", "ports": ports}]},
        status={
            "phase": "Running",
            "podIP": f"10.0.0.{number}",
            "podIPs": [{"ip": f"10.0.0.{number}"}, {"ip": f"fd00::{number}"}],
            "conditions": [condition],
        },
    )


def node(whole: WholeApi) -> None:
    labels = {"topology.kubernetes.io/zone": "here"}
    add(whole, NODES, "node", metadata={"labels": labels})


async def test_endpoints_have_upstreams_form(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole)
    one = pod(whole, 1)
    two = pod(whole, 2, ready=False)
    async with running(whole, EndpointsController):
        await trio.sleep(1)
        endpoints = whole.api.get(ENDPOINT)
        assert endpoints is not None
        assert endpoints["metadata"]["labels"] == {
            "own": "label",
            "endpoints.kubernetes.io/managed-by": "endpoint-controller",
        }
        assert endpoints["metadata"]["annotations"] == {
            "endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z"
        }

        def address(of: Json, ip: str) -> Json:
            reference = {"kind": "Pod", "namespace": "ns", "name": of["metadata"]["name"]}
            return {
                "ip": ip,
                "nodeName": "node",
                "targetRef": {**reference, "uid": of["metadata"]["uid"]},
            }

        assert endpoints["subsets"] == [
            {
                "addresses": [address(one, "10.0.0.1")],
                "notReadyAddresses": [address(two, "10.0.0.2")],
                "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            }
        ]
        writes = len(whole.api.commits)
        whole.api.change(
            "/api/v1/namespaces/ns/pods/web-1",
            lambda obj: obj["metadata"].update(annotations={"a": "b"}),
        )
        await trio.sleep(1)
        assert len(whole.api.commits) == writes + 1
        whole.api.put("/api/v1/namespaces/ns/services/web", None)
        await trio.sleep(1)
        assert whole.api.get(ENDPOINT) is None


async def test_endpoints_of_others_are_left_alone(autojump_clock: Any) -> None:
    whole = WholeApi()
    add(whole, ENDPOINTS, "by-hand", "ns", subsets=[])
    managed = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    add(whole, ENDPOINTS, "left-over", "ns", metadata={"labels": managed})
    service(whole, selector={})
    async with running(whole, EndpointsController, EndpointSliceController):
        await trio.sleep(1)
        assert [one["metadata"]["name"] for one in whole.api.list("/api/v1/endpoints")] == [
            "by-hand"
        ]
        assert whole.api.list(SLICES) == []


async def test_a_thousand_addresses_are_enough(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole, clusterIP="None", ports=[])
    for number in range(1010):
        made = pod(whole, number)
        ip = f"10.1.{number // 250}.{number % 250}"
        made["status"] |= {"podIP": ip, "podIPs": [{"ip": ip}]}
        whole.api.put(f"/api/v1/namespaces/ns/pods/web-{number}", made)
    async with running(whole, EndpointsController):
        await trio.sleep(1)
        endpoints = whole.api.get(ENDPOINT)
        assert endpoints is not None
        assert len(endpoints["subsets"][0]["addresses"]) == 1000
        assert "ports" not in endpoints["subsets"][0]
        annotations = endpoints["metadata"]["annotations"]
        assert annotations["endpoints.kubernetes.io/over-capacity"] == "truncated"
        assert endpoints["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
        writes = len(whole.api.commits)
        await trio.sleep(60)
        assert len(whole.api.commits) == writes


async def test_slices_have_upstreams_form(autojump_clock: Any) -> None:
    whole = WholeApi()
    made = service(whole)
    node(whole)
    one = pod(whole, 1)
    async with running(whole, EndpointSliceController):
        await trio.sleep(1)
        [slice_] = whole.api.list(SLICES)
        metadata = slice_["metadata"]
        assert metadata["name"].startswith("web-")
        assert metadata["labels"] == {
            "own": "label",
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }
        assert metadata["ownerReferences"] == [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "name": "web",
                "uid": made["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
        assert slice_["addressType"] == "IPv4"
        assert slice_["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
        assert slice_["endpoints"] == [
            {
                "addresses": ["10.0.0.1"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": "node",
                "zone": "here",
                "targetRef": {
                    "kind": "Pod",
                    "namespace": "ns",
                    "name": "web-1",
                    "uid": one["metadata"]["uid"],
                },
            }
        ]
        # A terminating pod still serves; without any pod, the slice stays, and is empty.
        await whole.client().delete(PODS, "web-1", "ns")
        await trio.sleep(1)
        [slice_] = whole.api.list(SLICES)
        assert slice_["endpoints"][0]["conditions"] == {
            "ready": False,
            "serving": True,
            "terminating": True,
        }
        whole.api.put("/api/v1/namespaces/ns/pods/web-1", None)
        await trio.sleep(1)
        [emptied] = whole.api.list(SLICES)
        assert emptied["metadata"]["name"] == slice_["metadata"]["name"]
        assert emptied["endpoints"] == []
        writes = len(whole.api.commits)
        await trio.sleep(100)
        assert len(whole.api.commits) == writes


async def test_a_second_look_before_the_mirror_shows_the_first_makes_no_second_slice(
    autojump_clock: Any,
) -> None:
    whole = WholeApi()
    service(whole)
    node(whole)
    pod(whole, 1)
    async with running(whole, EndpointSliceController):
        await trio.sleep(1)
        for number in range(2, 30):
            pod(whole, number)
            await trio.lowlevel.checkpoint()
        await trio.sleep(5)
        [slice_] = whole.api.list(SLICES)
        names = [one["targetRef"]["name"] for one in slice_["endpoints"]]
        assert sorted(names) == sorted(f"web-{number}" for number in range(1, 30))


async def test_slices_are_split_by_family_and_ports(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole, ipFamilies=["IPv4", "IPv6"])
    node(whole)
    pod(whole, 1)
    pod(whole, 2, port=9090)
    async with running(whole, EndpointSliceController):
        await trio.sleep(1)
        found = sorted(
            (one["addressType"], one["ports"][0]["port"], one["endpoints"][0]["addresses"][0])
            for one in whole.api.list(SLICES)
        )
        assert found == [
            ("IPv4", 8080, "10.0.0.1"),
            ("IPv4", 9090, "10.0.0.2"),
            ("IPv6", 8080, "fd00::1"),
            ("IPv6", 9090, "fd00::2"),
        ]


async def test_a_pod_of_an_unknown_node_waits_for_the_node(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole)
    pod(whole, 1)
    async with running(whole, EndpointSliceController):
        await trio.sleep(1)
        [slice_] = whole.api.list(SLICES)
        assert slice_["endpoints"] == []
        node(whole)
        await trio.sleep(1)
        [slice_] = whole.api.list(SLICES)
        assert len(slice_["endpoints"]) == 1


async def test_hints_follow_the_traffic_distribution(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole, trafficDistribution="PreferSameNode")
    node(whole)
    pod(whole, 1)
    async with running(whole, EndpointSliceController):
        await trio.sleep(1)
        [slice_] = whole.api.list(SLICES)
        assert slice_["endpoints"][0]["hints"] == {
            "forNodes": [{"name": "node"}],
            "forZones": [{"name": "here"}],
        }
