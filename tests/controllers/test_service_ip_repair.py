"""Cluster IPs and their reservations are brought together again."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.resource import IP_ADDRESSES, SERVICE_CIDRS, SERVICES
from k8slite.controllers.networking.service_ip_repair import ServiceIpRepair
from tests.controllers.whole_api import RESOURCES, WholeApi, add, running

PARENT = {"resource": "services", "namespace": "ns", "name": "web"}


LABELS = {
    "ipaddress.kubernetes.io/ip-family": "IPv4",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
}


def world():
    whole = WholeApi((*RESOURCES, IP_ADDRESSES, SERVICE_CIDRS))
    add(whole, SERVICE_CIDRS, "kubernetes", spec={"cidrs": ["10.96.0.0/16"]})
    return whole


def service(whole, *ips, name="web"):
    add(whole, SERVICES, name, "ns", spec={"clusterIP": ips[0], "clusterIPs": list(ips)})


def address(whole, ip, labels=LABELS, **parent):
    spec = {"parentRef": {**PARENT, **parent}}
    add(whole, IP_ADDRESSES, ip, metadata={"labels": labels}, spec=spec)


def found(whole, ip):
    return whole.api.get(f"/apis/networking.k8s.io/v1/ipaddresses/{ip}")


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
        await trio.sleep(65)
        assert addresses(whole) == ["10.96.0.8"]
    text = "IPAddress: 10.96.0.7 for Service ns/web has a wrong reference; cleaning up"
    assert whole.events()[0][2:] == ("IPAddressWrongReference", text)


async def test_an_address_that_a_service_is_about_to_get_stays(autojump_clock):
    """As where it was of another type, and the reservation is seen before the change."""
    whole = world()
    add(whole, SERVICES, "web", "ns", spec={"type": "ExternalName"})
    address(whole, "10.96.0.7")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(30)
        assert addresses(whole) == ["10.96.0.7"]
        spec = {"type": "ClusterIP", "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"]}
        await whole.client().patch(SERVICES, "web", {"spec": spec}, "ns")
        await trio.sleep(300)
        assert addresses(whole) == ["10.96.0.7"]
    assert whole.events() == []


async def test_a_lost_reservation_is_made_again(autojump_clock):
    whole = world()
    service(whole, "10.96.0.7")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(1)
        assert addresses(whole) == ["10.96.0.7"]
        await whole.client().delete(IP_ADDRESSES, "10.96.0.7")
        await trio.sleep(1)
        assert found(whole, "10.96.0.7")["spec"]["parentRef"] == PARENT
        await trio.sleep(100)
    reason, message = whole.events()[0][2:]
    assert reason == "ClusterIPNotAllocated"
    assert message == "Cluster IP [IPv4]: 10.96.0.7 is not allocated; repairing"


async def test_headless_services_and_other_owners_are_left_alone(autojump_clock):
    whole = world()
    service(whole, "None")
    address(whole, "10.96.0.9", {}, resource="gateways", group="gateway.networking.k8s.io")
    address(whole, "10.96.0.10", {}, name="gone")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(100)
        assert addresses(whole) == ["10.96.0.10", "10.96.0.9"]
        assert whole.events() == []


async def test_one_that_was_changed_to_be_of_something_else_goes(autojump_clock):
    whole = world()
    address(whole, "10.96.0.9", resource="widgets", group="example.com", name="w")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(1)
        assert addresses(whole) == []
    text = (
        "IPAddress 10.96.0.9 appears to have been modified, not referencing a Service "
        "{example.com widgets ns w}: cleaning up"
    )
    assert whole.events()[0][2:] == ("IPAddressNotAllocated", text)


@pytest.mark.parametrize("parent", [{"name": "gone"}, {"resource": "gateways", "group": "g.io"}])
async def test_a_reservation_for_somebody_who_has_it_not_is_made_anew(parent, autojump_clock):
    whole = world()
    service(whole, "10.96.0.7")
    address(whole, "10.96.0.7", {}, **parent)
    async with running(whole, ServiceIpRepair):
        await trio.sleep(1)
        assert found(whole, "10.96.0.7")["spec"]["parentRef"] == PARENT
        assert found(whole, "10.96.0.7")["metadata"]["labels"] == LABELS
    text = "the ClusterIP [IPv4]: 10.96.0.7 for Service ns/web has a wrong reference; repairing"
    assert whole.events()[0][2:] == ("ClusterIPNotAllocated", text)


async def test_labels_that_are_missing_come_again(autojump_clock):
    whole = world()
    service(whole, "10.96.0.7")
    address(whole, "10.96.0.7", {})
    async with running(whole, ServiceIpRepair):
        await trio.sleep(1)
        assert found(whole, "10.96.0.7")["metadata"]["labels"] == LABELS
        assert whole.events() == []


async def test_two_services_with_one_address_are_told_of(autojump_clock):
    whole = world()
    service(whole, "10.96.0.7")
    service(whole, "10.96.0.7", name="other")
    address(whole, "10.96.0.7")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(100)
        assert found(whole, "10.96.0.7")["spec"]["parentRef"] == PARENT
    text = "Cluster IP [IPv4]:10.96.0.7 was assigned to multiple services; please recreate service"
    assert whole.events() == [("other", "Warning", "ClusterIPAlreadyAllocated", text)]


async def test_an_address_out_of_all_ranges_is_reserved_when_one_comes(autojump_clock):
    whole = world()
    service(whole, "10.200.0.7")
    async with running(whole, ServiceIpRepair):
        await trio.sleep(1)
        assert addresses(whole) == []
        range_of_user = {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.200.0.0/24"]}}
        await whole.client().create(SERVICE_CIDRS, range_of_user)
        await trio.sleep(1)
        assert addresses(whole) == ["10.200.0.7"]
    text = (
        "Cluster IP [IPv4]: 10.200.0.7 is not within any configured Service CIDR; please recreate "
        "service"
    )
    assert whole.events()[0][2:] == ("ClusterIPOutOfRange", text)
