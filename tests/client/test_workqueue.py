"""A name waits once, is in one worker's hands, and comes back later the more often it fails."""

from __future__ import annotations

import pytest
import trio

from k8slite.client.workqueue import WorkQueue
from k8slite.objects.meta import Name

A, B, C = Name("ns", "a"), Name("ns", "b"), Name("ns", "c")


@pytest.fixture
async def queue(nursery):
    queue = WorkQueue()
    await nursery.start(queue.run)
    return queue


async def test_names_come_in_order_and_once(autojump_clock, queue):
    for name in (B, A, B):
        queue.add(name)
    assert len(queue) == 2
    assert [await queue.get(), await queue.get()] == [B, A]


async def test_a_name_in_work_waits_for_its_worker(autojump_clock, queue):
    queue.add(A)
    assert await queue.get() == A
    queue.add(A)
    queue.add(A)
    assert len(queue) == 0
    queue.done(A)
    assert len(queue) == 1
    assert await queue.get() == A
    queue.done(A)
    assert len(queue) == 0


async def test_every_waiting_worker_gets_one(autojump_clock, queue, nursery):
    got = []

    async def work():
        got.append(await queue.get())

    for _ in range(3):
        nursery.start_soon(work)
    await trio.testing.wait_all_tasks_blocked()
    for name in (A, B, C):
        queue.add(name)
    await trio.testing.wait_all_tasks_blocked()
    assert sorted(got) == [A, B, C]


async def test_later_means_later_and_the_soonest_counts(autojump_clock, queue):
    queue.add_after(A, 50)
    queue.add_after(B, 20)
    queue.add_after(A, 10)
    queue.add_after(A, 30)
    times = []
    for _ in range(2):
        name = await queue.get()
        times.append((name, trio.current_time()))
        queue.done(name)
    assert [(name, round(moment)) for name, moment in times] == [(A, 10), (B, 20)]
    await trio.sleep(100)
    assert len(queue) == 0


async def test_failures_lengthen_the_pause_until_forgotten(autojump_clock, queue):
    pauses = []
    for attempt in range(21):
        if attempt == 19:
            queue.forget(A)
        began = trio.current_time()
        queue.add_rate_limited(A)
        await queue.get()
        pauses.append(trio.current_time() - began)
        queue.done(A)
    assert pauses[:3] == pytest.approx([0.005, 0.01, 0.02])
    assert pauses[18] == pytest.approx(1000)
    assert pauses[19:] == pytest.approx([0.005, 0.01])
