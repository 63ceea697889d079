"""What every container Runtime has to do: subclass `RuntimeContract` and name a runtime.

`play(runtime)` makes it; `ending` and `lasting` are pods whose one container `c` ends with code 3
at once, or runs until it is stopped.
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
