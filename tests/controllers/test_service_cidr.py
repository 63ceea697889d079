"""Ranges of Services' addresses get ready, and stay as long as they are needed."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from k8slite import sim
from k8slite.client.client import MERGE_PATCH
from k8slite.client.resource import IP_ADDRESSES, SERVICE_CIDRS, SERVICES
from k8slite.kinds.networking.service_ranges import holds_address, holds_range, overlap
from k8slite.objects.meta import find_condition
from tests.simulation.scenarios_networking import addressed, service_range

Json = dict[str, Any]

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
READY = ("True", "", "Kubernetes Service CIDR is ready")
HELD = (
    "False",
    "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new "
    "ServiceCIDR",
)


def cluster():
    return sim.cluster(nodes=0, scheduler=False)


def ranges(cluster):
    return {one["metadata"]["name"]: one for one in cluster.objects(SERVICE_CIDRS)}


def ready(cluster, name):
    conditions = ranges(cluster)[name].get("status", {}).get("conditions", ())
    found = find_condition(conditions, "Ready")
    return found and (found["status"], found["reason"], found["message"])


async def test_a_range_gets_ready_and_is_held(autojump_clock):
    async with cluster() as one:
        await one.client.create(SERVICE_CIDRS, service_range("r", "10.200.0.0/24", "fd00:1::/64"))
        await one.rest()
        for name in ("r", "kubernetes"):
            assert ready(one, name) == READY
            assert ranges(one)[name]["metadata"]["finalizers"] == [FINALIZER]


async def test_conditions_of_others_stay_and_its_own_comes_again(autojump_clock):
    async with cluster() as one:
        await one.client.create(SERVICE_CIDRS, service_range("r", "10.200.0.0/24"))
        await one.rest()
        other = {
            "type": "Mine",
            "status": "True",
            "reason": "R",
            "message": "",
            "lastTransitionTime": "2024-01-01T00:00:00Z",
        }
        patch = {"status": {"conditions": [other]}}
        await one.client.patch(
            SERVICE_CIDRS, "r", patch, subresource="status", patch_type=MERGE_PATCH
        )
        await one.rest()
        assert ready(one, "r") == READY
        assert other in ranges(one)["r"]["status"]["conditions"]


async def test_one_that_nothing_needs_goes_after_its_grace(autojump_clock):
    async with cluster() as one:
        await one.client.create(SERVICE_CIDRS, service_range("r", "10.200.0.0/24"))
        # An address of somebody else's is none of Services'.
        parent = {"group": "example.com", "resource": "widgets", "name": "w"}
        foreign = {"metadata": {"name": "10.200.0.9"}, "spec": {"parentRef": parent}}
        await one.client.create(IP_ADDRESSES, foreign)
        await one.rest()
        await one.client.delete(SERVICE_CIDRS, "r")
        await trio.sleep(8)
        assert ready(one, "r") == READY
        await trio.sleep(4)
        assert list(ranges(one)) == ["kubernetes"]


async def test_one_that_holds_an_address_stays_until_that_goes(autojump_clock):
    async with cluster() as one:
        await one.client.create(SERVICE_CIDRS, service_range("r", "10.200.0.0/24"))
        await one.client.create(SERVICE_CIDRS, service_range("part", "10.200.0.0/28"))
        await one.client.create(SERVICES, addressed("held", "10.200.0.23"), "default")
        await one.rest()
        await one.client.delete(SERVICE_CIDRS, "r")
        await one.rest()
        assert ready(one, "r") == HELD
        await one.client.delete(SERVICES, "held", "default")
        await one.rest()
        assert sorted(ranges(one)) == ["kubernetes", "part"]


@pytest.mark.parametrize("cidr", ["10.200.0.0/24", "10.200.0.0/16", "10.200.0.16/28"])
async def test_another_range_that_holds_the_address_lets_it_go(autojump_clock, cidr):
    async with cluster() as one:
        await one.client.create(SERVICE_CIDRS, service_range("r", "10.200.0.0/24"))
        await one.client.create(SERVICES, addressed("held", "10.200.0.23"), "default")
        await one.rest()
        await one.client.delete(SERVICE_CIDRS, "r")
        await one.rest()
        assert ready(one, "r") == HELD
        await one.client.create(SERVICE_CIDRS, service_range("other", cidr))
        await one.rest()
        assert sorted(ranges(one)) == ["kubernetes", "other"]


async def test_the_clusters_own_range_stays_while_there_are_services(autojump_clock):
    async with cluster() as one:
        await one.client.delete(SERVICE_CIDRS, "kubernetes")
        await one.rest()
        assert ready(one, "kubernetes") == HELD


def test_first_and_last_addresses_are_in_no_range():
    found = [holds_address(["10.0.0.0/24"], f"10.0.0.{last}") for last in (0, 1, 254, 255)]
    assert found == [False, True, True, False]
    assert not holds_address(["fd00::/64"], "fd00::")
    assert holds_address(["10.0.0.0/24", "fd00::/64"], "fd00::ffff:ffff:ffff:ffff")
    assert not holds_address(["fd00::/64"], "10.0.0.1")


def test_ranges_hold_ranges_of_their_family():
    assert holds_range(["10.0.0.0/16"], "10.0.3.0/24") and overlap(["10.0.0.0/16"], ["10.0.3.0/24"])
    assert not holds_range(["10.0.3.0/24"], "10.0.0.0/16")
    assert overlap(["10.0.3.0/24"], ["fd00::/64", "10.0.0.0/16"])
    assert not overlap(["10.0.0.0/16"], ["10.1.0.0/16", "::/0"])
