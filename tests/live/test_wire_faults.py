"""Faults strike the clients of a live cluster as they strike processes in a simulation."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve

from k8slite.faults.files import read_plan
from k8slite.live.wire_faults import PATH, WireFaults, playable
from k8slite.messages import Disconnected, Response, Stream
from tests.apiserver.oracle_server import Server, request, running
from tests.clients.cluster import KUBECTL
from tests.live.process import ClusterProcess, run_command
from tests.live.process import running as running_process

Json = dict[str, Any]

MAPS = "/api/v1/namespaces/default/configmaps"


class Client:
    """Speaks through the faults under a user agent of its own."""

    def __init__(self, faults: WireFaults, agent: str) -> None:
        self.faults, self.agent = faults, agent

    async def ask(self, method: str, path: str, body: Any = None) -> Response:
        asked = request(method, path, body)
        return await self.faults.handle(
            evolve(asked, headers={**asked.headers, "user-agent": self.agent})
        )

    async def create(self, name: str) -> Response:
        return await self.ask("POST", MAPS, {"metadata": {"name": name}})

    async def names(self, query: str = "") -> list[str]:
        answer = await self.ask("GET", MAPS + query)
        assert isinstance(answer.body, bytes)
        return [one["metadata"]["name"] for one in json.loads(answer.body)["items"]]

    async def watch(self, after: int) -> Stream:
        answer = await self.ask("GET", f"{MAPS}?watch=1&resourceVersion={after}")
        assert not isinstance(answer.body, bytes)
        return answer.body


@asynccontextmanager
async def struck(*plan: Json) -> AsyncIterator[tuple[WireFaults, Client, Client, Server]]:
    """A cluster, the client that a plan is for, and another one that is never struck."""
    async with running(controllers=False) as server, trio.open_nursery() as nursery:
        faults = WireFaults(server.cluster)
        await nursery.start(faults.run)
        faults.arm(read_plan(json.dumps(plan)))
        yield faults, Client(faults, "tester/1.0 (test)"), Client(faults, "other/2.0"), server
        nursery.cancel_scope.cancel()


def write(fault: str, number: int = 1, **more: Any) -> Json:
    return {"fault": fault, "process": "tester", "write": number, **more}


def event(fault: str, number: int = 1, **more: Any) -> Json:
    return {"fault": fault, "process": "tester", "resource": "configmaps", "event": number, **more}


def kinds(faults: WireFaults) -> list[str]:
    return [one["fault"] for one in faults.report()["struck"]]


async def test_a_write_is_refused_and_does_nothing(autojump_clock: Any) -> None:
    for status, reason in ((409, "Conflict"), (429, "TooManyRequests"), (500, "InternalError")):
        async with struck(write("refuse", 2, status=status)) as (faults, tester, other, _):
            assert (await tester.create("a")).status == 201
            assert (await other.create("b")).status == 201
            answer = await tester.create("c")
            assert answer.status == status
            assert isinstance(answer.body, bytes)
            assert json.loads(answer.body)["reason"] == reason
            assert (await tester.create("d")).status == 201
            assert await other.names() == ["a", "b", "d"]
            assert kinds(faults) == ["refuse"]


async def test_a_reply_is_lost(autojump_clock: Any) -> None:
    async with struck(write("lose-reply")) as (_, tester, other, _):
        with pytest.raises(Disconnected):
            await tester.create("a")
        assert await other.names() == ["a"]


async def test_a_write_is_under_way_for_long(autojump_clock: Any) -> None:
    async with struck(write("delay", seconds=7.0)) as (_, tester, other, _):
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tester.create, "a")
            await trio.sleep(6)
            assert await other.names() == []
        assert trio.current_time() - began == pytest.approx(7, abs=0.1)
        assert await other.names() == ["a"]


async def test_a_watch_is_held_cut_repeated_and_robbed(autojump_clock: Any) -> None:
    async def seen(fault: Json) -> list[str]:
        async with struck(fault) as (_, tester, other, server):
            stream = await tester.watch(server.store.revision)
            for name in ("a", "b"):
                await other.create(name)
            found: list[str] = []
            piece = b"nothing yet"
            with trio.move_on_after(50):
                while piece := await stream.receive():
                    for line in piece.splitlines():
                        said = json.loads(line)
                        name = said["object"].get("metadata", {}).get("name")
                        found.append(f"{name or said['object'].get('code')}")
            if not piece:
                found.append("end")
            stream.close()
            return found

    assert await seen(event("hold-watch", seconds=30.0)) == ["a", "b"]
    assert await seen(event("hold-watch", seconds=100.0)) == []
    assert await seen(event("cut-watch", 2)) == ["a", "end"]
    assert await seen(event("cut-watch", 2, expired=True)) == ["a", "410", "end"]
    assert await seen(event("repeat-event")) == ["a", "a", "b"]
    assert await seen(event("lose-events", seconds=5.0)) == ["410", "end"]


async def test_reads_are_stale_for_a_while(autojump_clock: Any) -> None:
    fault = {"fault": "stale-reads", "process": "tester", "commit": 1, "seconds": 60.0}
    async with struck(fault) as (_, tester, other, _):
        await other.create("a")
        await other.create("b")
        await trio.sleep(1)
        assert await tester.names("?resourceVersion=0") == ["a"]
        assert await tester.names() == ["a", "b"]
        assert await other.names("?resourceVersion=0") == ["a", "b"]
        await trio.sleep(60)
        assert await tester.names("?resourceVersion=0") == ["a", "b"]


async def test_a_crash_breaks_all_connections_for_a_while(autojump_clock: Any) -> None:
    async with struck(write("crash", down_seconds=10.0)) as (_, tester, other, server):
        stream = await tester.watch(server.store.revision)
        with pytest.raises(Disconnected):
            await tester.create("a")
        with pytest.raises(Disconnected):
            await stream.receive()
        with pytest.raises(Disconnected):
            await tester.names()
        assert await other.names() == ["a"]
        await trio.sleep(11)
        assert await tester.names() == ["a"]


async def test_a_time_travel_shows_the_past_after_the_crash(autojump_clock: Any) -> None:
    fault = write("time-travel", 2, commit=1, down_seconds=1.0, behind_seconds=60.0)
    async with struck(fault) as (_, tester, _, _):
        await tester.create("a")
        await trio.sleep(1)
        with pytest.raises(Disconnected):
            await tester.create("b")
        await trio.sleep(2)
        assert await tester.names("?resourceVersion=0") == ["a"]
        assert await tester.names() == ["a", "b"]


async def test_a_client_stands_still(autojump_clock: Any) -> None:
    fault = {"fault": "pause", "process": "tester", "commit": 1, "seconds": 20.0}
    async with struck(fault) as (_, tester, other, _):
        await other.create("a")
        await trio.sleep(1)
        began = trio.current_time()
        assert await tester.names() == ["a"]
        assert trio.current_time() - began > 18


async def test_a_user_deletes_an_object_and_makes_it_anew(autojump_clock: Any) -> None:
    fault = {
        "fault": "delete-object",
        "resource": "configmaps",
        "namespace": "default",
        "object_name": "a",
        "commit": 2,
        "recreate": True,
    }
    async with struck(fault) as (_, _, other, server):
        await other.create("a")
        before = await server.get(f"{MAPS}/a")
        await other.create("b")
        await trio.sleep(1)
        after = await server.get(f"{MAPS}/a")
        assert before["metadata"]["uid"] != after["metadata"]["uid"]


async def test_healing_ends_what_lasts(autojump_clock: Any) -> None:
    fault = event("hold-watch")
    async with struck(fault, write("refuse", 5)) as (faults, tester, other, server):
        stream = await tester.watch(server.store.revision)
        await other.create("a")
        with trio.move_on_after(100) as waiting:
            await stream.receive()
        assert waiting.cancelled_caught
        faults.heal()
        assert b'"a"' in await stream.receive()
        stream.close()
        assert faults.report() == {"plan": [], "struck": [], "clients": []}


async def test_clients_are_known_by_agent_product_or_user(autojump_clock: Any) -> None:
    for name in ("tester", "tester/1.0 (test)", "admin"):
        fault = {"fault": "refuse", "process": name, "write": 1, "status": 503}
        async with struck(fault) as (_, tester, _, _):
            assert (await tester.create("a")).status == 503


async def test_counts_are_told(autojump_clock: Any) -> None:
    async with struck(write("refuse", 9)) as (faults, tester, other, server):
        await tester.create("a")
        stream = await other.watch(server.store.revision)
        await tester.create("b")
        await stream.receive()
        stream.close()
        await trio.sleep(1)
        assert faults.report()["clients"] == [
            {"name": "tester", "writes": 2, "events": {}},
            {"name": "other", "writes": 0, "events": {"configmaps": 1}},
        ]
        assert faults.report()["commits"] == 2


async def test_the_api_arms_and_says_what_is_wrong(autojump_clock: Any) -> None:
    async with struck() as (faults, tester, _, server):
        plan = b"- fault: refuse\n  process: tester\n  write: 1\n  status: 503\n"
        assert (await server.ask("PUT", PATH, plan, "application/yaml")).status == 200
        assert (await server.get(PATH))["plan"] == [write("refuse", status=503)]
        assert (await tester.create("a")).status == 503
        assert [one["fault"] for one in (await server.get(PATH))["struck"]] == ["refuse"]
        answer = await server.ask("PUT", PATH, b"- fault: nonsense", "application/yaml")
        assert (
            answer.status == 400 and "is no fault; `fault` must be one of" in answer.body.decode()
        )
        answer = await server.ask("GET", PATH, user="jane")
        assert answer.status == 403
        assert answer.json["message"] == f'forbidden: User "jane" cannot get path "{PATH}"'
        assert (await server.ask("DELETE", PATH)).status == 200
        assert faults.report()["plan"] == []


def test_plans_that_cannot_be_played_live() -> None:
    for fault, why in (
        ({"fault": "skew-clock", "process": "x", "commit": 1}, "in a simulation only"),
        ({"fault": "crash-store", "commit": 1}, "in a simulation only"),
        ({"fault": "refuse", "process": "kube-scheduler", "write": 1}, "is a part of k8slite"),
    ):
        with pytest.raises(ValueError, match=why):
            playable(read_plan(json.dumps([fault])))


def test_a_replay_is_a_plan() -> None:
    replay = {"replay": 1, "scenario": "a:B", "seed": 3, "plan": [write("lose-reply")]}
    assert read_plan(json.dumps(replay)).dump() == [write("lose-reply")]
    with pytest.raises(ValueError, match="it is no YAML"):
        read_plan("{")
    with pytest.raises(ValueError, match="a plan is a list of faults"):
        read_plan("3")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    path = tmp_path_factory.mktemp("faults")
    plan = path / "plan.yaml"
    plan.write_text("- {fault: refuse, process: first, write: 1, status: 503}\n")
    with running_process(path / "d", "--nodes", "0", "--faults", str(plan)) as cluster:
        yield cluster


def test_a_plan_strikes_from_the_start_and_over_real_sockets(cluster: ClusterProcess) -> None:
    api = cluster.connect()
    new = {"metadata": {"name": "over-sockets"}}
    assert api.raw("POST", MAPS, json.dumps(new).encode(), user_agent="first/1")[0] == 503
    plan = json.dumps([{"fault": "lose-reply", "process": "second", "write": 1}]).encode()
    assert api.raw("PUT", PATH, plan)[0] == 200
    with pytest.raises((http.client.RemoteDisconnected, ssl.SSLError, ConnectionError)):
        api.raw("POST", MAPS, json.dumps(new).encode(), user_agent="second/1")
    again = cluster.connect()
    assert again.raw("GET", f"{MAPS}/over-sockets")[0] == 200


def test_kubectl_arms_and_reads(cluster: ClusterProcess, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("- {fault: refuse, process: kubectl, write: 1, status: 500}\n")

    def kubectl(*words: str) -> subprocess.CompletedProcess[str]:
        config = str(cluster.path / "kubeconfig")
        command = [str(KUBECTL), "--kubeconfig", config, "--cache-dir", str(tmp_path), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert kubectl("replace", "--raw", PATH, "-f", str(plan)).returncode == 0
    failed = kubectl("create", "configmap", "by-kubectl")
    assert "the server failed" in failed.stderr
    assert kubectl("create", "configmap", "by-kubectl").returncode == 0
    assert json.loads(kubectl("get", "--raw", PATH).stdout)["struck"][0]["fault"] == "refuse"


def test_a_bad_plan_is_refused_at_the_start(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    for text, why in (("- {fault: crash}", "lacks: process"), ("{", "it is no YAML")):
        plan.write_text(text)
        found = run_command("up", "--data-dir", str(tmp_path / "d"), "--faults", str(plan))
        assert found.returncode == 1
        assert f"--faults {plan}: " in found.stderr and why in found.stderr
    found = run_command("up", "--data-dir", str(tmp_path / "d"), "--faults", str(tmp_path / "no"))
    assert "No such file or directory" in found.stderr
