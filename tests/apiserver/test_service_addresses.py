"""Cluster IPs come out of all ServiceCIDRs that are ready."""

from __future__ import annotations

import random
from ipaddress import ip_address, ip_network
from itertools import islice
from typing import Any

import pytest

from k8slite.kinds.networking.service_ranges import addresses_in_turn
from tests.apiserver.oracle_server import Json, Server, running
from tests.apiserver.test_services import MERGE, SERVICES, addresses, make, service

RANGES = "/apis/networking.k8s.io/v1/servicecidrs"


async def add_range(server: Server, name: str, *cidrs: str) -> None:
    body = {"metadata": {"name": name}, "spec": {"cidrs": list(cidrs)}}
    await server.create(RANGES, body)


async def say_ready(server: Server, name: str, status: str) -> None:
    condition = {
        "type": "Ready",
        "status": status,
        "reason": "R",
        "message": "",
        "lastTransitionTime": "2024-01-01T00:00:00Z",
    }
    body = {"status": {"conditions": [condition]}}
    answer = await server.ask("PATCH", f"{RANGES}/{name}/status", body, MERGE)
    assert answer.status == 200, answer.body


async def refusal(server: Server, **spec: Any) -> tuple[int, str]:
    answer = await server.ask("POST", SERVICES, service("refused", **spec))
    assert answer.status >= 400, answer.body
    return answer.status, answer.json["message"]


async def test_a_range_that_a_user_adds_gives_addresses(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        nowhere = (
            'Service "refused" is invalid: spec.clusterIPs: Invalid value: ["10.200.0.7"]: failed '
            "to allocate IP 10.200.0.7: the provided network does not match the current range"
        )
        assert await refusal(server, clusterIP="10.200.0.7") == (422, nowhere)
        await add_range(server, "more", "10.200.0.0/24", "fd00:1::/64")
        assert (await make(server, "a", clusterIP="10.200.0.7"))["clusterIPs"] == ["10.200.0.7"]
        found = await server.get("/apis/networking.k8s.io/v1/ipaddresses/10.200.0.7")
        assert found["spec"]["parentRef"]["name"] == "a"
        for end in ("10.200.0.0", "10.200.0.255"):
            assert (await refusal(server, clusterIP=end))[0] == 422
        # The cluster has one family, whatever ranges there are.
        assert "not configured" in (await refusal(server, clusterIP="fd00:1::7"))[1]


async def test_one_that_is_not_ready_gives_none(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await add_range(server, "more", "10.200.0.0/24")
        await say_ready(server, "more", "False")
        assert (await refusal(server, clusterIP="10.200.0.7"))[0] == 422
        # Another one with the same range is enough.
        await add_range(server, "same", "10.200.0.0/24")
        await make(server, "a", clusterIP="10.200.0.7")
        await say_ready(server, "more", "True")
        await make(server, "b", clusterIP="10.200.0.8")


async def test_one_that_goes_gives_none(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await add_range(server, "more", "10.200.0.0/24")
        held = {"metadata": {"finalizers": ["example.com/held"]}}
        await server.ask("PATCH", f"{RANGES}/more", held, MERGE)
        await make(server, "a", clusterIP="10.200.0.7")
        await server.ask("DELETE", f"{RANGES}/more")
        assert (await refusal(server, clusterIP="10.200.0.8"))[0] == 422
        await server.ask("DELETE", f"{SERVICES}/a")
        assert await addresses(server) == set()


async def test_when_one_is_full_the_next_one_gives(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await add_range(server, "little", "10.200.0.0/30")
        await add_range(server, "part", "10.200.0.0/31")
        await say_ready(server, "kubernetes", "False")
        given = {(await make(server, f"s{number}"))["clusterIP"] for number in range(2)}
        assert given == {"10.200.0.1", "10.200.0.2"}
        full = "Internal error occurred: failed to allocate a serviceIP: range is full"
        assert await refusal(server) == (500, full)
        await add_range(server, "large", "10.200.0.0/29")
        more = {(await make(server, f"t{number}"))["clusterIP"] for number in range(4)}
        assert more == {f"10.200.0.{last}" for last in (3, 4, 5, 6)}
        assert (await refusal(server))[0] == 500


async def test_a_dry_run_asks_the_ranges_only(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await make(server, "a", clusterIP="10.96.7.7")
        dry = f"{SERVICES}?dryRun=All"
        taken = await server.ask("POST", dry, service("b", clusterIP="10.96.7.7"))
        assert taken.status == 201
        out = await server.ask("POST", dry, service("b", clusterIP="10.200.0.1"))
        assert out.json["message"].endswith(
            "the provided IP (10.200.0.1) is not in the valid range. "
            "The range of valid IPs is 10.96.0.0/16"
        )


@pytest.mark.parametrize(
    ("cidr", "lower"),
    [("10.0.0.0/28", 0), ("10.0.0.0/27", 16), ("10.0.0.0/22", 64), ("10.0.0.0/16", 256)],
)
def test_the_lower_part_comes_last(cidr: str, lower: int) -> None:
    found = [ip_address(one) for one in addresses_in_turn(cidr, random.Random(1))]
    network = ip_network(cidr)
    assert set(found) == set(network.hosts())
    first = network[1]
    assert {int(one) - int(first) for one in found[len(found) - lower :]} == set(range(lower))
    starts = {next(addresses_in_turn(cidr, random.Random(seed))) for seed in range(9)}
    assert len(starts) > 3


@pytest.mark.parametrize("cidr", ["10.0.0.0/32", "255.255.255.255/32", "10.0.0.0/31"])
def test_a_range_may_have_no_address(cidr: str) -> None:
    assert list(addresses_in_turn(cidr, random.Random(1))) == []


def test_ranges_of_the_other_family_are_not_gone_through() -> None:
    found: list[Json | str] = list(islice(addresses_in_turn("fd00::/64", random.Random(1)), 3))
    assert len(found) == 3 and all(ip_address(one) in ip_network("fd00::/64") for one in found)
