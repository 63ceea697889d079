"""What /metrics tells of levels of service, of users, of zones and of EndpointSlices."""

from __future__ import annotations

import trio

from k8slite.controllers.nodes.zone_disruption import Rates, Zones
from k8slite.objects.measures import exposition
from tests.apiserver.oracle_server import running
from tests.apiserver.test_metrics import MAPS, labelled, metrics
from tests.apiserver.test_webhooks import MUTATING, Hooks, hook, register

RESULTS = ("allowed", "no-opinion")
SERVICE = {"metadata": {"name": "web"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}}


async def test_what_webhooks_take_is_not_the_servers(autojump_clock: object) -> None:
    hooks = Hooks({"/a": lambda _request: {"sleep": 2}})
    async with running(controllers=False, webhooks=hooks) as server:
        await register(server, MUTATING, hook("a"))
        await server.create(MAPS, {"metadata": {"name": "m"}})
        found = await metrics(server)
        about = {"scope": "resource", "verb": "POST"}
        sums = (
            "apiserver_request_duration_seconds_sum",
            "apiserver_request_sli_duration_seconds_sum",
        )
        assert found[labelled(sums[0], dry_run="", **about)] >= 2
        assert found[labelled(sums[1], **about)] < 1


async def test_users_and_their_rights(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        before = await metrics(server)
        await server.ask("GET", MAPS)
        assert (await server.ask("GET", MAPS, user="joe@example.com")).status == 403
        found = await metrics(server)
        allowed, other = (f'authorization_attempts_total{{result="{one}"}}' for one in RESULTS)
        assert found[allowed] > before[allowed]
        assert found[other] == before.get(other, 0) + 1
        admin = 'authenticated_user_requests{username="admin"}'
        assert found[admin] == before[admin] + 3


async def test_slices(autojump_clock: object) -> None:
    async with running(controllers=("endpointslice",)) as server:
        await server.create("/api/v1/namespaces/default/services", SERVICE)
        await trio.sleep(5)
        found = await metrics(server)
        assert found['endpoint_slice_controller_changes{operation="create"}'] >= 1
        assert found['endpoint_slice_controller_syncs{result="success"}'] >= 1
        assert found["endpoint_slice_controller_num_endpoint_slices"] >= 1
        assert found["endpoint_slice_controller_desired_endpoint_slices"] >= 1
        assert found["endpoint_slice_controller_endpoints_desired"] == 0


def test_zones() -> None:
    zones = Zones(Rates())
    zones.look({"r:\x00:a": (3, 1), "": (0, 0)}, 0.0)
    assert zones.want("r:\x00:a", "n", 0.0)
    assert zones.take(100.0) == ["n"]
    text = exposition(zones.families())
    for line in (
        'evictions_total{zone="r:\x00:a"} 1',
        'zone_size{zone="r:\x00:a"} 4',
        'unhealthy_nodes_in_zone{zone="r:\x00:a"} 1',
        'zone_health{zone="r:\x00:a"} 75',
    ):
        assert f"node_collector_{line}" in text
