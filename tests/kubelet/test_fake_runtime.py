"""The pretending runtime keeps every runtime's contract, and plays what it is told to."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from attrs import evolve

from k8slite.kubelet.pod import Pod, PodSpec
from k8slite.kubelet.runtimes.annotations import Behaviour, behaviour_of
from k8slite.kubelet.runtimes.fake import FakeRuntime
from k8slite.kubelet.runtimes.program import Process
from k8slite.kubelet.runtimes.runtime import Announced, Exited, LogOptions, Started, Unwanted
from k8slite.kubelet.runtimes.script import Announce, DeletePod, Exit, Log, Script, Wait
from k8slite.kubelet.timers import Timers
from tests.client.fake_api import FakeWorld
from tests.contracts.runtime_contract import Client, RuntimeContract, pod_of


async def made(nursery, scripting=behaviour_of):
    timers = Timers(FakeWorld())
    nursery.start_soon(timers.run)
    runtime = FakeRuntime(timers, scripting=scripting)
    await nursery.start(runtime.run)
    return runtime


def container(name: str, **changes: Any) -> Pod:
    pod = pod_of(name)
    return evolve(pod, spec=PodSpec(containers=(evolve(pod.spec.containers[0], **changes),)))


class TestInterpretedCommands(RuntimeContract):
    """Its containers run the commands that are written in them."""

    ending = container("ending", command=("sh", "-c", "exit 3"))
    lasting = container("lasting", command=("sleep", "1000000"))

    @pytest.fixture
    async def runtime(self, nursery):
        return await made(nursery)

    async def test_what_is_typed_is_read(self, autojump_clock, runtime, told):
        reading = container("reading", command=("cat",), stdin=True, stdin_once=True)
        runtime.start(self.config(reading))
        await told.until(Started)
        client = Client(b"typed", b" here\n")
        await runtime.attach_to(self.key(reading), client.session)
        assert (await told.until(Exited)).exit_code == 0
        assert client.out == b"typed here\n"
        assert runtime.log(self.key(reading), LogOptions()) == b"typed here\n"

    async def test_stdin_stays_open_for_the_next_and_all_see(self, autojump_clock, runtime, told):
        shell = container("shell", command=("sh",), stdin=True)
        runtime.start(self.config(shell))
        await told.until(Started)
        first, second = Client(b"echo one\n"), Client(b"echo two\nexit 5\n")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runtime.attach_to, self.key(shell), first.session)
            await trio.sleep(1)
            nursery.start_soon(runtime.attach_to, self.key(shell), second.session)
        assert (await told.until(Exited)).exit_code == 5
        assert (first.out, second.out) == (b"one\ntwo\n", b"two\n")


class TestPrograms(RuntimeContract):
    """Its containers are coroutines."""

    ending = pod_of("ending")
    lasting = pod_of("lasting")

    @pytest.fixture
    async def runtime(self, nursery):
        async def program(process: Process) -> int:
            if process.pod == "ending":
                return 3
            while piece := await process.read():
                process.log(piece.decode().upper())
            if process.pod == "lasting":
                await trio.sleep_forever()
            return 0

        return await made(nursery, lambda *_: Behaviour(Script(program=program)))

    async def test_what_is_typed_is_read(self, autojump_clock, runtime, told):
        reading = container("reading", stdin=True, stdin_once=True)
        runtime.start(self.config(reading))
        await told.until(Started)
        client = Client(b"typed", b"here")
        await runtime.attach_to(self.key(reading), client.session)
        assert (await told.until(Exited)).exit_code == 0
        assert b"TYPED\nHERE\n" in client.out


class TestFakeRuntime(RuntimeContract):
    ending = pod_of("ending", **{"k8slite.dev/exit-code": "3"})
    lasting = pod_of("lasting")

    @pytest.fixture
    async def runtime(self, nursery):
        return await made(nursery)

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

    async def test_a_pod_is_told_of_and_deleted_after_the_end(self, autojump_clock, runtime, told):
        steps = (Announce("Ends"), Exit(1), Wait(5), Announce("Ended"), Log("no"), DeletePod())
        runtime.start(self.config(self.lasting))
        assert runtime.play(self.key(self.lasting), steps)
        began = trio.current_time()
        await told.until(Unwanted)
        assert trio.current_time() - began == 5
        assert [one.reason for one in told.reports if isinstance(one, Announced)] == [
            "Ends",
            "Ended",
        ]
        log = runtime.log(self.key(self.lasting), LogOptions())
        assert b"no\n" not in log and b"ends with code 1" in log

    async def test_nothing_more_of_a_container_that_is_started_again_or_stopped(
        self, autojump_clock, runtime, told
    ):
        runtime.start(self.config(self.lasting))
        runtime.play(self.key(self.lasting), (Exit(1), Wait(60), DeletePod()))
        runtime.start(evolve(self.config(self.lasting), attempt=1))
        await trio.sleep(100)
        assert not [one for one in told.reports if isinstance(one, Unwanted)]
        runtime.play(self.key(self.lasting), (Wait(60), Exit(1), Wait(60), DeletePod()))
        runtime.stop(self.key(self.lasting), 30)
        await trio.sleep(200)
        assert not [one for one in told.reports if isinstance(one, Unwanted)]

    async def test_who_is_taken_up_tells_no_event_twice(self, autojump_clock, nursery, told):
        steps = (Announce("Early"), DeletePod(), Wait(50), Announce("Late"))
        runtime = await made(nursery, lambda pod, container: Behaviour(Script(steps)))
        runtime.attach(told.reports.append)
        await trio.sleep(100)
        assert runtime.adopt(self.config(self.lasting), "fake://1", 30)
        await trio.sleep(30)
        found = [one for one in told.reports if isinstance(one, Announced | Unwanted)]
        assert [getattr(one, "reason", "deleted") for one in found] == ["deleted", "Late"]
