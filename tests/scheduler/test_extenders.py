"""Programs elsewhere take nodes away, add to scores and bind, as upstream asks them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from k8slite.client.resource import PODS
from k8slite.messages import Request, Response
from k8slite.scheduler.scheduler import Scheduler
from tests.scheduler.schedulable import Cluster
from tests.scheduler.test_configuration import configured

Json = dict[str, Any]

URL = "http://extender.example:8888/scheduler/"


class Program:
    """An extender; what it answers, and what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Json]] = []

    async def handle(self, request: Request) -> Response:
        verb = request.path.removeprefix("/scheduler/")
        body = json.loads(request.body)
        self.asked.append((verb, body))
        answer = self.answers[verb]
        if callable(answer):
            answer = await answer(body)
        if isinstance(answer, int):
            return Response(answer)
        return Response(200, json.dumps(answer).encode())


async def run(cluster: Cluster, program: Program, seconds: float = 1.0, **more: Any) -> None:
    """A scheduler that asks the program, for a while."""
    extender = {"urlPrefix": URL, "nodeCacheCapable": True, **more}
    configuration = configured({}, extenders=[extender])
    client = cluster.api.client("scheduler")

    def reach(url: str, ca_bundle: str, verified: bool) -> Any:
        assert (url, ca_bundle, verified) == ("http://extender.example:8888", "", True)
        return program.handle

    scheduler = Scheduler(client, cluster.api.world, configuration, reach)
    async with trio.open_nursery() as nursery:
        await nursery.start(scheduler.run)
        await trio.sleep(seconds)
        nursery.cancel_scope.cancel()


def three_nodes(**pod: Any) -> Cluster:
    cluster = Cluster()
    for name in ("a", "b", "c"):
        cluster.add_node(name)
    cluster.add_pod("web", **pod)
    return cluster


async def test_it_takes_nodes_away(autojump_clock: MockClock) -> None:
    cluster = three_nodes()
    program = Program(filter={"NodeNames": ["b"], "FailedNodes": {"a": "no", "c": "no"}})
    await run(cluster, program, filterVerb="filter")
    assert cluster.node_of("web") == "b"
    [(verb, body)] = program.asked
    assert verb == "filter"
    assert body["Pod"]["metadata"]["name"] == "web"
    assert body["NodeNames"] == ["a", "b", "c"]
    assert body["Nodes"] is None


async def test_whole_nodes_for_who_knows_none(autojump_clock: MockClock) -> None:
    cluster = three_nodes()

    async def first(body: Json) -> Json:
        return {"nodes": {"items": body["Nodes"]["items"][:1]}}

    await run(cluster, Program(filter=first), filterVerb="filter", nodeCacheCapable=False)
    assert cluster.node_of("web") == "a"


async def test_it_leaves_none(autojump_clock: MockClock) -> None:
    cluster = three_nodes()
    failed = {"FailedNodes": {"a": "too old", "b": "too old"}}
    unresolvable = {"FailedAndUnresolvableNodes": {"c": "too new"}}
    program = Program(filter={"NodeNames": [], **failed, **unresolvable})
    await run(cluster, program, filterVerb="filter")
    assert cluster.condition("web")["message"].startswith(
        "0/3 nodes are available: 1 too new, 2 too old."
    )


async def test_it_adds_to_scores(autojump_clock: MockClock) -> None:
    cluster = three_nodes()
    scores = [{"Host": "a", "Score": 1}, {"host": "c", "score": 10}]
    await run(cluster, Program(rank=scores), prioritizeVerb="rank", weight=5)
    assert cluster.node_of("web") == "c"


async def test_it_binds(autojump_clock: MockClock) -> None:
    cluster = three_nodes()

    async def bind(body: Json) -> Json:
        assert body["PodUID"] == cluster.pod("web")["metadata"]["uid"]
        metadata = {"name": body["PodName"], "uid": body["PodUID"]}
        binding = {"metadata": metadata, "target": {"kind": "Node", "name": body["Node"]}}
        client = cluster.api.client("extender")
        await client.create(PODS, binding, "default", name=body["PodName"], subresource="binding")
        return {}

    await run(cluster, Program(bind=bind), bindVerb="bind")
    assert cluster.node_of("web") in ("a", "b", "c")
    assert [event[1] for event in cluster.events("web")] == ["Scheduled"]


@pytest.mark.parametrize("ignorable", [True, False])
@pytest.mark.parametrize("answer", [500, {"Error": "I am tired"}, {"NodeNames": ["z"]}])
async def test_it_does_not_answer(ignorable: bool, answer: Any, autojump_clock: MockClock) -> None:
    cluster = three_nodes()
    await run(cluster, Program(filter=answer), filterVerb="filter", ignorable=ignorable)
    assert (cluster.node_of("web") != "") == ignorable
    if not ignorable:
        assert cluster.events("web")[0][1] == "FailedScheduling"


async def test_it_thinks_too_long(autojump_clock: MockClock) -> None:
    cluster = three_nodes()

    async def slow(body: Json) -> Json:
        await trio.sleep(3)
        return {"NodeNames": ["a"]}

    await run(cluster, Program(filter=slow), 4.0, filterVerb="filter", httpTimeout="2s")
    assert cluster.node_of("web") == ""
    assert "extender.example" in cluster.condition("web")["message"]


async def test_it_is_asked_about_its_resources_only(autojump_clock: MockClock) -> None:
    cluster = three_nodes()
    program = Program(filter={"NodeNames": []})
    managed = [{"name": "example.com/foo"}]
    await run(cluster, program, filterVerb="filter", managedResources=managed)
    assert cluster.node_of("web") != ""
    assert program.asked == []


async def test_the_node_that_it_likes_may_be_gone(autojump_clock: MockClock) -> None:
    cluster = three_nodes()

    async def filter_(body: Json) -> Json:
        names = body["NodeNames"]
        if "a" in names:
            cluster.change_node("a", lambda node: node["spec"].update(unschedulable=True))
            await trio.sleep(0.1)
            return {"NodeNames": ["a"]}
        return {"NodeNames": names}

    await run(cluster, Program(filter=filter_), 5.0, filterVerb="filter")
    assert cluster.node_of("web") in ("b", "c")


def test_what_is_no_extender() -> None:
    cluster = Cluster()
    for wrong in ({"urlPrefix": "nowhere"}, {"urlPrefix": URL, "preemptVerb": "x"}):
        configuration = configured({}, extenders=[wrong])
        with pytest.raises(ValueError, match="extenders: "):
            Scheduler(cluster.api.client("s"), cluster.api.world, configuration, lambda *_: None)
