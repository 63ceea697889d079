"""Events sent to a webhook: in batches that nobody waits for, or while a request waits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import define, field

from k8slite.apiserver.auditing.auditor import AuditLog
from k8slite.apiserver.auditing.policy import read_policy
from k8slite.apiserver.auditing.webhook import AuditWebhook, Batching, Mode, Throttle
from k8slite.messages import Request, Response
from k8slite.sim.world import SimulatedWorld
from tests.apiserver.oracle_server import Server, running
from tests.apiserver.test_audit import MAP, MAPS, policy

Json = dict[str, Any]


@define
class Receiver:
    """A webhook that can be told to be unwell."""

    status: int = 200
    refusals: int = 0  # how often it refuses before it takes anything
    seconds: float = 0.0
    lists: list[list[Json]] = field(factory=list)
    times: list[float] = field(factory=list)  # when it was asked

    async def __call__(self, request: Request) -> Response:
        self.times.append(trio.current_time())
        await trio.sleep(self.seconds)
        if self.refusals:
            self.refusals -= 1
            raise ConnectionRefusedError("connection refused")
        if self.status == 200:
            found = json.loads(request.body)
            assert (found["kind"], found["apiVersion"]) == ("EventList", "audit.k8s.io/v1")
            assert (request.method, request.path) == ("POST", "/audit")
            self.lists.append(found["items"])
        return Response(self.status, b"{}")

    def events(self) -> list[Json]:
        return [event for events in self.lists for event in events]


def webhook(receiver: Receiver, mode: Mode = "batch", **batching: Any) -> AuditWebhook:
    return AuditWebhook(receiver, "/audit", SimulatedWorld(1), mode, 10.0, Batching(**batching))


@asynccontextmanager
async def sending(one: AuditWebhook) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        await nursery.start(one.run)
        yield
        one.close()


def lost(one: AuditWebhook) -> dict[tuple[str, ...], float]:
    return one.errors.found


async def test_events_go_in_batches(autojump_clock: object) -> None:
    receiver = Receiver()
    one = webhook(receiver, max_size=3, max_wait_seconds=30.0)
    async with sending(one):
        for number in range(7):
            one.offer(b'{"n":%d}' % number)
        await trio.sleep(1)
        assert [len(events) for events in receiver.lists] == [3, 3], "full ones at once"
        await trio.sleep(30)
        assert [len(events) for events in receiver.lists] == [3, 3, 1], "the rest after a while"
        await trio.sleep(100)
        one.offer(b'{"n":7}')
        one.offer(b'{"n":8}')
    assert [one["n"] for one in receiver.events()] == list(range(9)), "the end leaves nothing"
    one.offer(b"{}")
    assert lost(one) == {("buffered",): 1}, "nothing comes after the end"


async def test_a_webhook_that_is_unwell_is_tried_again(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver(refusals=3)
    one = webhook(receiver, max_size=1)
    async with sending(one):
        one.offer(b'{"secret":"x"}')
        await trio.sleep(200)
        assert len(receiver.events()) == 1
        first, second, third, fourth = receiver.times
        assert 10 <= second - first <= 12
        assert 15 <= third - second <= 18 and 22.5 <= fourth - third <= 27
        receiver.status = 500
        one.offer(b'{"secret":"x"}')
        await trio.sleep(400)
        assert len(receiver.times) == 4 + 5, "five times, and then it is lost"
    assert lost(one) == {("webhook",): 1}
    assert "affecting 1 audit events: the server rejected our request: 500" in caplog.text
    assert "secret" not in caplog.text


async def test_one_that_hangs_holds_a_bounded_number(autojump_clock: object) -> None:
    receiver = Receiver(seconds=10_000)
    one = webhook(receiver, max_size=1, buffer_size=50, throttle_enabled=False)
    async with trio.open_nursery() as nursery:
        await nursery.start(one.run)
        for number in range(200):
            one.offer(b'{"n":%d}' % number)
            await trio.sleep(0.01)
        assert len(receiver.times) == 16
        assert lost(one) == {("buffered",): 200 - 16 - 1 - 50}
        nursery.cancel_scope.cancel()


async def test_batches_are_throttled(autojump_clock: object) -> None:
    throttle = Throttle(10.0, 15)
    began = trio.current_time()
    for _ in range(35):
        await throttle.accept()
    assert trio.current_time() - began == pytest.approx(2.0)
    await trio.sleep(100)
    began = trio.current_time()
    for _ in range(15):
        await throttle.accept()
    assert trio.current_time() == began


@asynccontextmanager
async def audited(receiver: Receiver, mode: Mode) -> AsyncIterator[Server]:
    batching = Batching(max_wait_seconds=5.0)
    one = AuditWebhook(receiver, "/audit", SimulatedWorld(1), mode, 1.0, batching)
    own = {"level": "Metadata", "users": ["admin"]}
    log = AuditLog(read_policy(policy(own)), None, one)
    async with sending(one), running(controllers=False, audit=log) as server:
        yield server


async def test_nobody_waits_for_a_batch(autojump_clock: object) -> None:
    receiver = Receiver()
    async with audited(receiver, "batch") as server:
        began = trio.current_time()
        await server.create(MAPS, MAP)
        assert trio.current_time() == began and not receiver.lists
        await trio.sleep(6)
        [first, second] = receiver.events()
        assert (first["stage"], second["stage"]) == ("RequestReceived", "ResponseComplete")
        assert "kind" not in first and "annotations" not in first
        assert second["annotations"]["authorization.k8s.io/decision"] == "allow"


async def test_a_request_waits_until_it_is_told(autojump_clock: object) -> None:
    receiver = Receiver(seconds=2)
    async with audited(receiver, "blocking") as server:
        began = trio.current_time()
        await server.create(MAPS, MAP)
        assert trio.current_time() - began == 4
        stages = [one["stage"] for one in receiver.events()]
        assert stages == ["RequestReceived", "ResponseComplete"]
        watch = await server.watch(MAPS)
        watch.close()
        await trio.sleep(10)
        stages = [one["stage"] for one in receiver.events()[2:]]
        assert stages == ["RequestReceived", "ResponseStarted", "ResponseComplete"]
        receiver.status = 500
        assert (await server.ask("GET", f"{MAPS}/m")).status == 200, "it goes on all the same"
        before = len(receiver.events())
        receiver.seconds = 50
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heal, receiver, 40)
            late = await server.ask("GET", f"{MAPS}/m?timeout=20s")
        assert late.status == 504, "but not for ever"
        await trio.sleep(60)
        told = [one["stage"] for one in receiver.events()[before:]]
        assert sorted(told) == ["RequestReceived", "ResponseComplete"], "that is told, if late"


async def heal(receiver: Receiver, seconds: float) -> None:
    await trio.sleep(seconds)
    receiver.seconds, receiver.status = 0, 200


async def test_a_request_that_cannot_be_told_fails_where_that_is_wanted(
    autojump_clock: object,
) -> None:
    receiver = Receiver()
    async with audited(receiver, "blocking-strict") as server:
        await server.create(MAPS, MAP)
        receiver.status = 400
        other = {**MAP, "metadata": {"name": "other"}}
        answer = await server.ask("POST", MAPS, other)
        assert answer.status == 500
        assert answer.body.decode() == (
            f'Internal Server Error: "{MAPS}": failed to store audit event\n'
        )
        receiver.status = 200
        assert (await server.ask("GET", f"{MAPS}/other")).status == 404, "it was not done"
        text = (await server.ask("GET", "/metrics")).body.decode()
        assert 'apiserver_audit_error_total{plugin="webhook"} 1' in text
        assert "apiserver_audit_requests_rejected_total 1" in text
