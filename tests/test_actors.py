"""Supervision: an actor that fails comes back, later each time, and takes nobody along."""

import logging

import pytest
import trio
from trio.testing import MockClock

from k8slite.actors import CALM_SECONDS, RESTART_MOST_SECONDS, Link, Supervisor
from k8slite.messages import Peer, Request, Response, User


class Failing:
    """Fails after a while, again and again."""

    name = "failing"

    def __init__(self, after_seconds: float = 0.0, *, starts: bool = True) -> None:
        self.began: list[float] = []
        self._after_seconds = after_seconds
        self._starts = starts

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        self.began.append(trio.current_time())
        if self._starts:
            task_status.started()
        await trio.sleep(self._after_seconds)
        raise ValueError("broken")


class Steady:
    name = "steady"

    def __init__(self) -> None:
        self.ended = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            self.ended = True


async def test_a_failed_actor_is_restarted_with_growing_pauses(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor, actor, steady = Supervisor(), Failing(), Steady()
    with caplog.at_level(logging.ERROR), trio.move_on_after(200):
        async with trio.open_nursery() as nursery:
            await nursery.start(supervisor.keep, steady)
            await nursery.start(supervisor.keep, actor)
            await trio.sleep(199)
            assert not steady.ended
            nursery.cancel_scope.cancel()
    pauses = [later - earlier for earlier, later in zip(actor.began, actor.began[1:], strict=False)]
    assert pauses[:4] == pytest.approx([0.2, 0.4, 0.8, 1.6])
    assert max(pauses) == pytest.approx(RESTART_MOST_SECONDS)
    condition = supervisor.conditions["failing"]
    assert condition.restarts == len(actor.began)
    assert condition.last_error == "ValueError: broken"
    assert supervisor.conditions["steady"].restarts == 0
    assert "failing failed and will be restarted" in caplog.text


async def test_the_pauses_start_anew_after_a_calm_time(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor, actor = Supervisor(), Failing(CALM_SECONDS + 1)
    with caplog.at_level(logging.CRITICAL), trio.move_on_after(1000):
        await supervisor.keep(actor)
    pauses = [
        later - earlier - CALM_SECONDS - 1
        for earlier, later in zip(actor.began, actor.began[1:], strict=False)
    ]
    assert pauses == pytest.approx([0.2] * len(pauses))


async def test_an_actor_that_starts_at_the_second_attempt_counts_as_started(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Late(Failing):
        async def run(
            self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
        ) -> None:
            self.began.append(trio.current_time())
            if len(self.began) == 1:
                raise ValueError("not yet")
            task_status.started()
            await trio.sleep_forever()

    actor = Late()
    with caplog.at_level(logging.CRITICAL):
        async with trio.open_nursery() as nursery:
            await nursery.start(Supervisor().keep, actor)
            assert len(actor.began) == 2
            nursery.cancel_scope.cancel()


async def test_a_link_says_who_calls() -> None:
    async def echo(request: Request) -> Response:
        assert request.peer.user is not None
        return Response(200, request.peer.user.name.encode())

    link = Link(echo, Peer("in-process", User("system:me")))
    forged = Request("GET", "/", peer=Peer("elsewhere", User("root")))
    assert (await link(forged)).body == b"system:me"
