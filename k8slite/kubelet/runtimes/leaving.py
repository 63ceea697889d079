"""What is done with pods from their deletion on, beside the end of their containers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from attrs import define, evolve, field

from k8slite.kubelet.pod import Pod
from k8slite.kubelet.runtimes.fake_run import Run, of_pod
from k8slite.kubelet.runtimes.runtime import ContainerKey, Report
from k8slite.kubelet.runtimes.script import OfPod, Script, due_of_pod
from k8slite.kubelet.timers import Timer, Timers


@define(eq=False)
class Leaving:
    """Plays the steps of pods that are deleted, of which the containers may have ended."""

    timers: Timers
    report: Callable[[Report], None]
    _waiting: dict[str, list[Timer]] = field(factory=dict)  # by pod uid

    def begin(self, pod: Pod, script: Script, runs: Iterable[Run]) -> None:
        """Report what is due at once, and the rest when it is; what runs ends as the script says.

        The script is that of the pod's first container.
        """
        if not script.leaving:
            return
        for run in runs:
            run.script = evolve(run.script, stop_seconds=script.stop_seconds)
        key = ContainerKey(pod.metadata.uid, pod.spec.containers[0].name)
        for offset, step in due_of_pod(script.leaving):
            if offset <= 0:
                self.report(of_pod(key, step))
            else:
                timer = self.timers.after(offset, partial(self._due, key, step))
                self._waiting.setdefault(key.pod_uid, []).append(timer)

    def forget(self, pod_uid: str) -> None:
        """The pod is gone."""
        for timer in self._waiting.pop(pod_uid, ()):
            timer.cancel()

    def _due(self, key: ContainerKey, step: OfPod) -> None:
        self.report(of_pod(key, step))
