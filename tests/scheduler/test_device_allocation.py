"""Which devices claims get: selectors, modes, alternatives, constraints, taints, places, pools."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8slite.kinds.core.models import Node
from k8slite.kinds.resource.models import (
    Allocation,
    DeviceClass,
    DeviceTaintRule,
    ResourceClaim,
    ResourceSlice,
)
from k8slite.objects.structure import structure
from k8slite.scheduler.devices import allocation as searching
from k8slite.scheduler.devices.allocation import TakesTooLong, UnfitPool, allocate
from k8slite.scheduler.devices.demands import BadClaim, NoClass, demands_of
from k8slite.scheduler.devices.in_use import DevicesInUse, held_by
from k8slite.scheduler.devices.pools import DeviceId, pools_of
from k8slite.scheduler.devices.results import allocation
from tests.scheduler.devices import (
    DRIVER,
    claim,
    device,
    device_class,
    request,
    resource_slice,
    wants,
)

Json = dict[str, Any]

NODE = {"metadata": {"name": "a", "labels": {"zone": "north"}}}
TWO = resource_slice("a", device("d0"), device("d1"))


def found(
    slices: Sequence[Json],
    *claims: Json,
    classes: Sequence[Json] = (),
    rules: Sequence[Json] = (),
    in_use: Sequence[str] = (),
    shares: dict[str, Json] | None = None,
    node: Json = NODE,
) -> list[Json] | None:
    """The allocation of each claim."""
    known = [structure(one, DeviceClass) for one in (*classes, device_class())]
    pools = pools_of(
        [structure(one, ResourceSlice) for one in slices],
        [structure(one, DeviceTaintRule) for one in rules],
    )
    demands = [
        demands_of(
            structure(one, ResourceClaim),
            lambda name: next((c for c in known if c.metadata.name == name), None),
        )
        for one in claims
    ]
    used = DevicesInUse()
    results = [
        {"driver": DRIVER, "pool": pool, "device": name, **(shares or {}).get(f"{pool}/{name}", {})}
        for pool, name in (one.split("/") for one in in_use)
    ]
    others = structure(claim("others"), ResourceClaim)
    used.give(others, {"devices": {"results": results}})
    taken = allocate(demands, structure(node, Node), pools, used)
    if taken is None:
        return None
    chance = random.Random(1)
    return [allocation(one.claim, some, chance) for one, some in zip(demands, taken, strict=True)]


def names(result: list[Json] | None) -> list[str] | None:
    """The devices of all claims, by their requests."""
    if result is None:
        return None
    return [
        f"{one['request']}={one['device']}" for each in result for one in each["devices"]["results"]
    ]


def test_a_free_device_of_the_class() -> None:
    result = found([TWO], claim("c"), in_use=["a/d0"])
    assert result == [
        {
            "devices": {
                "results": [{"request": "one", "driver": DRIVER, "pool": "a", "device": "d1"}]
            },
            "nodeSelector": {
                "nodeSelectorTerms": [
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}
                ]
            },
        }
    ]


def test_none_is_free() -> None:
    assert found([TWO], claim("c", request("one", count=2)), in_use=["a/d0"]) is None


def test_no_two_claims_get_one_device() -> None:
    assert names(found([TWO], claim("c"), claim("d"))) == ["one=d0", "one=d1"]
    assert found([TWO], claim("c"), claim("d"), claim("e")) is None


def test_the_class_and_the_request_must_both_select() -> None:
    there = resource_slice(
        "a",
        device("d0", attributes={"kind": "big", "cores": 4}),
        device("d1", attributes={"kind": "big", "cores": 8}),
        device("d2", attributes={"kind": "small", "cores": 8}),
    )
    domain = f'device.attributes["{DRIVER}"]'
    big = device_class("big", f'{domain}.kind == "big"')
    asked = request(
        "one",
        deviceClassName="big",
        selectors=[{"cel": {"expression": f"{domain}.cores >= 8"}}],
    )
    assert names(found([there], claim("c", asked), classes=[big])) == ["one=d1"]


def test_an_expression_that_fails_fails_the_claim() -> None:
    asked = request("one", selectors=[{"cel": {"expression": "device.attributes['x'].y == 1"}}])
    with pytest.raises(BadClaim, match=r"^claim default/c: selector #0 on device .*/a/d0: CEL"):
        found([TWO], claim("c", asked))


def test_a_class_that_does_not_exist() -> None:
    with pytest.raises(NoClass, match=r"^request one: device class none does not exist$"):
        found([TWO], claim("c", request("one", deviceClassName="none")))
    with pytest.raises(NoClass, match=r"^request one/x: device class none does not exist$"):
        found([TWO], claim("c", request("one", wants("x", deviceClassName="none"))))


def test_all_of_them() -> None:
    everything = claim("c", request("one", allocationMode="All"))
    assert names(found([TWO], everything)) == ["one=d0", "one=d1"]
    assert found([TWO], everything, in_use=["a/d0"]) is None
    assert found([resource_slice("a")], everything) is None  # at least one


def test_all_of_a_pool_that_is_being_updated_are_not_known() -> None:
    partly = resource_slice("a", device("d0"), count=2)
    assert found([partly], claim("c")) is None
    with pytest.raises(UnfitPool, match=r"pool gpu.example.com/a is currently being updated"):
        found([partly], claim("c", request("one", allocationMode="All")))


def test_the_newest_generation_counts() -> None:
    old = resource_slice("a", device("d0"), pool="p")
    new = resource_slice("b", device("d1"), pool="p", generation=2, nodeName="a")
    assert names(found([old, new], claim("c"))) == ["one=d1"]


def test_a_name_that_comes_twice_makes_a_pool_invalid() -> None:
    twice = resource_slice("a", device("d0"), device("d0"))
    with pytest.raises(UnfitPool, match=r"^invalid resource pools were encountered$"):
        found([twice], claim("c"))
    other = resource_slice("other", device("d0"), nodeName="a")
    assert names(found([twice, other], claim("c"))) == ["one=d0"]


def test_the_first_alternative_that_can_be_had() -> None:
    asked = request("one", wants("two", count=2), wants("single"))
    assert names(found([TWO], claim("c", asked))) == ["one/two=d0", "one/two=d1"]
    assert names(found([TWO], claim("c", asked), in_use=["a/d0"])) == ["one/single=d1"]


def test_an_alternative_is_given_up_for_a_later_request() -> None:
    asked = request("one", wants("two", count=2), wants("single"))
    result = found([TWO], claim("c", asked, request("other")))
    assert names(result) == ["one/single=d0", "other=d1"]


def test_admin_access_takes_what_others_have() -> None:
    asked = claim("c", request("one", adminAccess=True, allocationMode="All"))
    result = found([TWO], asked, in_use=["a/d0"])
    assert names(result) == ["one=d0", "one=d1"]
    assert result is not None
    assert all(one["adminAccess"] for one in result[0]["devices"]["results"])
    assert held_by(structure(result[0], Allocation)) == ()


SOCKETS = resource_slice(
    "a",
    device("d0", attributes={"socket": 0}),
    device("d1", attributes={"socket": 1}),
    device("d2", attributes={"socket": 1}),
    device("d3"),
)


def test_devices_must_be_alike() -> None:
    alike = [{"matchAttribute": f"{DRIVER}/socket"}]
    asked = claim("c", request("one", count=2), constraints=alike)
    assert names(found([SOCKETS], asked)) == ["one=d1", "one=d2"]
    assert found([SOCKETS], asked, in_use=["a/d2"]) is None


def test_devices_must_differ() -> None:
    unlike = [{"distinctAttribute": f"{DRIVER}/socket"}]
    asked = claim("c", request("one", count=2), constraints=unlike)
    assert names(found([SOCKETS], asked)) == ["one=d0", "one=d1"]
    assert found([SOCKETS], asked, in_use=["a/d0"]) is None


def test_a_constraint_of_some_requests_leaves_the_others_alone() -> None:
    alike = [{"requests": ["one", "two"], "matchAttribute": f"{DRIVER}/socket"}]
    asked = claim("c", request("one"), request("free"), request("two"), constraints=alike)
    assert names(found([SOCKETS], asked)) == ["one=d1", "free=d0", "two=d2"]


def test_all_that_cannot_be_alike_are_a_fault() -> None:
    alike = [{"matchAttribute": f"{DRIVER}/socket"}]
    asked = claim("c", request("one", allocationMode="All"), constraints=alike)
    with pytest.raises(BadClaim, match=r"because a claim constraint would not be satisfied$"):
        found([SOCKETS], asked)


def test_a_taint_must_be_borne() -> None:
    taint = {"key": "broken", "effect": "NoSchedule"}
    there = resource_slice("a", device("d0", taints=[taint]))
    assert found([there], claim("c")) is None
    bears = [{"key": "broken", "operator": "Exists"}]
    result = found([there], claim("c", request("one", tolerations=bears)))
    assert names(result) == ["one=d0"]
    assert result is not None
    assert result[0]["devices"]["results"][0]["tolerations"] == bears


def test_a_rule_taints_devices() -> None:
    rule = {
        "metadata": {"name": "r"},
        "spec": {
            "deviceSelector": {"driver": DRIVER, "device": "d0"},
            "taint": {"key": "sick", "effect": "NoExecute"},
        },
    }
    assert names(found([TWO], claim("c"), rules=[rule])) == ["one=d1"]


def north(**more: Any) -> Json:
    expression = {"key": "zone", "operator": "In", "values": ["north"]}
    return {"nodeSelectorTerms": [{"matchExpressions": [expression]}], **more}


def test_where_devices_can_be_had() -> None:
    there = resource_slice("net", device("d0"), nodeSelector=north())
    result = found([there], claim("c"))
    assert result is not None
    assert result[0]["nodeSelector"] == north()
    south = {"metadata": {"name": "b", "labels": {"zone": "south"}}}
    assert found([there], claim("c"), node=south) is None
    everywhere = resource_slice("net", device("d0"), allNodes=True)
    result = found([everywhere], claim("c"), node=south)
    assert result is not None
    assert "nodeSelector" not in result[0]


def test_each_device_may_say_where_it_is() -> None:
    there = resource_slice(
        "net",
        device("d0", nodeName="b"),
        device("d1", nodeSelector=north()),
        device("d2", allNodes=True),
        perDeviceNodeSelection=True,
    )
    result = found([there], claim("c", request("one", count=2)))
    assert names(result) == ["one=d1", "one=d2"]
    assert result is not None
    assert result[0]["nodeSelector"] == north()


def test_configuration_of_class_and_claim() -> None:
    def said(what: str) -> Json:
        return {"opaque": {"driver": DRIVER, "parameters": {"mode": what}}}

    classes = [
        device_class("gpu", config=[said("class")]),
        device_class("other", config=[said("other")]),
    ]
    asked = claim(
        "c",
        request("one"),
        request("two", deviceClassName="other"),
        config=[said("all"), {"requests": ["two"], **said("two")}, {"requests": ["no"]}],
    )
    result = found([TWO], asked, classes=classes)
    assert result is not None
    assert result[0]["devices"]["config"] == [
        {"source": "FromClass", "requests": ["one"], **said("class")},
        {"source": "FromClass", "requests": ["two"], **said("other")},
        {"source": "FromClaim", **said("all")},
        {"source": "FromClaim", "requests": ["two"], **said("two")},
    ]


def test_a_claim_has_32_devices_at_most() -> None:
    there = resource_slice("a", *(device(f"d{i}") for i in range(40)))
    assert found([there], claim("c", request("one", count=33))) is None
    result = found([there], claim("c", request("one", count=30), request("two", count=2)))
    assert result is not None
    assert len(result[0]["devices"]["results"]) == 32


def test_a_search_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "CHOICES_MOST", 1000)
    there = resource_slice("a", *(device(f"d{i}") for i in range(30)))
    asked = [claim(f"c{i}", request("one", count=3)) for i in range(11)]
    with pytest.raises(TakesTooLong, match=r"^timed out trying to allocate devices$"):
        found([there], *asked)


DEVICES = [device(f"d{i}", attributes={"socket": i % 2, "size": i % 3}) for i in range(6)]
DEMANDS = st.builds(
    lambda count, size, mode: {
        **({"count": count} if mode == "ExactCount" else {}),
        "allocationMode": mode,
        "selectors": (
            []
            if size is None
            else [{"cel": {"expression": f'device.attributes["{DRIVER}"].size == {size}'}}]
        ),
    },
    st.integers(1, 3),
    st.none() | st.integers(0, 2),
    st.sampled_from(["ExactCount", "ExactCount", "All"]),
)
REQUESTS = st.one_of(
    DEMANDS.map(lambda one: [wants(**one)]), st.lists(DEMANDS, min_size=1, max_size=2)
)
CONSTRAINTS = st.sampled_from(
    [[], [{"matchAttribute": f"{DRIVER}/socket"}], [{"distinctAttribute": f"{DRIVER}/size"}]]
)


@given(
    st.lists(
        st.tuples(st.lists(REQUESTS, min_size=1, max_size=2), CONSTRAINTS), min_size=1, max_size=4
    ),
    st.integers(1, 2),
)
def test_no_device_is_given_twice_and_all_is_as_asked(
    asked: list[tuple[list[list[Json]], list[Json]]], pools: int
) -> None:
    """One claim after the other, each with what those before it have left."""
    slices = [
        resource_slice(f"s{i}", *DEVICES[i * 3 : i * 3 + 6 // pools], nodeName="a")
        for i in range(pools)
    ]
    in_use = DevicesInUse()
    total = sum(len(one["spec"]["devices"]) for one in slices)
    given_out: list[DeviceId] = []
    for i, (requests, constraints) in enumerate(asked):
        made = claim(
            f"c{i}",
            *(
                request(f"r{j}", **alternatives[0])
                if len(alternatives) == 1
                else request(
                    f"r{j}",
                    *(
                        {**one, "name": f"x{k}", "deviceClassName": "gpu"}
                        for k, one in enumerate(alternatives)
                    ),
                )
                for j, alternatives in enumerate(requests)
            ),
            constraints=constraints,
        )
        made["metadata"]["uid"] = f"uid-{i}"
        read = structure(made, ResourceClaim)
        demands = demands_of(read, lambda _: structure(device_class(), DeviceClass))
        known = pools_of([structure(one, ResourceSlice) for one in slices], [])
        try:
            taken = allocate([demands], structure(NODE, Node), known, in_use)
        except BadClaim:
            assert constraints  # only they can make a demand for all of them a fault
            continue
        if taken is None:
            continue
        result = allocation(read, taken[0], random.Random(1))
        got = list(held_by(structure(result, Allocation)))
        assert len(set(got)) == len(got)
        assert not set(got) & set(given_out)
        given_out += got
        in_use.give(read, result)
        for one in taken[0]:
            assert one.demand.selects(one.device)
        for constraint in constraints:
            attribute = "socket" if "matchAttribute" in constraint else "size"
            values = [one.device.device.attributes[attribute]["int"] for one in taken[0]]
            distinct = len(set(values))
            assert distinct == (1 if attribute == "socket" else len(values))
        for requested in demands.requests:
            chosen = [one for one in taken[0] if one.demand in requested]
            assert len({id(one.demand) for one in chosen}) == 1
            said = chosen[0].demand.said
            assert said.allocation_mode == "All" or len(chosen) == said.count
    assert len(in_use) == len(given_out) <= total
