"""Events are written several at once, and in order about each object."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.client import Client
from k8slite.client.recorder import WRITES_MOST, Recorder, Reference
from k8slite.kinds.models import Metadata
from k8slite.messages import Request, Response
from tests.client.fake_api import FakeApi


def pod(number: int) -> Reference:
    return Reference("v1", "Pod", Metadata(name=f"p{number}", namespace="ns", uid=f"u{number}"))


class SlowApi(FakeApi):
    """Every request takes a second; counts how many are under way."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = 0
        self.most = 0

    async def slowly(self, request: Request) -> Response:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await trio.sleep(1)
        self.under_way -= 1
        return await self.handle(request)


@pytest.fixture
def api():
    return SlowApi()


@pytest.fixture
def recorder(api):
    return Recorder(Client(api.slowly, "kubelet"), api.world, "kubelet")


async def test_events_about_several_objects_are_written_at_once(
    autojump_clock, api, recorder, nursery
):
    await nursery.start(recorder.run)
    for number in range(3 * WRITES_MOST):
        recorder.event(pod(number), "Normal", "Pulled", "Image is there")
    await trio.sleep(3.5)
    assert api.most == WRITES_MOST
    assert len(api.list("/api/v1/events")) == 3 * WRITES_MOST


async def test_repetitions_find_the_event_that_is_still_being_written(
    autojump_clock, api, recorder, nursery
):
    await nursery.start(recorder.run)
    for _ in range(4):
        recorder.event(pod(0), "Warning", "BackOff", "Back-off restarting")
    await trio.sleep(10)
    (event,) = api.list("/api/v1/events")
    assert event["count"] == 4
    assert api.most == 1


async def test_a_recorder_that_was_ended_in_the_middle_goes_on_when_it_runs_again(
    autojump_clock, api, recorder
):
    for number in range(2):
        recorder.event(pod(0), "Normal", "Pulled", f"Image {number}")
    with trio.move_on_after(0.5):
        await recorder.run()
    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            await nursery.start(recorder.run)
            await trio.sleep(2)
            recorder.event(pod(0), "Normal", "Pulled", "Image 2")
    messages = [event["message"] for event in api.list("/api/v1/events")]
    assert sorted(messages) == ["Image 1", "Image 2"]  # the one in hand was lost
