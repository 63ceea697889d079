"""KWOK's Stages as scripts: selectors, delays, templates, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.kubelet.runtimes import stages
from k8slite.kubelet.runtimes.annotations import Behaviour
from k8slite.kubelet.runtimes.finalizers import Finalizers
from k8slite.kubelet.runtimes.go_template import TemplateError, rendered
from k8slite.kubelet.runtimes.jq_path import parts, values
from k8slite.kubelet.runtimes.script import Announce, DeletePod, Exit, Log, Ready, Script, Wait
from k8slite.kubelet.runtimes.stages import Unsupported

Json = dict[str, Any]
NOW = "2026-01-01T00:00:00Z"
USUAL = Behaviour(Script((Log("as usual"),)))

CONTAINERS = """
containerStatuses:
{{ range $index, $item := .spec.containers }}
{{ $origin := index $.status.containerStatuses $index }}
- name: {{ $item.name | Quote }}
  ready: false
  state:
    terminated: {exitCode: %s, reason: %s, finishedAt: {{ Now | Quote }}}
{{ end }}
phase: %s
"""
WAITING = [{"key": ".status.podIP", "operator": "DoesNotExist"}]
RUNNING = [
    {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
    {"key": ".status.phase", "operator": "In", "values": ["Running"]},
]


def stage(name: str, template: str, *expressions: Json, **spec: Any) -> Json:
    selector = {"matchExpressions": list(expressions), **spec.pop("selector", {})}
    return {
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": selector,
            "next": {"statusTemplate": template},
            **spec,
        },
    }


def pod(**metadata: Any) -> Json:
    containers = [{"name": "main", "image": "nginx"}]
    return {"metadata": {"name": "p", **metadata}, "spec": {"containers": containers}}


def played(found: list[Json], given: Json | None = None) -> Behaviour:
    return stages.play(found, given or pod(), "main", NOW, USUAL)


def test_a_pod_that_no_stage_selects_does_as_usual() -> None:
    assert played([]) == USUAL
    never = stage("never", "phase: Failed", *RUNNING, selector={"matchLabels": {"a": "b"}})
    assert played([never]) == USUAL
    assert played([never], pod(labels={"a": "b"})).script.steps == (Exit(1),)


def test_stages_follow_each_other() -> None:
    ready = stage("ready", "phase: Running\npodIP: {{ PodIPWith . }}", *WAITING)
    ready["spec"]["delay"] = {"durationMilliseconds": 2500}
    done = stage("done", CONTAINERS % (0, "Completed", "Succeeded"), *RUNNING)
    done["spec"]["delay"] = {"durationMilliseconds": 5000}
    found = played([done, ready]).script
    assert (found.start_seconds, found.steps) == (2.5, (Wait(5.0), Exit(0, "Completed")))


def test_readiness_and_delays_from_annotations() -> None:
    template = "containerStatuses: [{name: main, ready: false}]\nphase: Odd"
    odd = stage("odd", template, *RUNNING)
    path = '.metadata.annotations["delay"]'
    odd["spec"]["delay"] = {
        "durationMilliseconds": 1,
        "durationFrom": {"expressionFrom": path},
    }
    again = stage("again", "containerStatuses: [{name: main, ready: true}]\nphase: Even")
    again["spec"]["selector"]["matchExpressions"] = [
        {"key": ".status.phase", "operator": "In", "values": ["Odd"]}
    ]
    found = played([odd, again], pod(annotations={"delay": "1m"})).script
    assert found.steps == (Wait(60.0), Ready(False), Ready(True))
    assert played([odd]).script.steps == (Wait(0.001), Ready(False))


def waited(delay: Json, uid: str = "u", container: str = "main", **annotations: str) -> float:
    """How long a pod runs whose only Stage has the delay."""
    odd = stage("odd", CONTAINERS % (1, "Odd", "Failed"), *RUNNING, delay=delay)
    given = pod(uid=uid, annotations=annotations)
    given["spec"]["containers"].append({"name": "other", "image": "nginx"})
    first = stages.play([odd], given, container, NOW, USUAL).script.steps[0]
    return first.seconds if isinstance(first, Wait) else 0.0


def test_jitter_is_drawn_once_for_a_pod() -> None:
    jitter = {"durationMilliseconds": 1000, "jitterDurationMilliseconds": 5000}
    drawn = [waited(jitter, str(number)) for number in range(50)]
    assert 1 <= min(drawn) < 1.5 and 4.5 < max(drawn) < 5 and len(set(drawn)) == 50
    assert waited(jitter, "7") == waited(jitter, "7", "other") == drawn[7]
    assert waited({**jitter, "durationMilliseconds": 9000}) == 5  # the shorter one is taken
    assert 0 < waited({"jitterDurationMilliseconds": 5000}) < 5


def told(annotation: str) -> Json:
    return {"expressionFrom": f'.metadata.annotations["{annotation}"]'}


def test_durations_that_the_pod_tells() -> None:
    delay = {
        "durationMilliseconds": 1000,
        "durationFrom": told("d"),
        "jitterDurationMilliseconds": 2000,
        "jitterDurationFrom": told("j"),
    }
    assert 1 < waited(delay) < 2
    assert 60 < waited(delay, d="1m", j="61s") < 61
    assert waited(delay, d="1m", j="2026-01-01T00:00:30Z") == 30
    assert waited(delay, d="1m", j="") == 60  # no duration: as if there were no jitter
    assert waited(delay, d="soon") == 0
    assert waited(delay, d="2025-01-01T00:00:00Z", j="2025-01-01T00:00:00Z") == 0


def drawn_of(stages: list[Json], **annotations: str) -> dict[str, int]:
    """How many of a hundred pods went through which of the Stages."""
    found: dict[str, int] = {}
    for number in range(100):
        (step,) = played(stages, pod(uid=f"u{number}", annotations=annotations)).script.steps
        assert isinstance(step, Exit)
        found[step.reason] = found.get(step.reason, 0) + 1
    return found


def ending(name: str, **spec: Any) -> Json:
    return stage(name, CONTAINERS % (1, name, "Failed"), *RUNNING, **spec)


def test_stages_are_drawn_by_weight() -> None:
    assert drawn_of([ending("none"), ending("heavy", weight=10)]) == {"heavy": 100}
    found = drawn_of([ending("one", weight=1), ending("four", weight=4)])
    assert 10 < found["one"] < 30 and sum(found.values()) == 100
    found = drawn_of([ending("a"), ending("b"), ending("c", weightFrom=told("w"))], w="much")
    assert 35 < found["a"] < 65 and found.keys() == {"a", "b"}
    weighed = [ending("a", weight=1), ending("b", weight=1, weightFrom=told("w"))]
    assert drawn_of(weighed, w="0") == {"a": 100}
    assert drawn_of(weighed).keys() == {"a", "b"}
    assert drawn_of([ending(n, weightFrom=told("w")) for n in "ab"], w="x").keys() == {"a", "b"}


def test_owners_are_selected_by() -> None:
    owned = {"key": ".metadata.ownerReferences.[].kind", "operator": "In", "values": ["Job"]}
    done = stage("pod-complete", CONTAINERS % (0, "Completed", "Succeeded"), *RUNNING, owned)
    assert played([done]) == USUAL
    assert played([done], pod(ownerReferences=[{"kind": "Job"}])).script.steps[-1] == Exit(
        0, "Completed"
    )


PATCHED = {"root": "status", "subresource": "status", "type": "merge"}


def test_patches_of_the_status_are_played_as_templates_are() -> None:
    first = {**PATCHED, "template": CONTAINERS % (3, "Odd", "{{ .status.phase }}")}
    then = {**PATCHED, "type": None, "template": "phase: Failed"}
    odd = stage("odd", "", *RUNNING, immediateNextStage=True, next={"patches": [first, then]})
    assert played([odd]).script.steps == (Exit(3, "Odd"),)


def test_a_stage_without_a_selector_selects_nothing() -> None:
    odd = stage("odd", "phase: Failed")
    odd["spec"]["selector"] = None
    assert played([odd]) == USUAL
    odd["spec"]["selector"] = {}
    odd["spec"]["next"]["delete"] = True
    assert played([odd]).script.steps == (DeletePod(),)


DELETED = {"jq": {"key": ".metadata.deletionTimestamp", "operator": "Exists"}}
HELD = {"key": ".metadata.finalizers.[]", "operator": "In", "values": ["example.com/held"]}


def test_what_a_pod_does_when_it_is_deleted() -> None:
    spare = stage("spare", "", DELETED, HELD, delay={"durationMilliseconds": 2000})
    spare["spec"]["next"] = {"finalizers": {"remove": [{"value": "example.com/held"}]}}
    gone = {"key": ".metadata.finalizers", "operator": "DoesNotExist"}
    until = {"jq": {"expression": ".metadata.deletionTimestamp"}}
    delay = {"durationMilliseconds": 3000, "jitterDurationFrom": until}
    text = "Ending {{ ( index .spec.containers 0 ).name }}"
    steps = [{"event": {"reason": "Killing", "message": text}}, {"delete": True}]
    delete = stage("delete", "", DELETED, gone, delay=delay, next=None, steps=steps)
    now = {"deletionTimestamp": NOW}
    held = pod(finalizers=["example.com/held", "example.com/kept"], **now)
    assert played([spare, delete], held).script.leaving == (
        Wait(2.0),
        Finalizers(remove=("example.com/held",)),
    )
    found = played([spare, delete], pod(finalizers=["example.com/held"], **now)).script
    # The time until which it was to wait has passed by then.
    told = Announce("Killing", "Ending main")
    assert found.leaving == (Wait(2.0), Finalizers(remove=("example.com/held",)), told)
    assert (found.stop_seconds, found.steps) == (2.0, USUAL.script.steps)
    assert played([spare, delete]) == USUAL


def test_finalizers_are_steps_of_the_first_container() -> None:
    add = {"add": [{"value": "example.com/held"}]}
    ready = stage("ready", "", *WAITING, next=None)
    ready["spec"]["steps"] = [
        {"finalizers": add},
        {"patch": {"root": "status", "subresource": "status", "template": "phase: Running"}},
    ]
    change = Finalizers(add=("example.com/held",))
    assert played([ready]).script.steps == (change,)
    assert played([ready], pod(finalizers=["example.com/held"])).script.steps == ()
    assert change.applied(["a"]) == ("a", "example.com/held")
    assert Finalizers(add=("b",), remove=("a",)).applied(["a", "c"]) == ("c", "b")
    assert Finalizers(add=("b",), empty=True).applied(["a", "c"]) == ("b",)


# In the manner of those that KWOK ships: a pod is created, made ready and completed by steps.
CREATE = """
{{ $scheduled := 0 }}
{{ range .status.conditions }}
{{ if eq .type "PodScheduled" }}{{ $scheduled = 1 }}{{ break }}{{ end }}
{{ end }}
{{ define "waits" }}
{{ with .container }}
  name: {{ .name | Quote }}
  ready: false
  {{ with .resources }}
  resources:
  {{ YAML . 2 }}
  {{ end }}
  state:
    waiting: {reason: {{ $.reason }}}
{{ end }}
{{ end }}
$setElementOrder/conditions: [{type: Initialized}]
conditions:
- {type: Initialized, status: "{{ if .spec.initContainers }}False{{ else }}True{{ end }}"}
- {type: Scheduled, status: {{ printf "%d-%q" (add1 $scheduled) "x" }}}
containerStatuses:
{{ range .spec.containers }}
-
{{ template "waits" dict "container" . "reason" "ContainerCreating" }}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
startTime: {{ Now | Quote }}
"""
READY = """
conditions:
- {type: Ready, status: "True"}
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name }}, ready: true, state: {running: {startedAt: {{ Now | Quote }}}}}
{{ end }}
phase: Running
"""


def steps_of(template: str, **more: Any) -> Json:
    patch = {"root": "status", "subresource": "status", "type": "strategic", "template": template}
    return {"next": None, "steps": [{"patch": patch}], **more}


def test_stages_in_the_manner_of_those_that_kwok_ships() -> None:
    delay = {"durationMilliseconds": 1000}
    absent = {"jq": {"key": ".status.containerStatuses", "operator": "DoesNotExist"}}
    create = stage("create", "", absent, **steps_of(CREATE, delay=delay))
    prepared = {
        "key": '.status.conditions.[] | select( .type == "Initialized" ) | .status',
        "operator": "In",
        "values": ["True"],
    }
    runs = {"key": ".status.containerStatuses.[].state.running", "operator": "DoesNotExist"}
    ready = stage("ready", "", prepared, runs, **steps_of(READY, delay=delay))
    steady = {
        "key": '.status.conditions.[] | select( .type == "Ready" ) | .status',
        "operator": "In",
        "values": ["True"],
    }
    done = CONTAINERS % (0, "Completed", "Succeeded")
    complete = stage("complete", "", *RUNNING, steady, **steps_of(done, delay=delay))
    given = pod()
    given["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1"}}
    found = played([create, ready, complete], given)
    assert found.complaints == ()
    assert (found.script.start_seconds, found.script.steps) == (
        2.0,
        (Wait(1.0), Exit(0, "Completed")),
    )


def test_a_container_waits_for_the_init_containers_once() -> None:
    first = "initContainerStatuses: [{name: init, state: {running: {}}}]\nphase: Pending"
    then = "initContainerStatuses: [{name: init, state: {terminated: {exitCode: 0}}}]"
    last = "containerStatuses: [{name: main, ready: true, state: {running: {}}}]\nphase: Running"
    state = ".status.initContainerStatuses.[0].state"

    def expects(key: str, operator: str) -> Json:
        return {"key": key, "operator": operator}

    delay = {"durationMilliseconds": 1000}
    found = [
        stage("a", first, expects(f"{state}", "DoesNotExist"), delay=delay),
        stage("b", then, expects(f"{state}.running", "Exists"), delay=delay),
        stage(
            "c",
            last,
            expects(f"{state}.terminated", "Exists"),
            expects(".status.containerStatuses", "DoesNotExist"),
            delay=delay,
        ),
    ]
    given = pod()
    given["spec"]["initContainers"] = [{"name": "init", "image": "nginx"}]
    init = stages.play(found, given, "init", NOW, USUAL).script
    assert (init.start_seconds, init.steps[:2]) == (1.0, (Wait(1.0), Exit(0)))
    assert played(found, given).script.start_seconds == 1.0


DONE = [{"key": ".status.phase", "operator": "In", "values": ["Succeeded"]}]


def test_events_and_deletion_are_steps_of_the_first_container() -> None:
    ready = stage("ready", "phase: Running\npodIP: {{ PodIPWith . }}", *WAITING)
    ready["spec"]["next"]["event"] = {"type": "Normal", "reason": "Created", "message": "Here"}
    done = stage("done", CONTAINERS % (0, "Completed", "Succeeded"), *RUNNING)
    done["spec"]["next"]["event"] = {"type": "Warning", "reason": "Done"}
    # A Stage that deletes changes no status: its template would otherwise have it begin anew.
    gone = stage("gone", "phase: Running", *DONE, delay={"durationMilliseconds": 9000})
    gone["spec"]["next"]["delete"] = True
    given = pod()
    given["spec"]["containers"].append({"name": "other", "image": "nginx"})
    end = Exit(0, "Completed")
    assert played([ready, done, gone], given).script.steps == (
        Announce("Created", "Here"),
        Announce("Done", type="Warning"),
        end,
        Wait(9.0),
        DeletePod(),
    )
    other = stages.play([ready, done, gone], given, "other", NOW, USUAL)
    assert other.script.steps == (end,)


def test_a_stage_that_only_tells_is_played_once() -> None:
    seen = stage("seen", "", *RUNNING, delay={"durationMilliseconds": 500})
    seen["spec"]["next"]["event"] = {"reason": "Seen"}
    assert played([seen]).script.steps == (Wait(0.5), Announce("Seen"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"resourceRef": {"kind": "Node"}}, "only Stages of Pods are played, not of Node"),
        ({"steps": [{"create": {}}]}, "steps with create are not played"),
        ({"next": {"event": {"type": "Odd"}}}, "an event is Normal or Warning, not Odd"),
        ({"selector": {"matchExpressions": [{"cel": {"expression": "x"}}]}}, "in CEL"),
        ({"weight": 1, "weightFrom": {"cel": {"expression": "x"}}}, "in CEL"),
        ({"weightFrom": {"jq": {"expression": "length"}}}, "'length' is not a path"),
        ({"next": {"patches": [{"root": "metadata"}]}}, "are played for the status alone"),
        ({"next": {"patches": [{**PATCHED, "type": "json"}]}}, "a patch of type json is not"),
        ({"next": {"patches": [{**PATCHED, "impersonation": {"a": 1}}]}}, "in somebody else's"),
        (
            {"selector": {"matchExpressions": [{"key": ".a | length", "operator": "Exists"}]}},
            "is not a path such as",
        ),
        (
            {"selector": {"matchExpressions": [{"key": ".a", "operator": "Gt"}]}},
            "operator Gt is not known",
        ),
    ],
)
def test_what_is_not_played_is_told(change: Json, why: str) -> None:
    odd = stage("odd", "phase: Failed", *RUNNING)
    odd["spec"].update(change)
    with pytest.raises(Unsupported, match=why):
        stages.check(odd)
    found = played([odd])
    assert found.script == USUAL.script and len(found.complaints) == 1


def test_stages_that_go_wrong_are_told() -> None:
    for template, why in (
        ("{{ Rand }}", "function 'Rand' is not known to k8slite"),
        ("a: [", "its status is no YAML"),
        ("[a]", "its status is no object"),
    ):
        assert why in played([stage("odd", template, *RUNNING)]).complaints[0]
    ping = stage("ping", "phase: Running\nn: {{ .status.n }}x", *RUNNING)
    assert "go in circles" in played([ping]).complaints[0]


def test_stages_of_nodes_that_every_node_does_are_passed_over() -> None:
    node = stage("node-initialize", "x: {{ whatever }}")
    node["spec"]["resourceRef"]["kind"] = "Node"
    assert played([node]) == USUAL


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ .a.b }} {{ .a.none }}", "1 <no value>"),
        ('{{ if eq .kind "x" "y" }}xy{{ else if .a }}a{{ else }}none{{ end }}', "a"),
        ("{{ with .a }}{{ .b }}{{ else }}no{{ end }}{{ with .no }}{{ else }}no{{ end }}", "1no"),
        ("{{ range .list }}{{ . }},{{ end }}{{ range .no }}{{ else }}empty{{ end }}", "p,q,empty"),
        ("{{ range $k, $v := .a }}{{ $k }}={{ $v }}{{ end }}", "b=1"),
        ('{{ $x := or .no "d" }}{{ $x | Quote }} {{ $.kind }}', '"d" z'),
        ('{{ or ( index ( or .no dict ) "k" ) ( not .no ) }}', "true"),
        ('{{ and .a .kind }} {{ ne .kind "z" }} {{ len .list }}{{/* nothing */}}', "z false 2"),
        ('{{- "a b|c" -}}', "a b|c"),
    ],
)
def test_templates(template: str, text: str) -> None:
    data = {"a": {"b": 1}, "kind": "z", "list": ["p", "q"]}
    assert rendered(template, data, {}) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ if .a }}",
        "{{ end }}",
        "{{ ( .a }}",
        "{{ .a ) }}",
        "{{ $no }}",
        "{{ .a .b }}",
        "{{ f 1 }}",
        "{{ not }}",
        "{{ break }}",
        '{{ template "no" . }}',
        "{{ $no = 1 }}",
        '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
    ],
)
def test_templates_that_cannot_be_read(template: str) -> None:
    with pytest.raises(TemplateError):
        rendered(template, {}, {})


def test_variables_of_blocks_and_templates() -> None:
    text = (
        '{{ define "t" }}<{{ . }}{{ $ }}>{{ end }}{{ $n := 1 }}'
        "{{ range .list }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ $n = add $n . }}"
        "{{ if eq . 3 }}{{ break }}{{ end }}{{ end }}"
        '{{ $n }}{{ template "t" $n }}{{ ( index .list 0 ) }}{{ default "d" .no | upper }}'
    )
    assert rendered(text, {"list": [1, 2, 3, 4]}, {}) == "5<55>1D"


def test_paths() -> None:
    assert parts('.metadata.labels["a.b/c"]') == ("metadata", "labels", "a.b/c")
    assert parts(".x[].y") == parts(".x.[].y") == ("x", "[]", "y")
    found = {"a": [{"t": "x|y", "n": 1}, {"t": "z"}]}
    assert values(found, parts('.a.[] | select( .t == "x|y" ) | .n')) == [1]
    assert values(found, parts(".a[] | select(.n == null) | .t")) == ["z"]
    assert values(found, parts(".a[] | select(.n != 1) | .t")) == ["z"]
    assert values(found, parts(".a.[1].t")) == ["z"] and values(found, parts(".a.[2]")) == []
    with pytest.raises(ValueError):
        parts("")
