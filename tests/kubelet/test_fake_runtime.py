"""The pretending runtime keeps every runtime's contract, and plays what it is told to."""

from __future__ import annotations

import pytest
import trio

from k8slite.kubelet.runtimes.fake import FakeRuntime
from k8slite.kubelet.runtimes.runtime import Exited
from k8slite.kubelet.runtimes.script import Exit, Wait
from k8slite.kubelet.timers import Timers
from tests.client.fake_api import FakeWorld
from tests.contracts.runtime_contract import RuntimeContract, pod_of


class TestFakeRuntime(RuntimeContract):
    ending = pod_of("ending", **{"k8slite.dev/exit-code": "3"})
    lasting = pod_of("lasting")

    @pytest.fixture
    async def runtime(self, nursery):
        timers = Timers(FakeWorld())
        nursery.start_soon(timers.run)
        runtime = FakeRuntime(timers)
        await nursery.start(runtime.run)
        return runtime

    async def test_a_script_can_be_played_to_a_running_container(
        self, autojump_clock, runtime, told
    ):
        key = self.key(self.lasting)
        assert not runtime.play(key, (Exit(1),))
        runtime.start(self.config(self.lasting))
        assert runtime.play(key, (Wait(5), Exit(9, "OOMKilled")))
        began = trio.current_time()
        ended = await told.until(Exited)
        assert (ended.exit_code, ended.reason) == (9, "OOMKilled")
        assert trio.current_time() - began == 5
