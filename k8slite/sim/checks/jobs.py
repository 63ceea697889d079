"""What the status of a Job says of its pods: each that ended is counted, none of them twice.

Mirrors what upstream's tracking by finalizers promises. A pod counts if it carried the finalizer
when it ended, or was deleted; pods that end after the Job was over are nobody's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from attrs import Factory, define

from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import JOBS, PODS, condition, controller_of, terminating, uid

Json = dict[str, Any]

_FINALIZER: Final = "batch.kubernetes.io/job-tracking"
_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_CONTROLLER: Final = "job-controller"


@define(eq=False)
class _Ended:
    """Pods of one Job that carried the finalizer when they ended: UIDs, and indexes."""

    succeeded: set[str] = Factory(set)
    otherwise: set[str] = Factory(set)  # failed, or deleted whatever became of them
    indexes: set[int] = Factory(set)  # of those that succeeded


class Jobs:
    """Counts of Jobs against the pods that there were."""

    name: ClassVar[str] = "jobs"
    prefixes: ClassVar[tuple[str, ...]] = (JOBS, PODS)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._ended: dict[str, _Ended] = {}  # by the Job's UID
        self._over: set[str] = set()  # UIDs of Jobs that are over

    def commit(self, change: Change) -> Iterable[str]:
        new = change.new
        if new is None:
            return ()
        if change.resource == PODS:
            self._pod(new)
            return ()
        ended = self._ended.setdefault(uid(new), _Ended())
        if condition(new, "Complete") == "True" or condition(new, "Failed") == "True":
            self._over.add(uid(new))
        return list(_too_many(change.key, new, ended))

    def rest(self) -> Iterable[str]:
        if _CONTROLLER not in self._setting.running:
            return
        for key, job in self._setting.state.all(JOBS):
            spec = job["spec"]
            theirs = spec.get("managedBy") not in (None, "kubernetes.io/job-controller")
            if not theirs and not terminating(job):
                yield from _too_few(key, job, self._ended.get(uid(job), _Ended()))

    def _pod(self, pod: Json) -> None:
        owner = controller_of(pod)
        if owner is None or owner["kind"] != "Job" or owner["uid"] in self._over:
            return
        if _FINALIZER not in (pod["metadata"].get("finalizers") or ()):
            return
        ended = self._ended.setdefault(owner["uid"], _Ended())
        phase = (pod.get("status") or {}).get("phase")
        if phase == "Succeeded":
            ended.succeeded.add(uid(pod))
            index = (pod["metadata"].get("annotations") or {}).get(_INDEX, "")
            if index.isdecimal():
                ended.indexes.add(int(index))
        elif phase == "Failed" or terminating(pod):
            ended.otherwise.add(uid(pod))


def _too_many(key: str, job: Json, ended: _Ended) -> Iterator[str]:
    status = job.get("status") or {}
    succeeded, failed = _counted(status, "succeeded"), _counted(status, "failed")
    if job["spec"].get("completionMode") == "Indexed":
        counted = _indexes(status.get("completedIndexes", ""))
        invented = sorted(counted - ended.indexes)
        if invented:
            yield f"{key} has the indexes {invented} completed, of which no pod succeeded"
        if len(counted) != status.get("succeeded", 0):
            yield f"{key} says succeeded {status.get('succeeded', 0)} of {len(counted)} indexes"
    elif succeeded > len(ended.succeeded):
        yield f"{key} counts {succeeded} successes of {len(ended.succeeded)} pods"
    # What a failing Job still has running is counted before it ends.
    if condition(job, "FailureTarget") != "True" and failed > len(ended.otherwise):
        yield f"{key} counts {failed} failures of {len(ended.otherwise)} pods"


def _too_few(key: str, job: Json, ended: _Ended) -> Iterator[str]:
    spec, status = job["spec"], job.get("status") or {}
    if spec.get("completionMode") == "Indexed":
        there = {index for index in ended.indexes if index < spec["completions"]}
        forgotten = sorted(there - _indexes(status.get("completedIndexes", "")))
        if forgotten:
            yield f"pods of the indexes {forgotten} of {key} succeeded, which it does not say"
        return
    succeeded = _counted(status, "succeeded")
    sure = ended.succeeded - ended.otherwise
    if succeeded < len(sure):
        yield f"{key} counts {succeeded} of {len(sure)} successes"
    # A Job that succeeds takes the pods that still run away without a word about them.
    if spec.get("podFailurePolicy") or condition(job, "SuccessCriteriaMet") == "True":
        return
    together = succeeded + _counted(status, "failed")
    every = ended.succeeded | ended.otherwise
    if together < len(every):
        yield f"{key} counts {together} of {len(every)} pods that ended"


def _counted(status: Json, kind: str) -> int:
    """With those that wait for their finalizer to be gone."""
    uncounted = (status.get("uncountedTerminatedPods") or {}).get(kind) or ()
    number: int = status.get(kind, 0)
    return number + len(uncounted)


def _indexes(text: str) -> set[int]:
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found
