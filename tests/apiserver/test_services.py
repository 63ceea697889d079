"""Services: each cluster IP and each node port has one owner, and is free again afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.oracle_server import Answer, Json, Server, running

SERVICES = "/api/v1/namespaces/default/services"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
MERGE = "application/merge-patch+json"


def service(name: str, **spec: Any) -> Json:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def make(server: Server, name: str, **spec: Any) -> Json:
    made: Json = await server.create(SERVICES, service(name, **spec))
    return made["spec"]


async def patch(server: Server, name: str, spec: Json) -> Answer:
    return await server.ask("PATCH", f"{SERVICES}/{name}", {"spec": spec}, MERGE)


async def addresses(server: Server) -> set[str]:
    items = (await server.get(ADDRESSES))["items"]
    return {item["metadata"]["name"] for item in items} - {"10.96.0.1"}


async def test_addresses_are_unique_and_released(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        made = [await make(server, f"s{number}") for number in range(20)]
        given = {spec["clusterIP"] for spec in made}
        assert len(given) == 20
        assert await addresses(server) == given
        for number in range(20):
            await server.ask("DELETE", f"{SERVICES}/s{number}")
        assert await addresses(server) == set()


async def test_an_address_may_be_asked_for(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        assert (await make(server, "a", clusterIP="10.96.7.7"))["clusterIPs"] == ["10.96.7.7"]
        taken = await server.ask("POST", SERVICES, service("b", clusterIP="10.96.7.7"))
        assert taken.status == 422
        assert "provided IP is already allocated" in taken.json["message"]
        await server.ask("DELETE", f"{SERVICES}/a")
        assert (await make(server, "b", clusterIP="10.96.7.7"))["clusterIP"] == "10.96.7.7"
        fixed = await patch(server, "b", {"clusterIP": "10.96.7.8", "clusterIPs": ["10.96.7.8"]})
        assert fixed.status == 422
        assert "may not change once set" in fixed.json["message"]


async def test_a_dry_run_and_a_refusal_take_nothing(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        body = service("a", type="NodePort", clusterIP="10.96.7.7")
        body["spec"]["ports"][0]["nodePort"] = 30080
        dry = await server.ask("POST", f"{SERVICES}?dryRun=All", body)
        assert (dry.status, dry.json["spec"]["clusterIP"]) == (201, "10.96.7.7")
        await make(server, "b", type="NodePort", ports=[{"port": 80, "nodePort": 30081}])
        body["spec"]["ports"][0]["nodePort"] = 30081
        refused = await server.ask("POST", SERVICES, body)
        assert refused.status == 422
        assert "provided port is already allocated" in refused.json["message"]
        body["spec"]["ports"][0]["nodePort"] = 30080
        assert (await server.ask("POST", SERVICES, body)).status == 201


async def test_node_ports(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        ports = [
            {"name": "a", "port": 80},
            {"name": "b", "port": 81},
            {"name": "c", "port": 82, "nodePort": 30000},
        ]
        spec = await make(server, "a", type="NodePort", ports=ports)
        given = [port["nodePort"] for port in spec["ports"]]
        assert len(set(given)) == 3
        assert all(30000 <= port < 32768 for port in given)
        out = service("b", type="NodePort", ports=[{"port": 80, "nodePort": 5}])
        refused = await server.ask("POST", SERVICES, out)
        assert refused.status == 422
        assert "provided port is not in the valid range" in refused.json["message"]
        # A number is one Service's, whatever the protocol.
        udp = [{"port": 80, "nodePort": 30000, "protocol": "UDP"}]
        refused = await server.ask("POST", SERVICES, service("c", type="NodePort", ports=udp))
        assert "provided port is already allocated" in refused.json["message"]
        # Without a wish it comes from the upper part.
        assert all(port >= 30086 for port in given[:2])


async def test_protocols_of_one_port_share_a_node_port(autojump_clock: object) -> None:
    both = [
        {"name": "u", "port": 53, "protocol": "UDP"},
        {"name": "t", "port": 53, "protocol": "TCP", "nodePort": 30053},
        {"name": "w", "port": 80},
    ]
    async with running(controllers=False) as server:
        made = await make(server, "a", type="NodePort", ports=both)
        numbers = [port["nodePort"] for port in made["ports"]]
        assert numbers[:2] == [30053, 30053]
        assert numbers[2] != 30053
        more = [*made["ports"], {"name": "x", "port": 53, "protocol": "SCTP"}]
        changed = await patch(server, "a", {"ports": more})
        assert changed.json["spec"]["ports"][3]["nodePort"] not in numbers


async def test_balancers_may_do_without_node_ports(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        made = await make(server, "a", type="LoadBalancer", allocateLoadBalancerNodePorts=False)
        assert "nodePort" not in made["ports"][0]
        ports = [{"port": 80, "nodePort": 30080}]
        asked = await make(
            server, "b", type="LoadBalancer", allocateLoadBalancerNodePorts=False, ports=ports
        )
        assert asked["ports"][0]["nodePort"] == 30080
        wanted = await patch(server, "a", {"allocateLoadBalancerNodePorts": True})
        assert wanted.json["spec"]["ports"][0]["nodePort"] >= 30086


async def test_a_local_balancer_gets_a_port_for_health_checks(autojump_clock: object) -> None:
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    async with running(controllers=False) as server:
        made = await make(server, "a", **local)
        number = made["healthCheckNodePort"]
        assert number >= 30086 and number != made["ports"][0]["nodePort"]
        taken = await server.ask(
            "POST", SERVICES, service("b", **local, healthCheckNodePort=number)
        )
        assert taken.status == 500
        assert taken.json["message"] == (
            "Internal error occurred: failed to allocate requested HealthCheck NodePort "
            f"{number}: provided port is already allocated"
        )
        gone = await patch(server, "a", {"externalTrafficPolicy": "Cluster"})
        assert "healthCheckNodePort" not in gone.json["spec"]
        assert (await make(server, "b", **local, healthCheckNodePort=number))[
            "healthCheckNodePort"
        ] == number
        again = await patch(server, "a", {"externalTrafficPolicy": "Local"})
        assert again.json["spec"]["healthCheckNodePort"] not in (0, number)


async def test_a_dry_run_shows_what_is_nobodys(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        dry = await server.ask("POST", f"{SERVICES}?dryRun=All", service("a", type="NodePort"))
        spec = dry.json["spec"]
        assert (spec["clusterIP"], spec["ports"][0]["nodePort"]) == ("10.96.0.0", 32769)


async def test_a_change_of_type_takes_and_releases(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await make(server, "a", type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
        inside = await patch(server, "a", {"type": "ClusterIP"})
        assert "nodePort" not in inside.json["spec"]["ports"][0]
        await make(server, "b", type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
        away = await patch(server, "b", {"type": "ExternalName", "externalName": "a.example.com"})
        assert away.status == 200, away.body
        assert "clusterIP" not in away.json["spec"]
        assert "ipFamilies" not in away.json["spec"]
        back = await patch(server, "b", {"type": "ClusterIP", "externalName": None})
        assert back.json["spec"]["clusterIP"].startswith("10.96.")
        assert len(await addresses(server)) == 2


async def test_what_is_empty_is_not_there(autojump_clock: object) -> None:
    empty = {"clusterIP": "", "externalName": "", "externalTrafficPolicy": "", "loadBalancerIP": ""}
    async with running(controllers=False) as server:
        made = await make(server, "a", **empty)
        assert made.keys() == (await make(server, "b")).keys()
        assert made["clusterIP"].startswith("10.96.")
        assert "externalName" not in made and "loadBalancerIP" not in made
        await patch(server, "a", {"type": "ExternalName", "externalName": "a.example.com"})
        back = await patch(server, "a", {"type": "ClusterIP", "externalName": ""})
        assert back.status == 200, back.body
        assert "externalName" not in back.json["spec"]
        balanced = await make(server, "c", type="LoadBalancer", externalTrafficPolicy="")
        assert balanced["externalTrafficPolicy"] == "Cluster"


async def test_headless_services_have_no_address(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        spec = await make(server, "a", clusterIP="None", selector={"a": "b"})
        assert (spec["clusterIPs"], spec["ipFamilyPolicy"]) == (["None"], "SingleStack")
        free = await make(server, "b", clusterIP="None")
        assert (free["ipFamilies"], free["ipFamilyPolicy"]) == (
            ["IPv4", "IPv6"],
            "RequireDualStack",
        )
        assert await addresses(server) == set()


async def test_a_replacement_may_leave_out_what_was_allocated(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        spec = await make(server, "a", type="NodePort")
        answer = await server.ask("PUT", f"{SERVICES}/a", service("a", type="NodePort"))
        assert answer.status == 200, answer.body
        assert answer.json["spec"] == spec


@pytest.mark.parametrize("spec", [{"ipFamilyPolicy": "RequireDualStack"}, {"ipFamilies": ["IPv6"]}])
async def test_there_is_one_family(spec: Json, autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("POST", SERVICES, service("a", **spec))
        assert answer.status == 422
        assert "configured" in answer.json["message"]
