"""What every container Runtime has to do: subclass `RuntimeContract` and name a runtime.

`ending` and `lasting` are pods whose one container `c` ends with code 3 at once, or runs until it
is stopped, knows `sh`, `cat` and `echo`, and listens on no port.
"""

from __future__ import annotations

import pytest
import trio

from k8slite.kinds.models import Metadata
from k8slite.kubelet.pod import Container, Pod, PodSpec
from k8slite.kubelet.runtimes.runtime import (
    ContainerConfig,
    ContainerKey,
    Exited,
    LogNotFound,
    LogOptions,
    Probed,
    Pulled,
    PullFailed,
    Started,
)
from k8slite.kubelet.runtimes.session import ExecFailed, Session, Size

WAIT_SECONDS = 60  # for a report: a real runtime may have to pull


def pod_of(name: str, **annotations: str) -> Pod:
    container = Container("c", "nginx:1.29", image_pull_policy="IfNotPresent")
    metadata = Metadata(name, "default", f"uid-{name}", annotations=annotations)
    return Pod(metadata, PodSpec(containers=(container,)))


class Told:
    """The reports, in order."""

    def __init__(self) -> None:
        self.reports = []
        self._news = trio.Event()

    def __call__(self, report) -> None:
        self.reports.append(report)
        self._news.set()
        self._news = trio.Event()

    async def until(self, kind, count=1):
        with trio.fail_after(WAIT_SECONDS):
            while len(found := [r for r in self.reports if isinstance(r, kind)]) < count:
                await self._news.wait()
        return found[count - 1]


class Client:
    """Whoever is connected to a command, or to a container itself: a Session and its other end."""

    def __init__(self, *typed: bytes, tty: bool = False) -> None:
        self.out, self.err = b"", b""
        self._send, stdin = trio.open_memory_channel[bytes](len(typed))
        for piece in typed:
            self._send.send_nowait(piece)
        self._send.close()
        self._resized, sizes = trio.open_memory_channel[Size](0)
        self.session = Session(stdin, sizes, self._written, tty)

    async def _written(self, data: bytes, error: bool) -> None:
        await trio.lowlevel.checkpoint()
        if error:
            self.err += data
        else:
            self.out += data


class Deaf:
    """A connection that says nothing (a `k8slite.messages.Duplex`)."""

    async def receive(self) -> bytes:
        return b""

    async def send(self, data: bytes) -> None:
        raise AssertionError("there is nobody who could answer")


class RuntimeContract:
    """The suite; needs a fixture `runtime` that runs and is not attached yet."""

    ending: Pod
    lasting: Pod

    @pytest.fixture
    def told(self, runtime):
        told = Told()
        runtime.attach(told)
        return told

    def config(self, pod, attempt=0):
        return ContainerConfig(pod, pod.spec.containers[0], attempt, ("10.0.0.2",))

    def key(self, pod):
        return ContainerKey(pod.metadata.uid, "c")

    async def test_a_container_starts_runs_and_is_stopped(self, autojump_clock, runtime, told):
        runtime.start(self.config(self.lasting))
        started = await told.until(Started)
        assert started.id.startswith(f"{runtime.name}://")
        assert (await told.until(Probed)).ok
        kinds = [type(report) for report in told.reports]
        assert kinds == [Pulled, Started, Probed]
        assert [one.id for one in runtime.inspect(self.lasting.metadata.uid)] == [started.id]
        runtime.stop(self.key(self.lasting), 1.0)
        assert (await told.until(Exited)).id == started.id
        assert runtime.inspect(self.lasting.metadata.uid) == []

    async def test_what_runs_uses_something(self, autojump_clock, runtime, told):
        uid = self.lasting.metadata.uid
        assert runtime.usage(uid) == []
        runtime.start(self.config(self.lasting))
        await told.until(Started)
        [usage] = runtime.usage(uid)
        assert usage.name == self.lasting.spec.containers[0].name
        assert usage.cpu_milli >= 0
        assert usage.memory_bytes > 0
        runtime.stop(self.key(self.lasting), 1.0)
        await told.until(Exited)
        assert runtime.usage(uid) == []

    async def test_an_end_is_told_with_its_code(self, autojump_clock, runtime, told):
        runtime.start(self.config(self.ending))
        ended = await told.until(Exited)
        assert ended.exit_code == 3
        assert isinstance(told.reports[-1], Exited)

    async def test_each_run_has_an_id_of_its_own(self, autojump_clock, runtime, told):
        runtime.start(self.config(self.ending))
        first = await told.until(Exited)
        runtime.start(self.config(self.ending, 1))
        second = await told.until(Exited, 2)
        assert first.id != second.id

    async def test_stopping_what_does_not_run_is_nothing(self, autojump_clock, runtime, told):
        runtime.stop(self.key(self.lasting), 1.0)
        assert told.reports == []

    async def test_what_is_forgotten_is_gone_without_a_word(self, autojump_clock, runtime, told):
        runtime.start(self.config(self.lasting))
        await told.until(Probed)
        count = len(told.reports)
        runtime.forget(self.lasting.metadata.uid)
        await trio.sleep(1)
        assert len(told.reports) == count
        assert runtime.inspect(self.lasting.metadata.uid) == []
        with pytest.raises(LogNotFound):
            runtime.log(self.key(self.lasting), LogOptions())

    async def test_logs_of_this_run_and_the_one_before(self, autojump_clock, runtime, told):
        runtime.start(self.config(self.ending))
        await told.until(Exited)
        with pytest.raises(LogNotFound):
            runtime.log(self.key(self.ending), LogOptions(previous=True))
        runtime.start(self.config(self.ending, 1))
        await told.until(Exited, 2)
        for options in (LogOptions(), LogOptions(previous=True)):
            assert isinstance(runtime.log(self.key(self.ending), options), bytes)

    async def test_a_running_container_is_adopted(self, autojump_clock, runtime, told):
        runtime.start(self.config(self.lasting))
        started = await told.until(Started)
        await told.until(Probed)
        assert runtime.adopt(self.config(self.lasting), started.id, 0.0)
        assert (await told.until(Probed, 2)).id == started.id
        assert not runtime.adopt(self.config(self.ending), "other://1", 0.0)
        assert not [r for r in told.reports if isinstance(r, PullFailed)]

    async def running(self, runtime, told):
        runtime.start(self.config(self.lasting))
        await told.until(Started)
        return self.key(self.lasting)

    async def test_commands_run_in_it(self, autojump_clock, runtime, told):
        key = await self.running(runtime, told)
        client = Client()
        assert await runtime.exec(key, ("echo", "a", "b"), client.session) == 0
        assert (client.out, client.err) == (b"a b\n", b"")
        client = Client()
        assert await runtime.exec(key, ("sh", "-c", "echo no >&2; exit 4"), client.session) == 4
        assert (client.out, client.err) == (b"", b"no\n")
        client = Client(b"one\n", b"two")
        assert await runtime.exec(key, ("cat",), client.session) == 0
        assert client.out == b"one\ntwo"

    async def test_a_command_ends_with_its_container(self, autojump_clock, runtime, told):
        key = await self.running(runtime, told)
        client = Client()
        with trio.fail_after(WAIT_SECONDS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(runtime.exec, key, ("sleep", "1000000"), client.session)
                await trio.sleep(0.1)
                runtime.stop(key, 1.0)
                await told.until(Exited)

    async def test_what_cannot_be_run_is_told(self, autojump_clock, runtime, told):
        with pytest.raises(ExecFailed):
            await runtime.exec(self.key(self.lasting), ("true",), Client().session)
        key = await self.running(runtime, told)
        with pytest.raises(ExecFailed, match="executable file not found"):
            await runtime.exec(key, ("no-such-program",), Client().session)

    async def test_who_is_attached_stays_until_the_end(self, autojump_clock, runtime, told):
        with pytest.raises(ExecFailed):
            await runtime.attach_to(self.key(self.lasting), Client().session)
        key = await self.running(runtime, told)
        ended = []

        async def attach() -> None:
            ended.append(await runtime.attach_to(key, Client().session))

        with trio.fail_after(WAIT_SECONDS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(attach)
                await trio.sleep(1)
                assert ended == []
                runtime.stop(key, 1.0)
        assert ended == [0]

    async def test_a_port_that_nobody_listens_on(self, autojump_clock, runtime, told):
        uid = self.lasting.metadata.uid
        with pytest.raises(OSError):
            await runtime.forward(uid, 81, Deaf())
        await self.running(runtime, told)
        with pytest.raises(OSError):
            await runtime.forward(uid, 81, Deaf())
