"""What /metrics and the health checks tell, under upstream's names."""

from __future__ import annotations

import trio

from tests.apiserver.oracle_server import Server, running
from tests.apiserver.test_webhooks import MUTATING, Hooks, hook, register

MAPS = "/api/v1/namespaces/default/configmaps"
CONFIG_MAPS = '{group="",resource="configmaps",version="v1"}'


def labelled(name: str, **labels: str) -> str:
    """A sample about ConfigMaps by its name and labels, some of which are as a rule the same."""
    known = {
        "component": "apiserver",
        "group": "",
        "resource": "configmaps",
        "subresource": "",
        "version": "v1",
    }
    listed = ",".join(f'{key}="{value}"' for key, value in sorted({**known, **labels}.items()))
    return f"{name}{{{listed}}}"


async def metrics(server: Server) -> dict[str, float]:
    """Every sample by its name with its labels."""
    text = (await server.ask("GET", "/metrics")).body.decode()
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_watches_are_counted_while_they_are_open(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        name = labelled("apiserver_longrunning_requests", verb="WATCH", scope="cluster")
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
        adds = found[f"workqueue_adds_total{label}"]
        assert found[f"workqueue_queue_duration_seconds_count{label}"] == adds
        assert found[f"workqueue_work_duration_seconds_count{label}"] == adds
        assert found[f"workqueue_unfinished_work_seconds{label}"] == 0
        asked = 'rest_client_requests_total{code="201",host="127.0.0.1:6443",method="POST"}'
        assert found[asked] >= 4
        assert found[f"workqueue_longest_running_processor_seconds{label}"] == 0


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


async def test_requests_by_verb_scope_and_code(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        total = "apiserver_request_total"
        made = {"metadata": {"name": "m"}}
        for method, path, body, sent in (
            ("POST", MAPS, made, "application/json"),
            ("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "n"}}, "application/json"),
            ("PUT", f"{MAPS}/m", made, "application/json"),
            ("PATCH", f"{MAPS}/m", {}, "application/merge-patch+json"),
            ("PATCH", f"{MAPS}/m?fieldManager=a", b"{}", "application/apply-patch+yaml"),
            ("GET", f"{MAPS}/m", None, ""),
            ("GET", f"{MAPS}/none", None, ""),
            ("GET", MAPS, None, ""),
            ("GET", "/api/v1/configmaps", None, ""),
            ("DELETE", f"{MAPS}/m", None, ""),
            ("DELETE", MAPS, None, ""),
        ):
            await server.ask(method, path, body, sent)
        found = await metrics(server)
        for verb, scope, code, dry_run in (
            ("POST", "resource", "201", ""),
            ("POST", "resource", "201", "All"),
            ("PUT", "resource", "200", ""),
            ("PATCH", "resource", "200", ""),
            ("APPLY", "resource", "400", ""),
            ("GET", "resource", "200", ""),
            ("GET", "resource", "404", ""),
            ("LIST", "namespace", "200", ""),
            ("LIST", "cluster", "200", ""),
            ("DELETE", "resource", "200", ""),
            ("DELETECOLLECTION", "namespace", "200", ""),
        ):
            labels = {"verb": verb, "scope": scope, "dry_run": dry_run}
            assert found[labelled(total, code=code, **labels)] >= 1, (verb, scope, code)
            assert found[labelled("apiserver_request_duration_seconds_count", **labels)] >= 1
        sizes = labelled("apiserver_response_sizes_count", verb="LIST", scope="namespace")
        assert found[sizes] == 1


async def test_what_nobody_serves_makes_no_labels(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        for number in range(3):
            assert (await server.ask("GET", f"/apis/e.com/v1/things{number}")).status == 404
            assert (await server.ask("GET", f"/nothing/{number}")).status == 404
        text = (await server.ask("GET", "/metrics")).body.decode()
        assert "things" not in text and "nothing" not in text
        counted = [line for line in text.splitlines() if 'code="404"' in line]
        assert [line.rpartition(" ")[2] for line in counted] == ["6"]


async def test_admission_and_the_store(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.create(MAPS, {"metadata": {"name": "m"}})
        await server.ask("DELETE", f"{MAPS}/m")
        path = "/api/v1/namespaces/none/configmaps"
        assert (await server.ask("POST", path, {"metadata": {"name": "m"}})).status == 404
        found = await metrics(server)
        step = "apiserver_admission_step_admission_duration_seconds_count"
        assert found[step + '{type="validate",operation="CREATE",rejected="false"}'] >= 1
        assert found[step + '{type="admit",operation="CREATE",rejected="true"}'] == 1
        controller = "apiserver_admission_controller_admission_duration_seconds_count"
        labels = '{name="NamespaceLifecycle",type="admit",operation="CREATE",rejected="true"}'
        assert found[controller + labels] == 1
        for operation in ("create", "delete"):
            stored = f'{{operation="{operation}",group="",resource="configmaps"}}'
            assert found[f"etcd_request_duration_seconds_count{stored}"] == 1
            assert found[f"etcd_requests_total{stored}"] == 1
        assert found['apiserver_storage_objects{resource="namespaces"}'] == 4
        assert found['apiserver_resource_objects{group="",resource="namespaces"}'] == 4


async def test_webhooks(autojump_clock: object) -> None:
    hooks = Hooks()
    hooks.answers["/a"] = lambda _: {"sleep": 2}
    hooks.answers["/b"] = lambda _: {"allowed": False, "status": {"code": 418}}
    hooks.answers["/c"] = lambda _: {"status_code": 500}
    async with running(controllers=False, webhooks=hooks) as server:
        asked = [hook("a"), hook("c", failurePolicy="Ignore"), hook("b")]
        await register(server, MUTATING, *asked)
        assert (await server.ask("POST", MAPS, {"metadata": {"name": "m"}})).status == 418
        found = await metrics(server)
        webhook = "apiserver_admission_webhook_"
        for name, code, rejected in (("a", 200, False), ("b", 418, True), ("c", 503, False)):
            about = f'name="{name}.e.com",type="admit",operation="CREATE"'
            told = f'{{{about},code="{code}",rejected="{str(rejected).lower()}"}}'
            assert found[f"{webhook}request_total{told}"] == 1
        about = '{name="a.e.com",type="admit",operation="CREATE",rejected="false"}'
        assert found[f"{webhook}admission_duration_seconds_sum{about}"] == 2
        about = 'name="b.e.com",type="admit",operation="CREATE"'
        told = f'{{{about},error_type="no_error",rejection_code="418"}}'
        assert found[f"{webhook}rejection_count{told}"] == 1
        assert found[webhook + 'fail_open_count{name="c.e.com",type="admit"}'] == 1
        seconds = "apiserver_admission_step_admission_duration_seconds_sum"
        assert found[seconds + '{type="admit",operation="CREATE",rejected="true"}'] == 2


async def test_what_is_deprecated(autojump_clock: object) -> None:
    async with running(controllers=False) as server:
        await server.ask("GET", "/api/v1/endpoints")
        found = await metrics(server)
        about = '{group="",removed_release="",resource="endpoints",subresource="",version="v1"}'
        assert found[f"apiserver_requested_deprecated_apis{about}"] == 1
