"""Devices that share: counters of their pool, or one device's capacity among claims."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scheduler.devices import claim, device, request, resource_slice
from tests.scheduler.test_device_allocation import Json, found, names

PARTITIONS = resource_slice(
    "a",
    *(
        device(name, consumesCounters=[{"counterSet": "card", "counters": {"mem": {"value": mem}}}])
        for name, mem in (("whole", "40Gi"), ("half-0", "20Gi"), ("half-1", "20Gi"))
    ),
    count=2,
)
COUNTERS = resource_slice(
    "counters",
    pool="a",
    nodeName="a",
    count=2,
    sharedCounters=[{"name": "card", "counters": {"mem": {"value": "40Gi"}}}],
)


def test_partitions_share_counters() -> None:
    slices = [PARTITIONS, COUNTERS]
    assert names(found(slices, claim("c"))) == ["one=whole"]
    assert names(found(slices, claim("c"), in_use=["a/half-1"])) == ["one=half-0"]
    assert found(slices, claim("c"), in_use=["a/whole"]) is None
    assert found(slices, claim("c"), in_use=["a/half-0", "a/half-1"]) is None
    # The search turns back from the whole, which leaves nothing for the other.
    two = claim("c", request("x", count=1), request("y"))
    assert names(found(slices, two)) == ["x=half-0", "y=half-1"]
    assert found(slices, claim("c", request("x", count=3))) is None


def shared(name: str, **capacity: Any) -> Json:
    return device(name, allowMultipleAllocations=True, capacity=capacity)


def consumed(result: list[Json] | None) -> list[Json]:
    assert result is not None
    results = [one for each in result for one in each["devices"]["results"]]
    assert len({one["shareID"] for one in results}) == len(results)
    return [one["consumedCapacity"] for one in results]


def test_claims_share_a_devices_capacity() -> None:
    nic = resource_slice("a", shared("nic", bandwidth={"value": "10Gi"}))
    four = claim("c", request("x", capacity={"requests": {"bandwidth": "4Gi"}}))
    assert consumed(found([nic], four)) == [{"bandwidth": "4Gi"}]
    assert consumed(found([nic], four, four)) == [{"bandwidth": "4Gi"}, {"bandwidth": "4Gi"}]
    assert found([nic], four, four, four) is None
    share = {"a/nic": {"shareID": "s", "consumedCapacity": {"bandwidth": "7Gi"}}}
    assert found([nic], four, in_use=["a/nic"], shares=share) is None
    # Who says nothing takes all of it; who asks for what it has not gets nothing.
    assert consumed(found([nic], claim("c"))) == [{"bandwidth": "10Gi"}]
    assert found([nic], claim("c"), in_use=["a/nic"], shares=share) is None
    other = claim("c", request("x", capacity={"requests": {"memory": "1"}}))
    assert found([nic], other) is None
    # Two devices for one request are two.
    assert found([nic], claim("c", request("x", count=2))) is None


@pytest.mark.parametrize(
    ("policy", "asked", "taken"),
    [
        ({"default": "1Gi"}, None, "1Gi"),
        ({"default": "1Gi", "validValues": ["1Gi", "2Gi", "8Gi"]}, "3Gi", "8Gi"),
        ({"default": "1Gi", "validValues": ["1Gi", "2Gi"]}, "3Gi", None),
        ({"default": "1Gi", "validRange": {"min": "1Gi", "step": "2Gi"}}, "2Gi", "3Gi"),
        ({"default": "1Gi", "validRange": {"min": "2Gi", "max": "4Gi"}}, "1Gi", "2Gi"),
        ({"default": "2Gi", "validRange": {"min": "2Gi", "max": "4Gi"}}, "5Gi", None),
        ({}, "1536Mi", "1536Mi"),
    ],
)
def test_a_request_is_rounded_by_the_capacitys_rules(
    policy: Json, asked: str | None, taken: str | None
) -> None:
    nic = resource_slice("a", shared("nic", bw={"value": "10Gi", "requestPolicy": policy}))
    capacity = {"capacity": {"requests": {"bw": asked}}} if asked else {}
    result = found([nic], claim("c", request("x", **capacity)))
    assert (consumed(result) if result else None) == ([{"bw": taken}] if taken else None)


def test_a_device_of_ones_own_has_to_be_large_enough() -> None:
    cards = resource_slice(
        "a",
        device("small", capacity={"memory": {"value": "10Gi"}}),
        device("large", capacity={"memory": {"value": "80Gi"}}),
    )
    wanted = claim("c", request("x", capacity={"requests": {"memory": "40Gi"}}))
    assert names(found([cards], wanted)) == ["x=large"]
