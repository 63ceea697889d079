"""Cluster IPs and their reservations are brought together again."""

from __future__ import annotations

import trio

from k8slite.client.resource import IP_ADDRESSES, SERVICES
from k8slite.controllers.networking.service_ip_repair import ServiceIpRepair
from tests.controllers.whole_api import RESOURCES, WholeApi, add, running

PARENT = {"resource": "services", "namespace": "ns", "name": "web"}


def world():
    return WholeApi((*RESOURCES, IP_ADDRESSES))


def service(whole, *ips):
    add(whole, SERVICES, "web", "ns", spec={"clusterIP": ips[0], "clusterIPs": list(ips)})


def address(whole, ip, **parent):
    add(whole, IP_ADDRESSES, ip, spec={"parentRef": {**PARENT, **parent}})


def addresses(whole):
    found = whole.api.list("/apis/networking.k8s.io/v1/ipaddresses")
    return [one["metadata"]["name"] for one in found]


async def test_an_address_without_its_service_goes_after_a_minute(autojump_clock):
    whole = world()
    address(whole, "10.96.0.7")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(55)
        assert addresses(whole) == ["10.96.0.7"]
        await trio.sleep(10)
        assert addresses(whole) == []
    (event,) = whole.events()
    assert event[2:] == (
        "IPAddressNotAllocated",
        "IPAddress: 10.96.0.7 for Service ns/web appears to have leaked: cleaning up",
    )


async def test_an_address_whose_service_comes_stays(autojump_clock):
    whole = world()
    address(whole, "10.96.0.7")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(30)
        service(whole, "10.96.0.7")
        await trio.sleep(300)
        assert addresses(whole) == ["10.96.0.7"]


async def test_a_service_with_another_address_does_not_hold_it(autojump_clock):
    whole = world()
    service(whole, "10.96.0.8")
    address(whole, "10.96.0.7")
    address(whole, "10.96.0.8")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(100)
        assert addresses(whole) == ["10.96.0.8"]


async def test_a_lost_reservation_is_made_again(autojump_clock):
    whole = world()
    service(whole, "10.96.0.7")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(1)
        assert addresses(whole) == ["10.96.0.7"]
        await whole.client().delete(IP_ADDRESSES, "10.96.0.7")
        await trio.sleep(1)
        found = whole.api.get("/apis/networking.k8s.io/v1/ipaddresses/10.96.0.7")
        assert found["spec"]["parentRef"] == PARENT
        await trio.sleep(100)
    reason, message = whole.events()[0][2:]
    assert reason == "ClusterIPNotAllocated"
    assert message == "Cluster IP [IPv4]: 10.96.0.7 is not allocated; repairing"


async def test_headless_services_and_other_owners_are_left_alone(autojump_clock):
    whole = world()
    service(whole, "None")
    address(whole, "10.96.0.9", resource="gateways", group="gateway.networking.k8s.io")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(100)
        assert addresses(whole) == ["10.96.0.9"]
        assert whole.events() == []
