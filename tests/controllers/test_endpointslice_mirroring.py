"""Endpoints that others write are found as EndpointSlices too."""

from __future__ import annotations

from typing import Any

import trio

from k8slite.client.resource import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from k8slite.controllers.networking.endpointslice_mirroring import EndpointSliceMirroringController
from tests.controllers.whole_api import WholeApi, add, running

Json = dict[str, Any]

SLICES = "/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices"
PORTS = [{"name": "http", "port": 80, "protocol": "TCP"}]


def service(whole: WholeApi, **spec: Any) -> Json:
    return add(whole, SERVICES, "web", "ns", spec={"ports": [{"port": 80}], **spec})


def endpoints(whole: WholeApi, *subsets: Json, **metadata: Any) -> Json:
    return add(whole, ENDPOINTS, "web", "ns", subsets=list(subsets), metadata=metadata)


def subset(*ips: str, not_ready: tuple[str, ...] = (), ports: Any = PORTS) -> Json:
    return {
        "addresses": [{"ip": ip} for ip in ips],
        "notReadyAddresses": [{"ip": ip} for ip in not_ready],
        "ports": ports,
    }


def slices(whole: WholeApi) -> list[Json]:
    return sorted(whole.api.list(SLICES), key=lambda one: str(one["addressType"]))


async def test_a_slice_says_what_the_endpoints_say(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole)
    made = endpoints(
        whole,
        subset("10.0.0.1", not_ready=("10.0.0.2",)),
        labels={"own": "label"},
        annotations={
            "own": "note",
            "endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z",
        },
    )
    async with running(whole, EndpointSliceMirroringController):
        await trio.sleep(1)
        (found,) = slices(whole)
        assert found["metadata"]["labels"] == {
            "own": "label",
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        }
        assert found["metadata"]["annotations"] == {"own": "note"}
        assert found["metadata"]["name"].startswith("web-")
        (owner,) = found["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Endpoints", made["metadata"]["uid"])
        assert (found["addressType"], found["ports"]) == ("IPv4", PORTS)
        assert found["endpoints"] == [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": True}},
            {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
        ]


async def test_changes_are_followed_in_the_same_slice(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole)
    made = endpoints(whole, subset("10.0.0.1"))
    async with running(whole, EndpointSliceMirroringController):
        await trio.sleep(1)
        (before,) = slices(whole)
        await whole.client().update(ENDPOINTS, {**made, "subsets": [subset("10.0.0.3")]})
        await trio.sleep(1)
        (after,) = slices(whole)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert [one["addresses"] for one in after["endpoints"]] == [["10.0.0.3"]]
        found = whole.api.get("/api/v1/namespaces/ns/endpoints/web")
        assert found is not None
        found["metadata"]["annotations"] = {"new": "note"}
        await whole.client().update(ENDPOINTS, found)
        await trio.sleep(1)
        (after,) = slices(whole)
        assert after["metadata"]["annotations"] == {"new": "note"}


async def test_each_family_and_list_of_ports_has_a_slice(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole)
    other = [{"name": "https", "port": 443, "protocol": "TCP"}]
    endpoints(whole, subset("10.0.0.1", "fd00::1"), subset("10.0.0.1", ports=other))
    async with running(whole, EndpointSliceMirroringController):
        await trio.sleep(1)
        found = [(one["addressType"], one["ports"][0]["name"]) for one in slices(whole)]
        assert sorted(found) == [("IPv4", "http"), ("IPv4", "https"), ("IPv6", "http")]


async def test_a_slice_that_is_changed_or_deleted_comes_back(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole)
    endpoints(whole, subset("10.0.0.1"))
    async with running(whole, EndpointSliceMirroringController):
        await trio.sleep(1)
        (found,) = slices(whole)
        await whole.client().update(ENDPOINT_SLICES, {**found, "endpoints": []})
        await trio.sleep(1)
        (found,) = slices(whole)
        assert len(found["endpoints"]) == 1
        await whole.client().delete(ENDPOINT_SLICES, found["metadata"]["name"], "ns")
        await trio.sleep(1)
        assert len(slices(whole)) == 1


async def test_what_is_not_to_be_mirrored_has_no_slices(autojump_clock: Any) -> None:
    for labels, notes, spec in (
        ({"endpointslice.kubernetes.io/skip-mirror": "true"}, {}, {}),
        ({}, {"control-plane.alpha.kubernetes.io/leader": "{}"}, {}),
        ({}, {}, {"selector": {"app": "web"}}),
    ):
        whole = WholeApi()
        service(whole, **spec)
        endpoints(whole, subset("10.0.0.1"), labels=labels, annotations=notes)
        async with running(whole, EndpointSliceMirroringController):
            await trio.sleep(1)
            assert slices(whole) == []


async def test_slices_go_with_the_service_or_the_endpoints(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole)
    endpoints(whole, subset("10.0.0.1"))
    async with running(whole, EndpointSliceMirroringController):
        await trio.sleep(1)
        assert len(slices(whole)) == 1
        await whole.client().delete(SERVICES, "web", "ns")
        await trio.sleep(1)
        assert slices(whole) == []
        service(whole)
        await trio.sleep(1)
        assert len(slices(whole)) == 1
        await whole.client().delete(ENDPOINTS, "web", "ns")
        await trio.sleep(1)
        assert slices(whole) == []


async def test_too_many_addresses_are_cut_and_told(autojump_clock: Any) -> None:
    whole = WholeApi()
    service(whole)
    ips = [f"10.0.{number // 250}.{number % 250}" for number in range(1003)]
    endpoints(whole, subset(*ips))
    async with running(whole, EndpointSliceMirroringController):
        await trio.sleep(1)
        (found,) = slices(whole)
        assert len(found["endpoints"]) == 1000
        assert whole.events() == [
            (
                "web",
                "Warning",
                "TooManyAddressesToMirror",
                "A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. "
                "3 addresses were skipped",
            )
        ]
