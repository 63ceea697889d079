"""Properties of subsets, slices and pod ranges."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from k8slite.controllers.networking.endpoint_subsets import Offer, count, repack, truncate
from k8slite.controllers.networking.slice_packing import endpoint_key, pack, port_key
from k8slite.controllers.nodes.node_ipam import CLUSTER_CIDR, CidrSet, NoRangeLeft

Json = dict[str, Any]


@st.composite
def offers(draw: st.DrawFn) -> list[Offer]:
    drawn = draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), st.booleans())))
    ready = {number: is_ready for number, _, is_ready in drawn}
    return [
        Offer(
            {"ip": f"10.0.0.{number}", "targetRef": {"uid": f"u{number}"}},
            {"port": 80 + port, "protocol": "TCP", "name": f"p{port}"},
            ready[number],
        )
        for number, port, _ in drawn
    ]


def said(subsets: list[Json]) -> set[tuple[str, int, bool]]:
    return {
        (address["ip"], port["port"], ready)
        for subset in subsets
        for key, ready in (("addresses", True), ("notReadyAddresses", False))
        for address in subset.get(key, ())
        for port in subset["ports"]
    }


@given(offers(), st.randoms(use_true_random=False))
def test_repacking_says_the_same_in_the_fewest_subsets(given_: list[Offer], chance: Any) -> None:
    subsets = repack(given_)
    assert said(subsets) == {
        (offer.address["ip"], offer.port["port"], offer.ready) for offer in given_ if offer.port
    }
    groups = [
        (
            [one["ip"] for one in subset.get("addresses", ())],
            [one["ip"] for one in subset.get("notReadyAddresses", ())],
        )
        for subset in subsets
    ]
    assert all(groups.count(group) == 1 for group in groups)
    assert all(address == sorted(address) for group in groups for address in group)
    shuffled = list(given_)
    chance.shuffle(shuffled)
    assert repack(shuffled) == subsets


@given(offers(), st.integers(0, 12))
def test_truncation_keeps_the_ready_ones(given_: list[Offer], capacity: int) -> None:
    subsets = repack(given_)
    total = count(subsets)
    ready = sum(len(subset.get("addresses", ())) for subset in subsets)
    shortened, truncated = truncate(subsets, capacity)
    assert truncated == (total > capacity)
    assert count(shortened) == min(total, capacity)
    kept_ready = sum(len(subset.get("addresses", ())) for subset in shortened)
    assert kept_ready == min(ready, capacity)
    assert said(shortened) <= said(subsets)


def endpoint(number: int, state: int) -> Json:
    return {
        "addresses": [f"10.0.0.{number}"],
        "conditions": {"ready": bool(state)},
        "targetRef": {"kind": "Pod", "namespace": "ns", "name": f"pod-{number}"},
    }


TEMPLATE: Json = {"metadata": {"labels": {"app": "a"}, "generateName": "a-"}, "ports": []}
STATES = st.dictionaries(st.integers(0, 40), st.integers(0, 1), max_size=30)


@settings(max_examples=100)
@given(st.lists(STATES, min_size=1, max_size=6), st.integers(1, 7))
def test_slices_hold_each_endpoint_once_and_rest_when_nothing_changes(
    rounds: list[dict[int, int]], most: int
) -> None:
    slices: dict[str, Json] = {}
    names = 0
    for wanted_states in rounds:
        found = [endpoint(number, state) for number, state in wanted_states.items()]
        wanted = {endpoint_key(one): one for one in found}
        plan = pack(list(slices.values()), wanted, TEMPLATE, most=most)
        for one in plan.update:
            assert slices[one["metadata"]["name"]] != one
            slices[one["metadata"]["name"]] = one
        for one in plan.delete:
            del slices[one["metadata"]["name"]]
        for one in plan.create:
            names += 1
            name = f"slice-{names}"
            slices[name] = {**one, "metadata": {**one["metadata"], "name": name}}
        held = [one for slice_ in slices.values() for one in slice_["endpoints"]]
        assert sorted(map(endpoint_key, held)) == sorted(wanted)
        assert all(wanted[endpoint_key(one)] == one for one in held)
        assert all(0 < len(slice_["endpoints"]) <= most for slice_ in slices.values())
        again = pack(list(slices.values()), wanted, TEMPLATE, most=most)
        assert not (again.create or again.update or again.delete)


def test_one_new_pod_costs_one_write() -> None:
    full = [endpoint(number, 1) for number in range(100)]
    room = [endpoint(number, 1) for number in range(100, 150)]
    slices = [
        {**TEMPLATE, "metadata": {**TEMPLATE["metadata"], "name": name}, "endpoints": held}
        for name, held in (("full", full), ("room", room))
    ]
    wanted = {endpoint_key(one): one for one in [*full, *room, endpoint(150, 1)]}
    plan = pack(slices, wanted, TEMPLATE)
    assert [one["metadata"]["name"] for one in plan.update] == ["room"]
    assert not plan.create
    assert not plan.delete


def test_ports_are_the_same_in_any_order() -> None:
    one = {"name": "a", "port": 1, "protocol": "TCP"}
    two = {"name": "b", "port": 2, "protocol": "UDP"}
    assert port_key([one, two]) == port_key([two, one])
    assert port_key([one]) != port_key([two])
    assert port_key(None) == port_key([])


@given(st.lists(st.one_of(st.none(), st.integers(0, 20)), max_size=60))
def test_no_range_is_given_twice(steps: list[int | None]) -> None:
    cidrs = CidrSet("10.244.0.0/20", 24)
    given_: list[str] = []
    for step in steps:
        if step is None:
            try:
                made = cidrs.take()
            except NoRangeLeft:
                assert len(given_) == cidrs.size == 16
                continue
            assert all(not ip_network(made).overlaps(ip_network(one)) for one in given_)
            assert ip_network(made).subnet_of(ip_network("10.244.0.0/20"))
            given_.append(made)
        elif given_:
            cidrs.release(given_.pop(step % len(given_)))
    assert len(cidrs) == len(given_)


def test_ranges_of_other_sizes_and_networks_are_respected() -> None:
    cidrs = CidrSet("10.244.0.0/22", 24)
    cidrs.occupy("10.244.0.0/23")
    cidrs.occupy("10.244.2.7/32")
    cidrs.occupy("192.168.0.0/24")
    cidrs.occupy("fd00::/64")
    assert cidrs.take() == "10.244.3.0/24"
    assert CidrSet("fd00::/56", 64).take() == "fd00::/64"


def test_the_default_range_is_the_usual_one_and_large() -> None:
    cidrs = CidrSet(CLUSTER_CIDR, 24)
    given_ = [cidrs.take() for _ in range(5000)]
    assert given_[0] == "10.244.0.0/24"
    assert len(set(given_)) == 5000
