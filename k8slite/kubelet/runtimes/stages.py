"""KWOK's Stages (kwok.x-k8s.io/v1alpha1) as scripts of containers (pure).

A pod's way through its Stages is played in advance, from the pod that waits: each Stage that its
labels, annotations and fields select waits its delay and changes the status as its template says;
what that means for a container becomes steps: it starts late, is ready or not, ends with a code.
What is left to chance (jitter, one of several Stages by weight) is drawn once for a pod. The next
Stage is always looked for at once, so `immediateNextStage` changes nothing. What our own nodes do
anyway (addresses, heartbeats) is theirs to do.

Events, finalizers and the pod's deletion are steps of its first container, also when that has
ended; a container that is started again plays them again. When a pod is deleted, the Stages of a
pod with a `deletionTimestamp` are played from the pod as it is: its containers end when one of
them deletes it (or with the grace), and what is done to its finalizers is done.

Refused, with a reason: other kinds than Pod (Stages named as those that KWOK has for every node are
passed over), patches of more than the status, JSON patches and those in somebody else's name,
expressions that are more than paths and selections, CEL, unknown functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from attrs import evolve, frozen

from k8slite.kubelet.runtimes import stage_reading, stage_template
from k8slite.kubelet.runtimes.annotations import Behaviour
from k8slite.kubelet.runtimes.finalizers import Finalizers
from k8slite.kubelet.runtimes.script import (
    Announce,
    DeletePod,
    Exit,
    Ready,
    Script,
    Step,
    Wait,
)
from k8slite.kubelet.runtimes.stage_choice import chosen
from k8slite.kubelet.runtimes.stage_delay import delay_seconds, share
from k8slite.kubelet.runtimes.stage_expressions import selects
from k8slite.kubelet.runtimes.stage_reading import Unsupported
from k8slite.objects.meta import parse_timestamp, timestamp

Json = dict[str, Any]

# A pod that goes through more Stages than these goes in circles.
STAGES_MOST: Final = 20
# Stages of nodes that do what every node here does by itself.
_OF_NODES: Final = ("node-initialize", "node-heartbeat", "node-heartbeat-with-lease")


def check(stage: Json) -> None:
    """Raises Unsupported for a Stage that is not played."""
    name, spec = stage["metadata"].get("name", ""), stage.get("spec") or {}
    kind = (spec.get("resourceRef") or {}).get("kind")
    if kind == "Node" and name in _OF_NODES:
        return
    if kind != "Pod":
        raise Unsupported(f"Stage {name}: only Stages of Pods are played, not of {kind}")
    stage_reading.check(stage)


def play(
    stages: Sequence[Json], pod: Json, container: str, now: str, usual: Behaviour
) -> Behaviour:
    """What a container of a pod does by its Stages, and what cannot be played; where none is for
    the pod it is as usual. `now` is the time, as templates print it."""
    usable, complaints = [], []
    for stage in stages:
        try:
            check(stage)
        except Unsupported as error:
            complaints.append(str(error))
        else:
            if stage["metadata"]["name"] not in _OF_NODES and stage_reading.steps(stage):
                usable.append(stage)
    try:
        if pod["metadata"].get("deletionTimestamp"):
            found = _leaving(usable, pod, now, usual.script)
        else:
            found = _script(usable, pod, container, now)
    except Unsupported as error:
        found = None
        complaints.append(str(error))
    return Behaviour(found or usual.script, (*usual.complaints, *complaints))


def _script(stages: Sequence[Json], pod: Json, container: str, now: str) -> Script | None:
    start_seconds, steps, changed, ended = 0.0, list[Step](), False, False
    first = pod["spec"]["containers"][0]["name"] == container
    initial = container in [one["name"] for one in pod["spec"].get("initContainers") or ()]
    for change in _course(stages, _waiting(stages, pod), now):
        changed = True
        status = change.after["status"]
        if ended and not (first and status.get("phase") in _TERMINAL):
            break
        starts = not _begun(change.before["status"], container)
        if starts:
            start_seconds += change.delay_seconds
        elif change.delay_seconds:
            steps.append(Wait(change.delay_seconds))
        steps += change.of_the_pod if first else []
        if starts and not initial and not _prepared(change.before) and _prepared(change.after):
            start_seconds = 0.0  # the kubelet starts it when the init containers have ended
        if not (starts or ended):
            steps += _steps(change.before["status"], status, container)
            ended = any(isinstance(step, Exit) for step in steps)
    return Script(tuple(steps), start_seconds=start_seconds) if changed else None


def _leaving(stages: Sequence[Json], pod: Json, now: str, usual: Script) -> Script | None:
    """What happens from its deletion on; it takes as long as the Stages say if they delete it."""
    steps, passed_seconds = list[Step](), 0.0
    for change in _course(stages, {"status": {}, **pod}, now):
        passed_seconds += change.delay_seconds
        steps += [Wait(change.delay_seconds)] if change.delay_seconds else []
        for step in change.of_the_pod:
            if isinstance(step, DeletePod):  # the kubelet does, when its containers have ended
                return evolve(usual, leaving=tuple(steps), stop_seconds=passed_seconds)
            steps.append(step)
    return evolve(usual, leaving=tuple(steps)) if steps else None


@frozen
class _Change:
    """A Stage that a pod goes through."""

    delay_seconds: float
    before: Json  # the pod
    after: Json
    of_the_pod: list[Step]  # what it does beside changing the status


def _waiting(stages: Sequence[Json], pod: Json) -> Json:
    """The pod as it begins: as one that waits if a Stage is for such, else it runs."""
    state: Json = {**pod, "status": {"phase": "Pending"}}
    if any(selects(one, state) for one in stages):
        return state
    address = (pod.get("status") or {}).get("podIP", "-")
    return {**pod, "status": {**_RUNNING, "podIP": address}}


def _course(stages: Sequence[Json], state: Json, now: str) -> Iterator[_Change]:
    """The Stages that a pod goes through, until none changes it. Raises Unsupported."""
    moment = parse_timestamp(now)
    for position in range(STAGES_MOST + 1):
        fitting = [one for one in stages if selects(one, state)]
        if not fitting:
            return
        stage = chosen(fitting, state, share(state, str(position)))
        drawn = share(state, f"{position}/{stage['metadata']['name']}")
        delay = delay_seconds(stage["spec"].get("delay") or {}, state, moment, drawn)
        moment += timedelta(seconds=delay)
        after, done = _played(stage, state, timestamp(moment))
        same = after["status"] == state["status"] and _finalizers(after) == _finalizers(state)
        if same and not (done or (position == 0 and state["status"].get("phase") == "Pending")):
            return
        yield _Change(delay, state, after, done)
        if same or DeletePod() in done:
            return  # nobody looks at it again, or it has gone
        state = after
    raise Unsupported(f"the Stages of this pod go in circles (more than {STAGES_MOST})")


def _played(stage: Json, state: Json, now: str) -> tuple[Json, list[Step]]:
    """The pod once a Stage's steps are done, and what they do beside changing its status."""
    name, done = stage["metadata"]["name"], list[Step]()
    for step in stage_reading.steps(stage):
        event, finalizers = step.get("event"), step.get("finalizers")
        if event:
            reason, message = (
                stage_template.text(str(event.get(word) or ""), state, now, name)
                for word in ("reason", "message")
            )
            done.append(Announce(reason, message, event.get("type") or "Normal"))
        if DeletePod() in done:
            continue
        if finalizers:
            change = Finalizers(
                add=tuple(one["value"] for one in finalizers.get("add") or ()),
                remove=tuple(one["value"] for one in finalizers.get("remove") or ()),
                empty=bool(finalizers.get("empty")),
            )
            left = change.applied(_finalizers(state))
            if left != _finalizers(state):
                done.append(change)
                metadata = {**state["metadata"], "finalizers": list(left)}
                if not left:
                    del metadata["finalizers"]
                state = {**state, "metadata": metadata}
        if step.get("delete"):
            done.append(DeletePod())
        elif step.get("patch"):
            state = {**state, "status": stage_template.patched(step["patch"], state, now, name)}
    return state, done


def _finalizers(pod: Json) -> tuple[str, ...]:
    return tuple(pod["metadata"].get("finalizers") or ())


def _begun(status: Json, container: str) -> bool:
    """Whether a container has begun."""
    state = _status_of(status, container).get("state") or {}
    return status.get("phase") not in (None, "Pending") or not state.keys().isdisjoint(_BEGUN)


def _prepared(pod: Json) -> bool:
    """Whether the init containers have ended, of which there are some."""
    found = (pod["status"] or {}).get("initContainerStatuses") or ()
    return bool(found) and all((one.get("state") or {}).get("terminated") for one in found)


def _steps(before: Json, after: Json, container: str) -> list[Step]:
    """What a change of the pod's status means for a container."""
    found = _status_of(after, container)
    ended = (found.get("state") or {}).get("terminated")
    if ended is not None:
        code = int(ended.get("exitCode") or 0)
        return [Exit(code, str(ended.get("reason") or ""), str(ended.get("message") or ""))]
    if after.get("phase") in _TERMINAL and not found:
        return [Exit(int(after["phase"] == "Failed"))]
    ready = bool(found.get("ready", True))
    if ready is not bool(_status_of(before, container).get("ready", True)):
        return [Ready(ready)]
    return []


def _status_of(status: Json, container: str) -> Json:
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return next((one for one in every if one.get("name") == container), {})


_BEGUN: Final = ("running", "terminated")
_TERMINAL: Final = ("Failed", "Succeeded")
_RUNNING: Final[Mapping[str, Any]] = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True"}],
}
