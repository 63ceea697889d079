"""What /metrics and the health checks tell, under upstream's names."""

from __future__ import annotations

import trio

from tests.apiserver.oracle_server import Server, running

MAPS = "/api/v1/namespaces/default/configmaps"
CONFIG_MAPS = '{group="",resource="configmaps",version="v1"}'


async def metrics(server: Server) -> dict[str, float]:
    """Every sample by its name with its labels."""
    text = (await server.ask("GET", "/metrics")).body.decode()
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_watches_are_counted_while_they_are_open(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        long = '{group="",resource="configmaps",verb="WATCH",version="v1"}'
        name = f"apiserver_longrunning_requests{long}"
        before = (await metrics(server)).get(name, 0)
        watching = await server.watch(MAPS)
        await server.create(MAPS, {"metadata": {"name": "m"}})
        assert await watching.next() is not None
        found = await metrics(server)
        assert found[name] == before + 1
        assert found[f"apiserver_watch_events_total{CONFIG_MAPS}"] >= 1
        watching.close()
        watching.close()
        assert (await metrics(server))[name] == before


async def test_queues_of_controllers(autojump_clock: object) -> None:
    async with running() as server:
        await trio.sleep(5)
        found = await metrics(server)
        label = '{name="service-account-controller"}'
        assert found[f"workqueue_adds_total{label}"] >= 4  # as many namespaces as a cluster has
        assert found[f"workqueue_depth{label}"] == 0
        assert found[f"workqueue_retries_total{label}"] >= 0


async def test_every_metric_says_what_it_is(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        text = (await server.ask("GET", "/metrics")).body.decode()
        types = [line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE")]
        assert len({name for name, _ in types}) == len(types)
        assert ["apiserver_watch_events_total", "counter"] in types
        assert ["apiserver_current_inflight_requests", "gauge"] in types


async def test_a_server_that_stops_is_not_ready(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        answer = await server.ask("GET", "/readyz?verbose&exclude=etcd&exclude=nothing")
        assert answer.status == 200
        lines = answer.body.decode().splitlines()
        assert "[+]shutdown ok" in lines and "[+]etcd excluded: ok" in lines
        assert lines[-2:] == [
            'warn: some health checks cannot be excluded: no matches for "nothing"',
            "readyz check passed",
        ]
        server.cluster.stopping = True
        answer = await server.ask("GET", "/readyz")
        assert answer.status == 500
        assert "[-]shutdown failed: process is shutting down" in answer.body.decode()
        assert (await server.ask("GET", "/livez")).status == 200
