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
    for wrong in ({"urlPrefix": "nowhere"}, {"urlPrefix": URL, "prioritizeVerb": "x"}):
        configuration = configured({}, extenders=[wrong])
        with pytest.raises(ValueError, match="extenders: "):
            Scheduler(cluster.api.client("s"), cluster.api.world, configuration, lambda *_: None)


def crowded() -> Cluster:
    """Two nodes, each full of two unimportant pods, and an important one that waits."""
    cluster = Cluster()
    for node in ("a", "b"):
        cluster.add_node(node, cpu="2")
        for number in (1, 2):
            cluster.add_pod(f"{node}{number}", cpu="1", nodeName=node, priority=number)
    cluster.add_pod("web", cpu="2", priority=1000)
    return cluster


def there(cluster: Cluster) -> list[str]:
    """Those of the unimportant pods that nobody has told to go."""
    found = {name: cluster.api.get(PODS.path("default", name)) for name in ("a1", "a2", "b1", "b2")}
    return [
        name
        for name, pod in found.items()
        if pod is not None and "deletionTimestamp" not in pod["metadata"]
    ]


async def test_it_has_a_say_in_preemption(autojump_clock: MockClock) -> None:
    cluster = crowded()
    uids = [cluster.pod(name)["metadata"]["uid"] for name in ("b1", "b2")]

    async def only_b(body: Json) -> Json:
        return {"NodeNameToMetaVictims": {"b": body["NodeNameToMetaVictims"]["b"]}}

    program = Program(preempt=only_b)
    await run(cluster, program, preemptVerb="preempt")
    assert there(cluster) == ["a1", "a2"]
    _, body = program.asked[0]
    assert sorted(body["NodeNameToMetaVictims"]) == ["a", "b"]
    victims = body["NodeNameToMetaVictims"]["b"]
    assert sorted(one["UID"] for one in victims["Pods"]) == sorted(uids)
    assert victims["NumPDBViolations"] == 0


async def test_it_sees_whole_pods_and_spares_all(autojump_clock: MockClock) -> None:
    cluster = crowded()
    program = Program(preempt={"NodeNameToMetaVictims": {}})
    await run(cluster, program, preemptVerb="preempt", nodeCacheCapable=False)
    assert there(cluster) == ["a1", "a2", "b1", "b2"]
    names = [
        one["metadata"]["name"] for one in program.asked[0][1]["NodeNameToVictims"]["a"]["Pods"]
    ]
    assert sorted(names) == ["a1", "a2"]
    assert cluster.condition("web")["message"].endswith(
        "preemption: no candidate node for preemption"
    )


@pytest.mark.parametrize("ignorable", [False, True])
async def test_it_does_not_answer_about_preemption(
    ignorable: bool, autojump_clock: MockClock
) -> None:
    cluster = crowded()
    await run(cluster, Program(preempt=500), preemptVerb="preempt", ignorable=ignorable)
    assert (len(there(cluster)) == 2) is ignorable
    if not ignorable:
        message = cluster.condition("web")["message"]
        assert message.endswith(f"failed preempt with extender at URL {URL}preempt, code 500")


async def test_it_must_not_name_other_pods(autojump_clock: MockClock) -> None:
    cluster = crowded()
    strange = {"NodeNameToMetaVictims": {"a": {"Pods": [{"UID": "x"}]}}}
    await run(cluster, Program(preempt=strange), preemptVerb="preempt")
    assert len(there(cluster)) == 4
    assert "claims to preempt pod (UID: x)" in cluster.condition("web")["message"]
