"""KWOK's Stages (kwok.x-k8s.io/v1alpha1) as scripts of containers (pure).

A pod's way through its Stages is played in advance, from the pod that waits: each Stage that its
labels, annotations and fields select waits its delay and changes the status as its template says;
what that means for a container becomes steps: it starts late, is ready or not, ends with a code.
What is left to chance (jitter, one of several Stages by weight) is drawn once for a pod. The next
Stage is always looked for at once, so `immediateNextStage` changes nothing. What our own nodes do
anyway (addresses, heartbeats, deletion) is theirs to do.

Events (`next.event`) and the pod's deletion (`next.delete`) are steps of its first container, also
when that has ended; a container that is started again plays them again.

Refused, with a reason: other kinds than Pod, `next.finalizers`, `next.patches` of more than the
status, `steps`, what happens while a pod is deleted, expressions that are more than paths, unknown
functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from attrs import frozen

from k8slite.kubelet.runtimes.annotations import Behaviour
from k8slite.kubelet.runtimes.go_template import TemplateError, rendered
from k8slite.kubelet.runtimes.jq_path import parts, text_of, values
from k8slite.kubelet.runtimes.script import Announce, DeletePod, Exit, Ready, Script, Step, Wait
from k8slite.kubelet.runtimes.stage_choice import chosen
from k8slite.kubelet.runtimes.stage_delay import delay_seconds, share
from k8slite.objects.meta import parse_timestamp

Json = dict[str, Any]

# A pod that goes through more Stages than these goes in circles.
STAGES_MOST: Final = 20
# Stages of nodes that do what every node here does by itself.
_OF_NODES: Final = ("node-initialize", "node-heartbeat", "node-heartbeat-with-lease")
# Stages of pods that do what every kubelet does.
_OF_KUBELETS: Final = ("pod-delete", "pod-remove-finalizer")


class Unsupported(ValueError):
    """A Stage says something that cannot be played here; the text tells what."""


def check(stage: Json) -> None:
    """Raises Unsupported for a Stage that is not played."""
    name, spec = stage["metadata"].get("name", ""), stage.get("spec") or {}
    kind = (spec.get("resourceRef") or {}).get("kind")
    if kind == "Node" and name in _OF_NODES:
        return
    if kind != "Pod":
        raise Unsupported(f"Stage {name}: only Stages of Pods are played, not of {kind}")
    if name in _OF_KUBELETS:
        return
    if spec.get("steps"):
        raise Unsupported(f"Stage {name}: steps are not played, only what is under next")
    if (spec.get("next") or {}).get("finalizers"):
        raise Unsupported(f"Stage {name}: next.finalizers is not played")
    for patch in (spec.get("next") or {}).get("patches") or ():
        _check_patch(patch, name)
    event = (spec.get("next") or {}).get("event") or {}
    if event.get("type") not in (None, "", "Normal", "Warning"):
        raise Unsupported(f"Stage {name}: an event is Normal or Warning, not {event['type']}")
    for one in (spec.get("selector") or {}).get("matchExpressions") or ():
        path = _path(str(one.get("key")), name)
        if path == ["metadata", "deletionTimestamp"] and one.get("operator") == "Exists":
            raise Unsupported(f"Stage {name}: what a pod does while it is deleted is not played")
        if one.get("operator") not in ("In", "NotIn", "Exists", "DoesNotExist"):
            raise Unsupported(f"Stage {name}: operator {one.get('operator')} is not known")
    delay = spec.get("delay") or {}
    parts_from = (delay.get("durationFrom"), delay.get("jitterDurationFrom"))
    for part in (*parts_from, spec.get("weightFrom")):
        if part:
            _path(str(part.get("expressionFrom")), name)


def _check_patch(patch: Json, name: str) -> None:
    """Raises Unsupported for a patch that does more than a status template."""
    if patch.get("root") != "status" or patch.get("subresource") != "status":
        raise Unsupported(f"Stage {name}: next.patches is played for the status alone")
    if patch.get("type") not in (None, "", "merge", "strategic"):
        raise Unsupported(f"Stage {name}: a patch of type {patch['type']} is not played")
    if patch.get("impersonation"):
        raise Unsupported(f"Stage {name}: a patch in somebody else's name is not played")


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
            spec, name = stage["spec"], stage["metadata"]["name"]
            if name not in (*_OF_NODES, *_OF_KUBELETS) and spec.get("next"):
                usable.append(stage)
    try:
        found = _script(usable, pod, container, now)
    except (Unsupported, TemplateError) as error:
        found = None
        complaints.append(str(error))
    return Behaviour(found or usual.script, (*usual.complaints, *complaints))


def _script(stages: Sequence[Json], pod: Json, container: str, now: str) -> Script | None:
    start_seconds, steps, changed, ended = 0.0, list[Step](), False, False
    first = pod["spec"]["containers"][0]["name"] == container
    for change in _course(stages, pod, now):
        changed = True
        status = change.after["status"]
        if ended and not (first and status.get("phase") in _TERMINAL):
            break
        if change.starts:
            start_seconds = change.delay_seconds
        elif change.delay_seconds:
            steps.append(Wait(change.delay_seconds))
        steps += _of_the_pod(change.stage) if first else []
        if not (change.starts or ended):
            steps += _steps(change.before["status"], status, container)
            ended = bool(steps) and isinstance(steps[-1], Exit)
    return Script(tuple(steps), start_seconds=start_seconds) if changed else None


@frozen
class _Change:
    """A Stage that a pod goes through."""

    stage: Json
    delay_seconds: float
    before: Json  # the pod
    after: Json
    starts: bool  # the pod had only waited


def _course(stages: Sequence[Json], pod: Json, now: str) -> Iterator[_Change]:
    """The Stages that a pod goes through, until none changes it. Raises Unsupported."""
    state: Json = {**pod, "status": {"phase": "Pending"}}
    waits = any(_selects(one, state) for one in stages)
    if not waits:  # it begins as every pod does
        address = (pod.get("status") or {}).get("podIP", "-")
        state = {**pod, "status": {**_RUNNING, "podIP": address}}
    moment = parse_timestamp(now)
    for position in range(STAGES_MOST + 1):
        fitting = [one for one in stages if _selects(one, state)]
        if not fitting:
            return
        stage = chosen(fitting, state, share(pod, str(position)))
        after, starts = _after(stage, state, now), waits and position == 0
        same = after["status"] == state["status"]
        if same and not (starts or _of_the_pod(stage)):
            return
        drawn = share(pod, f"{position}/{stage['metadata']['name']}")
        delay = delay_seconds(stage["spec"].get("delay") or {}, state, moment, drawn)
        yield _Change(stage, delay, state, after, starts)
        if same:
            return  # nobody looks at it again, or it has gone
        state, moment = after, moment + timedelta(seconds=delay)
    raise Unsupported(f"the Stages of this pod go in circles (more than {STAGES_MOST})")


def _after(stage: Json, state: Json, now: str) -> Json:
    """The pod once a Stage has changed its status; one that deletes it does not."""
    from ruamel.yaml import YAML  # whoever has no Stages pays nothing for it
    from ruamel.yaml.error import YAMLError

    name, then = stage["metadata"]["name"], stage["spec"]["next"]
    templates = [one.get("template") for one in then.get("patches") or ()]
    templates.append(then.get("statusTemplate"))
    status = state["status"]
    functions = {
        "Now": lambda: now,
        "NodeIPWith": lambda *_: "0.0.0.0",
        "NodeIP": lambda *_: "0.0.0.0",
        "PodIPWith": lambda *_: (state.get("status") or {}).get("podIP") or "0.0.0.0",
    }
    try:
        for template in [] if then.get("delete") else templates:
            found = YAML(typ="safe", pure=True).load(rendered(template or "", state, functions))
            if not isinstance(found or {}, Mapping):
                raise Unsupported(f"Stage {name}: its status is no object: {found}")
            status = {**status, **(found or {})}
    except TemplateError as error:
        raise Unsupported(f"Stage {name}: {error}") from None
    except YAMLError as error:
        raise Unsupported(f"Stage {name}: its status is no YAML: {error}") from None
    return {**state, "status": status}


def _of_the_pod(stage: Json) -> list[Step]:
    """What a Stage does beside changing the status."""
    then, found = stage["spec"]["next"], list[Step]()
    event = then.get("event")
    if event:
        reason, message = (str(event.get(word) or "") for word in ("reason", "message"))
        found.append(Announce(reason, message, event.get("type") or "Normal"))
    return [*found, DeletePod()] if then.get("delete") else found


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


def _selects(stage: Json, state: Json) -> bool:
    selector, metadata = stage["spec"].get("selector"), state["metadata"]
    if selector is None:
        return False  # an empty one selects every pod, none selects no pod
    for part, held in (("matchLabels", "labels"), ("matchAnnotations", "annotations")):
        given = metadata.get(held) or {}
        if any(given.get(name) != value for name, value in (selector.get(part) or {}).items()):
            return False
    name = stage["metadata"]["name"]
    return all(_holds(one, state, name) for one in selector.get("matchExpressions") or ())


def _holds(expression: Json, state: Json, name: str) -> bool:
    found = values(state, _path(str(expression["key"]), name))
    wanted = [str(one) for one in expression.get("values") or ()]
    operator = expression["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return bool(found) is (operator == "Exists")
    return any(text_of(one) in wanted for one in found) is (operator == "In")


def _path(text: str, stage: str) -> list[str]:
    """A jq path as its parts: `.a.b`, `.a["b"]`, `.a[].b`, `.a.[].b`. Raises Unsupported."""
    try:
        return parts(text)
    except ValueError as error:
        raise Unsupported(f"Stage {stage}: {error}") from None


_TERMINAL: Final = ("Failed", "Succeeded")
_RUNNING: Final[Mapping[str, Any]] = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True"}],
}
