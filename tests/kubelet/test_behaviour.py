"""What annotations make pretended containers do, each of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio

from k8slite.kinds.core.probe_models import Probe
from k8slite.kinds.models import Metadata
from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.annotations import behaviour_of, duration_seconds
from k8slite.kubelet.runtimes.script import Exit, Log, Ready, Result, Wait, agenda
from tests.kubelet.fleet import NAMESPACE, container, settle

PATH = f"/api/v1/namespaces/{NAMESPACE}/pods"


async def test_start_delay_shows_container_creating(autojump_clock, scene):
    await scene.create("web", {"k8slite.dev/start-delay": "10s"})
    assert scene.container("web")["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert scene.phase("web") == "Pending" and scene.status("web")["podIP"]
    await trio.sleep(11)
    assert scene.ready("web")


@pytest.mark.parametrize("image", ["web:404", "example.com:5000/web:non-existent", "a/b:missing"])
async def test_an_image_whose_tag_says_that_it_is_missing_cannot_be_pulled(
    autojump_clock, scene, image
):
    await scene.create("web", containers=[{"name": "c", "image": image}])
    waiting = scene.container("web")["state"]["waiting"]
    assert (waiting["reason"], f'"{image}": not found' in waiting["message"]) == (
        "ErrImagePull",
        True,
    )
    await trio.sleep(2)
    assert scene.container("web")["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert scene.phase("web") == "Pending"


async def test_pull_errors_back_off_from_ten_seconds_to_five_minutes(autojump_clock, scene):
    await scene.create("web", {"k8slite.dev/pull-error": "no such image"})
    assert scene.container("web")["state"]["waiting"] == {
        "reason": "ErrImagePull",
        "message": "no such image",
    }
    await trio.sleep(2)
    assert scene.container("web")["state"]["waiting"] == {
        "reason": "ImagePullBackOff",
        "message": 'Back-off pulling image "nginx:1.29": ErrImagePull: no such image',
    }
    assert scene.events("web")[:5] == [
        'Pulling: Pulling image "nginx:1.29"',
        'Failed: Failed to pull image "nginx:1.29": no such image',
        "Failed: Error: ErrImagePull",
        'BackOff: Back-off pulling image "nginx:1.29"',
        "Failed: Error: ImagePullBackOff",
    ]
    pulls = []
    scene.api.on_commit.append(lambda c: _note_pull(c, pulls))
    await trio.sleep(1500)
    gaps = [round(later - before) for before, later in pairwise(pulls)]
    assert gaps[:6] == [20, 40, 80, 160, 300, 300]


async def test_a_pull_succeeds_after_so_many_errors(autojump_clock, scene):
    await scene.create("web", {"k8slite.dev/pull-error": "", "k8slite.dev/pull-error-times": "1"})
    assert "not found" in scene.container("web")["state"]["waiting"]["message"]
    await trio.sleep(11)
    assert scene.ready("web") and scene.container("web")["restartCount"] == 0


async def test_pull_delay(autojump_clock, scene):
    await scene.create("web", {"k8slite.dev/pull-delay": "1500ms"})
    assert scene.phase("web") == "Pending"
    await trio.sleep(2)
    assert scene.events("web")[:2] == [
        'Pulling: Pulling image "nginx:1.29"',
        'Pulled: Successfully pulled image "nginx:1.29" in 1.5s (1.5s including waiting).'
        " Image size: 42000000 bytes.",
    ]


async def test_oom(autojump_clock, scene):
    await scene.create("web", {"k8slite.dev/oom-after": "5s"}, restartPolicy="Never")
    await trio.sleep(6)
    ended = scene.container("web")["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


async def test_a_suffix_names_one_container(autojump_clock, scene):
    await scene.create(
        "two",
        {"k8slite.dev/ready-after.b": "never"},
        containers=[container("a"), container("b")],
    )
    assert scene.container("two", "a")["ready"] and not scene.container("two", "b")["ready"]
    assert scene.phase("two") == "Running" and not scene.ready("two")


async def test_readiness_by_time(autojump_clock, scene):
    await scene.create(
        "web",
        {
            "k8slite.dev/ready-after": "5s",
            "k8slite.dev/unready-after": "20s",
            "k8slite.dev/unready-for": "10s",
        },
    )
    seen = []
    for _ in range(4):
        seen.append(scene.ready("web"))
        await trio.sleep(9)
    assert seen == [False, True, True, False]
    await trio.sleep(1)
    assert scene.ready("web")


async def test_a_declared_probe_keeps_its_delay_and_period(autojump_clock, scene):
    probe = {"initialDelaySeconds": 3, "periodSeconds": 10, "httpGet": {"port": 80}}
    await scene.create("web", containers=[container("c", readinessProbe=probe)])
    await trio.sleep(2)
    assert not scene.ready("web")
    await trio.sleep(2)
    assert scene.ready("web")
    since = scene.condition("web", "PodScheduled")["lastTransitionTime"]
    assert scene.condition("web", "Ready")["lastTransitionTime"] > since


async def test_a_failing_liveness_probe_restarts_the_container(autojump_clock, scene):
    probe = {"periodSeconds": 5, "failureThreshold": 2, "httpGet": {"port": 80}}
    await scene.create(
        "web",
        {"k8slite.dev/liveness-fails-after": "12s"},
        containers=[container("c", livenessProbe=probe)],
    )
    await trio.sleep(21)
    assert scene.container("web")["restartCount"] == 1
    text = "Killing: Container c failed liveness probe, will be restarted"
    assert text in scene.events("web")


async def test_annotations_may_change_while_the_container_runs(autojump_clock, scene):
    await scene.create("web")

    def unready(pod):
        pod["metadata"]["annotations"]["k8slite.dev/ready-after"] = "never"

    scene.api.change(f"{PATH}/web", unready)
    await settle()
    assert not scene.ready("web") and scene.container("web")["restartCount"] == 0
    scene.api.change(f"{PATH}/web", lambda pod: pod["metadata"]["annotations"].clear())
    await settle()
    assert scene.ready("web")


async def test_what_cannot_be_read_is_told_and_ignored(autojump_clock, scene):
    await scene.create("web", {"k8slite.dev/exit-code": "many", "k8slite.dev/colour": "red"})
    assert scene.ready("web")
    told = [event for event in scene.events("web") if event.startswith("InvalidBehaviour")]
    assert told == [
        "InvalidBehaviour: annotation k8slite.dev/exit-code='many' is ignored:"
        " not an exit code from 0 to 255",
        "InvalidBehaviour: annotation k8slite.dev/colour is not known",
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10", 10), ("1.5", 1.5), ("250ms", 0.25), ("2m", 120), ("1h30m", 5400), ("0", 0)],
)
def test_durations(text, seconds):
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "5d", "1s 2s", "inf"])
def test_no_durations(text):
    with pytest.raises(ValueError):
        duration_seconds(text)


def test_a_script_is_read_in_order_of_time():
    annotations = {
        "k8slite.dev/log": "up",
        "k8slite.dev/ready-after": "2s",
        "k8slite.dev/exit-code": "4",
        "k8slite.dev/exit-after": "10s",
    }
    pod = Pod(Metadata(annotations=annotations))
    found = behaviour_of(pod, Container("c")).script.steps
    assert found == (Log("up"), Ready(False), Wait(2.0), Ready(True), Wait(8.0), Exit(4))


def test_a_probes_result_changes_after_its_threshold():
    steps = (Ready(False), Wait(25), Ready(True), Wait(100), Ready(False))
    probe = Probe(initial_delay_seconds=5, period_seconds=10, failure_threshold=3)
    found = agenda(steps, Container("c", readiness_probe=probe))
    assert found == (
        (25.0, Result("readiness", True)),
        (145.0, Result("readiness", False)),
    )


def test_a_probe_that_never_succeeds_is_told_once():
    probe = Probe(period_seconds=10, failure_threshold=3)
    found = agenda((Ready(False),), Container("c", readiness_probe=probe))
    assert found == ((20.0, Result("readiness", False)),)


def test_a_startup_probe_holds_the_others_back():
    container = Container(
        "c",
        startup_probe=Probe(initial_delay_seconds=7),
        readiness_probe=Probe(initial_delay_seconds=1),
    )
    assert agenda((), container) == (
        (7.0, Result("startup", True)),
        (7.0, Result("readiness", True)),
    )


def _note_pull(commit, pulls):
    if commit.key[2] == "web" and commit.key[0].endswith("/pods") and commit.new:
        state = commit.new["status"]["containerStatuses"][0]["state"]["waiting"]
        if state["reason"] == "ErrImagePull":
            pulls.append(trio.current_time())
