"""Container logs, as the API server asks a kubelet for them."""

from __future__ import annotations

from datetime import timedelta

import trio

from k8slite.kubelet.runtimes.runtime import LogOptions
from k8slite.messages import Request
from tests.client.fake_api import FakeWorld
from tests.kubelet.fleet import NAMESPACE


async def ask(scene, pod, container="c", **query):
    path = f"/containerLogs/{NAMESPACE}/{pod}/{container}"
    asked = tuple((key, str(value)) for key, value in query.items())
    return await scene.fleet.server.handle(Request("GET", path, asked))


async def text(scene, pod, container="c", **query):
    response = await ask(scene, pod, container, **query)
    assert isinstance(response.body, bytes)
    return response.status, response.body.decode()


CHATTY = {"k8slite.dev/log": "hello", "k8slite.dev/log-every": "10s"}


async def test_what_a_container_has_printed(autojump_clock, scene):
    await scene.create("web", CHATTY)
    await trio.sleep(25)
    status, found = await text(scene, "web")
    first = "k8slite: c starts, run 0 of nginx:1.29"
    assert status == 200
    assert found.splitlines() == [first, "hello", "line 1", "line 2"]
    assert (await text(scene, "web", tailLines=1))[1] == "line 2\n"
    assert (await text(scene, "web", tailLines=0))[1] == ""
    assert (await text(scene, "web", sinceSeconds=10))[1] == "line 2\n"
    assert (await text(scene, "web", sinceTime="2026-01-01T00:00:15Z"))[1] == "line 2\n"
    assert (await text(scene, "web", limitBytes=7))[1] == "k8slite"
    stamped = (await text(scene, "web", timestamps="true", tailLines=1))[1]
    assert stamped == "2026-01-01T00:00:20.000000000Z line 2\n"


async def test_a_clock_that_is_set_changes_no_order(autojump_clock, scene, monkeypatch):
    await scene.create("web", {"k8slite.dev/log": "first\nsecond"})
    await trio.sleep(1)
    behind = FakeWorld.now
    monkeypatch.setattr(FakeWorld, "now", lambda world: behind(world) - timedelta(seconds=5))
    assert (await text(scene, "web", tailLines=2))[1] == "first\nsecond\n"


async def test_following_ends_with_the_container(autojump_clock, scene):
    await scene.create("job", {**CHATTY, "k8slite.dev/exit-after": "25s"}, restartPolicy="Never")
    stream = (await ask(scene, "job", follow="true", tailLines=1)).body
    pieces = []
    while piece := await stream.receive():
        pieces.append((round(trio.current_time()), piece))
    stream.close()
    assert pieces == [
        (0, b"hello\n"),
        (10, b"line 1\n"),
        (20, b"line 2\n"),
        (25, b"k8slite: c ends with code 0\n"),
    ]


async def test_following_keeps_to_the_limit_and_may_be_left(autojump_clock, scene):
    await scene.create("web", CHATTY)
    stream = scene.fleet.server.logs(
        NAMESPACE, "web", "c", LogOptions(follow=True, tail_lines=1, limit_bytes=9)
    )
    assert [await stream.receive() for _ in range(3)] == [b"hello\n", b"lin", b""]
    other = (await ask(scene, "web", follow="true", tailLines=0)).body
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other.receive)
        await trio.sleep(1)
        other.close()
    assert await other.receive() == b""


async def test_the_run_before(autojump_clock, scene):
    await scene.create("bad", {"k8slite.dev/exit-code": "1", "k8slite.dev/exit-times": "1"})
    lines = (await text(scene, "bad", previous="true"))[1].splitlines()
    assert lines == ["k8slite: c starts, run 0 of nginx:1.29", "k8slite: c ends with code 1"]
    assert "run 1" in (await text(scene, "bad"))[1]


async def test_upstreams_refusals(autojump_clock, scene):
    await scene.create("web")
    await scene.create("slow", {"k8slite.dev/start-delay": "1h"})
    await scene.create("bad", {"k8slite.dev/pull-error": "no"})
    assert await text(scene, "none") == (404, 'pod "none" does not exist')
    assert await text(scene, "web", "x") == (404, 'container "x" not found in pod "web"')
    waiting = 'container "c" in pod "slow" is waiting to start: ContainerCreating'
    assert await text(scene, "slow") == (400, waiting)
    previous = 'previous terminated container "c" in pod "web" not found'
    assert await text(scene, "web", previous="true") == (400, previous)
    pulling = 'container "c" in pod "bad" is waiting to start: image can\'t be pulled'
    assert await text(scene, "bad") == (400, pulling)
    await trio.sleep(2)
    pulling = 'container "c" in pod "bad" is waiting to start: trying and failing to pull image'
    assert await text(scene, "bad") == (400, pulling)
    assert (await text(scene, "web", tailLines="x"))[0] == 400
    assert (await text(scene, "web", limitBytes="0"))[0] == 422
    assert (await scene.fleet.server.handle(Request("GET", "/exec/a/b/c"))).status == 404
