"""A component that fails is restarted and counted, and the API stays up."""

import logging

import pytest
import trio
from trio.testing import MockClock

from k8slite.client.resource import CONFIG_MAPS, DEPLOYMENTS, PODS
from k8slite.cluster import Cluster, Settings
from k8slite.messages import Peer, Request, User
from k8slite.scheduler.scheduler import Scheduler
from k8slite.sim.world import SimulatedWorld
from k8slite.store.memory import MemoryStore

ADMIN = Peer(user=User("admin", ("system:masters",)))


async def test_the_api_outlives_a_scheduler_that_keeps_failing(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real_run, runs = Scheduler.run, []

    async def failing_at_first(
        self: Scheduler, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        runs.append(trio.current_time())
        if len(runs) < 4:
            task_status.started()
            raise RuntimeError("a bug in the scheduler")
        await real_run(self, task_status=task_status)

    monkeypatch.setattr(Scheduler, "run", failing_at_first)
    cluster = Cluster(MemoryStore(), SimulatedWorld(1), Settings(nodes=1))
    user = cluster.client("tester")
    with caplog.at_level(logging.CRITICAL):
        async with trio.open_nursery() as nursery:
            await nursery.start(cluster.run)
            await user.create(CONFIG_MAPS, {"metadata": {"name": "x"}}, "default")
            await user.create(
                DEPLOYMENTS,
                {
                    "metadata": {"name": "web"},
                    "spec": {
                        "selector": {"matchLabels": {"app": "web"}},
                        "template": {
                            "metadata": {"labels": {"app": "web"}},
                            "spec": {"containers": [{"name": "c", "image": "x"}]},
                        },
                    },
                },
                "default",
            )
            await trio.sleep(30)
            pods = (await user.list(PODS, "default"))["items"]
            assert [pod["status"]["phase"] for pod in pods] == ["Running"]
            response = await cluster.handler(Request("GET", "/metrics", peer=ADMIN))
            assert isinstance(response.body, bytes)
            text = response.body.decode()
            name = next(n for n, c in cluster.supervisor.conditions.items() if c.restarts)
            assert f'k8slite_component_restarts{{component="{name}"}} 3' in text
            assert f'k8slite_component_running{{component="{name}"}} 1' in text
            nursery.cancel_scope.cancel()
