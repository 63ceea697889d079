"""Pods from their binding to their end."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio

from k8slite.client.resource import PODS
from k8slite.kubelet.kubelet import NodeFleet
from k8slite.kubelet.runtimes.runtime import ContainerKey
from k8slite.kubelet.runtimes.script import Announce, DeletePod, Wait
from tests.kubelet.fleet import NAMESPACE, FleetScene, GracefulApi, container, refuse, settle


async def test_a_pod_without_delays_runs_after_one_write(autojump_clock, scene):
    await scene.create("web")
    status = scene.status("web")
    assert scene.writes("web") == ["PATCH"]
    assert (status["phase"], scene.ready("web")) == ("Running", True)
    assert status["podIP"] == "10.0.0.2" and status["podIPs"] == [{"ip": "10.0.0.2"}]
    assert status["hostIP"] == scene.node()["status"]["addresses"][0]["address"]
    only = scene.container("web")
    assert only["ready"] and only["started"] and only["restartCount"] == 0
    assert only["containerID"].startswith("fake://") and "running" in only["state"]
    assert [one["type"] for one in status["conditions"]] == [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    assert {one["observedGeneration"] for one in status["conditions"]} == {1}
    assert scene.events("web") == [
        'Pulled: Container image "nginx:1.29" already present on machine'
        " and can be accessed by the pod",
        "Created: Container created",
        "Started: Container started",
    ]


async def test_a_pod_waits_for_its_nodes_pod_cidr(autojump_clock, api, nursery):
    scene = FleetScene(api, NodeFleet(api.client(), api.world, 1))
    await scene.start(nursery, cidrs=False)
    await scene.create("web")
    await scene.create("host", hostNetwork=True)
    assert scene.phase("web") == "Pending" and scene.writes("web") == []
    assert scene.phase("host") == "Running"
    assert scene.status("host")["podIP"] == scene.status("host")["hostIP"]
    scene.give_cidrs()
    await settle()
    assert scene.phase("web") == "Running"


async def test_pods_of_other_nodes_and_ended_pods_are_left_alone(autojump_clock, scene):
    await scene.create("other", node="elsewhere")
    ended = {"phase": "Succeeded"}
    pod = {"metadata": {"name": "ended"}, "spec": {"nodeName": "node-0"}, "status": ended}
    scene.api.put(f"/api/v1/namespaces/{NAMESPACE}/pods/ended", _with_uid(pod))
    await settle()
    assert scene.writes("other") == [] and scene.status("other") == {"phase": "Pending"}
    assert scene.writes("ended") == [] and scene.status("ended") == ended


async def test_crash_loop_restarts_at_once_then_after_ten_seconds_doubling_to_five_minutes(
    autojump_clock, scene
):
    starts = []

    def note(commit):
        statuses = ((commit.new or {}).get("status") or {}).get("containerStatuses")
        if commit.key[2] == "bad" and statuses and statuses[0]["restartCount"] > len(starts) - 1:
            starts.append(trio.current_time())

    scene.api.on_commit.append(note)
    began = trio.current_time()
    await scene.create("bad", {"k8slite.dev/exit-code": "3", "k8slite.dev/exit-after": "1s"})
    await trio.sleep(1.5)
    await trio.sleep(1.5)
    waiting = scene.container("bad")
    assert waiting["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    uid = scene.pod("bad")["metadata"]["uid"]
    text = f"back-off 10s restarting failed container=c pod=bad_default({uid})"
    assert waiting["state"]["waiting"]["message"] == text
    assert waiting["lastState"]["terminated"]["exitCode"] == 3
    assert waiting["lastState"]["terminated"]["reason"] == "Error"
    assert scene.phase("bad") == "Running" and not scene.ready("bad")
    message = scene.condition("bad", "Ready")["message"]
    assert message == "containers with unready status: [c]"
    await trio.sleep(1500)
    gaps = [round(later - before) for before, later in pairwise(starts)]
    assert starts[0] == began
    assert gaps[:8] == [1, 11, 21, 41, 81, 161, 301, 301]
    back_off = f"BackOff: Back-off restarting failed container c in pod bad_default({uid})"
    assert back_off in scene.events("bad")


async def test_a_long_run_makes_the_back_off_begin_anew(autojump_clock, scene):
    await scene.create("bad", {"k8slite.dev/exit-code": "1", "k8slite.dev/exit-after": "700s"})
    await trio.sleep(701)
    await trio.sleep(700)
    assert scene.container("bad")["restartCount"] == 2  # neither restart had to wait
    assert "running" in scene.container("bad")["state"]


@pytest.mark.parametrize(
    ("policy", "code", "phase", "reason", "condition"),
    [
        ("Never", "0", "Succeeded", "Completed", "PodCompleted"),
        ("OnFailure", "0", "Succeeded", "Completed", "PodCompleted"),
        ("Never", "2", "Failed", "Error", "PodFailed"),
    ],
)
async def test_pods_end(autojump_clock, scene, policy, code, phase, reason, condition):
    await scene.create(
        "job",
        {"k8slite.dev/exit-code": code, "k8slite.dev/exit-after": "5"},
        restartPolicy=policy,
    )
    assert scene.phase("job") == "Running"
    await trio.sleep(6)
    assert scene.phase("job") == phase
    assert scene.container("job")["state"]["terminated"]["reason"] == reason
    for type_ in ("Ready", "ContainersReady"):
        found = scene.condition("job", type_)
        assert (found["status"], found["reason"]) == ("False", condition)
    assert scene.condition("job", "PodReadyToStartContainers")["status"] == "False"
    assert scene.condition("job", "Initialized")["status"] == "True"


async def test_a_jobs_pod_completes_by_itself(autojump_clock, scene):
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u", "controller": True}
    await scene.create("job", metadata={"ownerReferences": [owner]}, restartPolicy="OnFailure")
    assert scene.phase("job") == "Succeeded" and scene.writes("job") == ["PATCH"]


async def test_on_failure_restarts_until_it_succeeds(autojump_clock, scene):
    await scene.create(
        "job",
        {"k8slite.dev/exit-code": "1", "k8slite.dev/exit-times": "2"},
        restartPolicy="OnFailure",
    )
    await trio.sleep(11)
    assert scene.phase("job") == "Running"
    assert scene.container("job")["restartCount"] == 2


async def test_init_containers_run_in_order_and_sidecars_stay(autojump_clock, scene):
    await scene.create(
        "app",
        {
            "k8slite.dev/exit-after.first": "2s",
            "k8slite.dev/exit-after.last": "3s",
            "k8slite.dev/stop-delay": "1s",
        },
        initContainers=[
            container("first"),
            container("mesh", restartPolicy="Always"),
            container("last"),
        ],
    )
    assert scene.container("app", "c")["state"] == {"waiting": {"reason": "PodInitializing"}}
    initialized = scene.condition("app", "Initialized")
    assert initialized["message"] == "containers with incomplete status: [first mesh last]"
    await trio.sleep(2.5)
    assert scene.container("app", "first")["state"]["terminated"]["exitCode"] == 0
    assert "running" in scene.container("app", "mesh")["state"]
    assert "running" in scene.container("app", "last")["state"]
    assert scene.phase("app") == "Pending"
    await trio.sleep(3)
    assert (scene.phase("app"), scene.ready("app")) == ("Running", True)
    began = trio.current_time()
    ends = _ends(scene, "app")
    await scene.delete("app")
    await trio.sleep(5)
    assert scene.pod("app") is None
    assert ends[-1] - began == pytest.approx(2.0)  # the sidecar after the rest


async def test_a_failing_init_container_fails_a_pod_that_is_never_restarted(autojump_clock, scene):
    await scene.create(
        "app",
        {"k8slite.dev/exit-code.first": "1"},
        initContainers=[container("first")],
        restartPolicy="Never",
    )
    assert scene.phase("app") == "Failed"


async def test_deletion_stops_containers_says_so_and_deletes(autojump_clock, scene):
    await scene.create("web", {"k8slite.dev/stop-delay": "5s"})
    await scene.delete("web")
    assert scene.phase("web") == "Running"
    await trio.sleep(4)
    assert scene.pod("web") is not None
    await trio.sleep(2)
    assert scene.pod("web") is None
    last = [c.old for c in scene.api.commits if c.key[2] == "web" and c.new is None][-1]
    assert last["status"]["phase"] == "Succeeded"
    assert last["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
    assert scene.writes("web") == ["PATCH", "DELETE", "PATCH", "DELETE"]
    assert "Killing: Stopping container c" in scene.events("web")


async def test_the_grace_period_ends_in_a_kill(autojump_clock, scene):
    await scene.create("web", {"k8slite.dev/stop-delay": "60s"}, terminationGracePeriodSeconds=10)
    began = trio.current_time()
    ends = _ends(scene, "web")
    await scene.delete("web")
    await trio.sleep(20)
    assert ends[-1] - began == pytest.approx(10.0)
    last = [c.old for c in scene.api.commits if c.key[2] == "web" and c.new is None][-1]
    assert last["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    assert last["status"]["phase"] == "Failed"


async def test_a_pod_with_finalizers_ends_once_and_stays(autojump_clock, scene):
    await scene.create("web", metadata={"finalizers": ["x/y"]})
    await scene.delete("web")
    await trio.sleep(60)
    assert scene.phase("web") == "Succeeded"
    assert scene.writes("web") == ["PATCH", "DELETE", "PATCH", "DELETE"]


async def test_the_deadline_ends_a_pod(autojump_clock, scene):
    await scene.create("slow", activeDeadlineSeconds=30)
    await trio.sleep(31)
    status = scene.status("slow")
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert status["message"] == "Pod was active on the node longer than the specified deadline"


async def test_a_changed_image_restarts_the_container_at_once(autojump_clock, scene):
    await scene.create("web")
    pod = scene.pod("web")
    pod["spec"]["containers"][0]["image"] = "nginx:2"
    await scene.client.update(PODS, pod)
    await settle()
    assert scene.container("web")["image"] == "nginx:2"
    assert scene.container("web")["restartCount"] == 1
    assert "Killing: Container c definition changed, will be restarted" in scene.events("web")


async def test_readiness_gates_are_waited_for(autojump_clock, scene):
    await scene.create("web", readinessGates=[{"conditionType": "x/ready"}])
    assert scene.condition("web", "ContainersReady")["status"] == "True"
    assert scene.condition("web", "Ready")["reason"] == "ReadinessGatesNotReady"
    gate = {"type": "x/ready", "status": "True"}
    scene.api.change(
        f"/api/v1/namespaces/{NAMESPACE}/pods/web",
        lambda pod: pod["status"]["conditions"].append(gate),
    )
    await settle()
    assert scene.ready("web")
    assert scene.condition("web", "x/ready") == gate


async def test_what_others_say_of_a_pod_is_put_right(autojump_clock, scene):
    await scene.create("web")

    def spoil(pod):
        next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")["status"] = "False"

    scene.api.change(f"/api/v1/namespaces/{NAMESPACE}/pods/web", spoil)
    await settle()
    assert scene.ready("web")
    assert scene.writes("web") == ["PATCH", "PATCH"]


async def test_failed_writes_are_tried_again(autojump_clock, scene):
    scene.api.before = refuse(3)
    await scene.create("web")
    assert scene.phase("web") == "Pending"
    await trio.sleep(2)
    assert scene.phase("web") == "Running"


async def test_a_pod_that_is_deleted_and_made_again_is_another(autojump_clock, scene):
    await scene.create("web")
    first = scene.container("web")["containerID"]
    scene.api.held = True
    await scene.client.delete(PODS, "web", NAMESPACE, {"gracePeriodSeconds": 0})
    await scene.create("web")
    scene.api.held = False
    scene.api.wake()
    await settle()
    assert scene.phase("web") == "Running"
    assert scene.container("web")["containerID"] != first


async def test_a_fleet_that_starts_again_takes_up_its_pods(autojump_clock):
    api = GracefulApi()
    async with trio.open_nursery() as nursery:
        scene = FleetScene(api, NodeFleet(api.client(), api.world, 2))
        await scene.start(nursery)
        await scene.create("web")
        await scene.create("job", {"k8slite.dev/exit-after": "100s"}, restartPolicy="Never")
        await scene.create("bad", {"k8slite.dev/exit-code": "1"})
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    before, addresses = api.revision, scene.node()["status"]["addresses"]
    web, uid = scene.container("web"), scene.node()["metadata"]["uid"]
    restarts = scene.container("bad")["restartCount"]
    async with trio.open_nursery() as nursery:
        scene = FleetScene(api, NodeFleet(api.client(), api.world, 2))
        await scene.start(nursery, cidrs=False)
        await settle()
        assert scene.container("web") == web
        assert scene.node()["metadata"]["uid"] == uid
        assert scene.node()["status"]["addresses"] == addresses
        assert not [c for c in api.commits if c.revision > before and c.key[2] in ("web", "job")]
        assert scene.container("bad")["restartCount"] == restarts + 1
        await scene.create("more")
        assert scene.status("more")["podIP"] not in (
            scene.status("web")["podIP"],
            scene.status("job")["podIP"],
        )
        await trio.sleep(100)
        assert scene.phase("job") == "Succeeded"
        nursery.cancel_scope.cancel()


def _with_uid(pod):
    pod["metadata"] |= {"uid": "u-1", "namespace": NAMESPACE, "generation": 1}
    return pod


def _ends(scene, name):
    """The times at which the pod's object was removed, filled while the test goes on."""
    found = []
    scene.api.on_commit.append(
        lambda c: found.append(trio.current_time()) if c.key[2] == name and c.new is None else None
    )
    return found


async def test_a_script_deletes_its_pod_without_grace(autojump_clock, scene):
    held = await scene.create("held", metadata={"finalizers": ["example.com/held"]})
    free = await scene.create("free")
    for one in (held, free):
        key = ContainerKey(one["metadata"]["uid"], "c")
        steps = (Wait(5), Announce("Going", "away", "Warning"), DeletePod())
        assert scene.fleet.runtime.play(key, steps)
    await trio.sleep(4)
    assert scene.ready("held") and scene.ready("free")
    await trio.sleep(2)
    assert scene.pod("free") is None
    assert "Going: away" in scene.events("free") and "Going: away" in scene.events("held")
    assert scene.pod("held")["metadata"]["deletionTimestamp"]
    await trio.sleep(60)
    assert "running" not in scene.container("held")["state"]
    assert scene.writes("held").count("DELETE") == 1
