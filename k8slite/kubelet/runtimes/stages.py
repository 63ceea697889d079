"""KWOK's Stages (kwok.x-k8s.io/v1alpha1) as scripts of containers (pure).

A pod's way through its Stages is played in advance, from the pod that waits: each Stage that its
labels, annotations and fields select waits its delay and changes the status as its template says;
what that means for a container becomes steps: it starts late, is ready or not, ends with a code. Of
several that select the pod, the one with the greatest weight is taken, then by name; jitter is left
away. What our own nodes do anyway (addresses, heartbeats, deletion) is theirs to do.

Refused, with a reason: other kinds than Pod, `next.delete`, `next.finalizers`, `next.patches`,
`next.event`, `immediateNextStage`, expressions that are more than paths, unknown functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from k8slite.kubelet.runtimes.annotations import Behaviour, duration_seconds
from k8slite.kubelet.runtimes.go_template import TemplateError, rendered
from k8slite.kubelet.runtimes.jq_path import parts
from k8slite.kubelet.runtimes.script import Exit, Ready, Script, Step, Wait

Json = dict[str, Any]

# A pod that goes through more Stages than these goes in circles.
STAGES_MOST: Final = 20
# Stages of nodes that do what every node here does by itself.
_OF_NODES: Final = ("node-initialize", "node-heartbeat", "node-heartbeat-with-lease")


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
    if name in ("pod-delete", "pod-remove-finalizer"):
        return  # what every kubelet does
    for word in ("delete", "finalizers", "patches", "event"):
        if (spec.get("next") or {}).get(word):
            raise Unsupported(f"Stage {name}: next.{word} is not played")
    if spec.get("immediateNextStage"):
        raise Unsupported(f"Stage {name}: immediateNextStage is not played")
    for one in (spec.get("selector") or {}).get("matchExpressions") or ():
        _path(str(one.get("key")), name)
        if one.get("operator") not in ("In", "NotIn", "Exists", "DoesNotExist"):
            raise Unsupported(f"Stage {name}: operator {one.get('operator')} is not known")
    for part in ("durationFrom", "jitterDurationFrom"):
        given = (spec.get("delay") or {}).get(part) or {}
        if given.get("expressionFrom"):
            _path(given["expressionFrom"], name)


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
            if stage["spec"]["resourceRef"]["kind"] == "Pod" and stage["spec"].get("next"):
                usable.append(stage)
    try:
        found = _script(usable, pod, container, now)
    except (Unsupported, TemplateError) as error:
        found = None
        complaints.append(str(error))
    return Behaviour(found or usual.script, (*usual.complaints, *complaints))


def _script(stages: Sequence[Json], pod: Json, container: str, now: str) -> Script | None:
    state: Json = {**pod, "status": {"phase": "Pending"}}
    first = _next(stages, state)
    start_seconds = 0.0
    if first is not None:
        start_seconds = _delay_seconds(first, state)
        state = _after(first, state, now)
    else:
        state = {
            **pod,
            "status": {**_RUNNING, "podIP": (pod.get("status") or {}).get("podIP", "-")},
        }
    steps: list[Step] = []
    for _ in range(STAGES_MOST):
        stage = _next(stages, state)
        after = state if stage is None else _after(stage, state, now)
        if stage is None or after["status"] == state["status"]:
            return Script(tuple(steps), start_seconds=start_seconds) if first or steps else None
        delay = _delay_seconds(stage, state)
        steps += [Wait(delay)] if delay else []
        steps += _steps(state["status"], after["status"], container)
        if steps and isinstance(steps[-1], Exit):
            return Script(tuple(steps), start_seconds=start_seconds)
        state = after
    raise Unsupported(f"the Stages of this pod go in circles (more than {STAGES_MOST})")


def _next(stages: Sequence[Json], state: Json) -> Json | None:
    fitting = [one for one in stages if _selects(one, state)]
    fitting.sort(key=lambda one: (-int(one["spec"].get("weight") or 0), one["metadata"]["name"]))
    return fitting[0] if fitting else None


def _after(stage: Json, state: Json, now: str) -> Json:
    """The pod once a Stage has changed its status."""
    from ruamel.yaml import YAML  # whoever has no Stages pays nothing for it
    from ruamel.yaml.error import YAMLError

    name, template = stage["metadata"]["name"], stage["spec"]["next"].get("statusTemplate") or ""
    functions = {
        "Now": lambda: now,
        "NodeIPWith": lambda *_: "0.0.0.0",
        "NodeIP": lambda *_: "0.0.0.0",
        "PodIPWith": lambda *_: (state.get("status") or {}).get("podIP") or "0.0.0.0",
    }
    try:
        status = YAML(typ="safe", pure=True).load(rendered(template, state, functions)) or {}
    except TemplateError as error:
        raise Unsupported(f"Stage {name}: {error}") from None
    except YAMLError as error:
        raise Unsupported(f"Stage {name}: its status is no YAML: {error}") from None
    return {**state, "status": {**state["status"], **status}}


def _steps(before: Json, after: Json, container: str) -> list[Step]:
    """What a change of the pod's status means for a container."""
    found = _status_of(after, container)
    ended = (found.get("state") or {}).get("terminated")
    if ended is not None:
        code = int(ended.get("exitCode") or 0)
        return [Exit(code, str(ended.get("reason") or ""), str(ended.get("message") or ""))]
    if after.get("phase") in ("Failed", "Succeeded") and not found:
        return [Exit(int(after["phase"] == "Failed"))]
    ready = bool(found.get("ready", True))
    if ready is not bool(_status_of(before, container).get("ready", True)):
        return [Ready(ready)]
    return []


def _status_of(status: Json, container: str) -> Json:
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return next((one for one in every if one.get("name") == container), {})


def _selects(stage: Json, state: Json) -> bool:
    selector, metadata = stage["spec"].get("selector") or {}, state["metadata"]
    for part, held in (("matchLabels", "labels"), ("matchAnnotations", "annotations")):
        given = metadata.get(held) or {}
        if any(given.get(name) != value for name, value in (selector.get(part) or {}).items()):
            return False
    name = stage["metadata"]["name"]
    return all(_holds(one, state, name) for one in selector.get("matchExpressions") or ())


def _holds(expression: Json, state: Json, name: str) -> bool:
    found = _values(state, _path(str(expression["key"]), name))
    wanted = [str(one) for one in expression.get("values") or ()]
    operator = expression["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return bool(found) is (operator == "Exists")
    return any(_text(one) in wanted for one in found) is (operator == "In")


def _delay_seconds(stage: Json, state: Json) -> float:
    delay = stage["spec"].get("delay") or {}
    expression = (delay.get("durationFrom") or {}).get("expressionFrom")
    if expression:
        for one in _values(state, _path(expression, stage["metadata"]["name"])):
            return duration_seconds(_text(one))
    return int(delay.get("durationMilliseconds") or 0) / 1000


def _path(text: str, stage: str) -> list[str]:
    """A jq path as its parts: `.a.b`, `.a["b"]`, `.a[].b`, `.a.[].b`. Raises Unsupported."""
    try:
        return parts(text)
    except ValueError as error:
        raise Unsupported(f"Stage {stage}: {error}") from None


def _values(value: Any, path: Sequence[str]) -> list[Any]:
    """What is found at a path; nothing for null."""
    found = [value]
    for part in path:
        if part == "[]":
            found = [one for many in found if isinstance(many, list) for one in many]
        else:
            found = [one.get(part) for one in found if isinstance(one, Mapping)]
    return [one for one in found if one is not None]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_RUNNING: Final[Mapping[str, Any]] = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True"}],
}
