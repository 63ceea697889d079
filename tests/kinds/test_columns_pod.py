"""A pod's row: readiness, the one word for its state, restarts."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.kinds.core.columns_pod import POD_TABLE
from tests.kinds.printing import NOW, printed

RUNNING: dict[str, Any] = {"name": "c", "ready": True, "state": {"running": {}}}


def pod(
    *statuses: dict[str, Any],
    phase: str = "Running",
    init: tuple[dict[str, Any], ...] = (),
    init_statuses: tuple[dict[str, Any], ...] = (),
    conditions: tuple[dict[str, Any], ...] = (),
    metadata: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    count = max(len(statuses), 1)
    return {
        "metadata": metadata or {},
        "spec": {
            "containers": [{"name": f"c{i}"} for i in range(count)],
            "initContainers": list(init),
        },
        "status": {
            "phase": phase,
            "containerStatuses": list(statuses),
            "initContainerStatuses": list(init_statuses),
            "conditions": list(conditions),
            **status,
        },
    }


def waiting(reason: str) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason}}}


def terminated(**how: Any) -> dict[str, Any]:
    return {"state": {"terminated": how}}


DELETED = {"deletionTimestamp": "2026-01-02T03:03:00Z"}
INIT = ({"name": "i0"}, {"name": "i1"})
SIDECAR = ({"name": "s", "restartPolicy": "Always"},)


@pytest.mark.parametrize(
    ("obj", "ready", "status"),
    [
        (pod(phase="Pending"), "0/1", "Pending"),
        (pod(RUNNING), "1/1", "Running"),
        (pod(RUNNING, waiting("CrashLoopBackOff")), "1/2", "CrashLoopBackOff"),
        (pod(waiting("ContainerCreating"), phase="Pending"), "0/1", "ContainerCreating"),
        (pod(terminated(reason="Completed"), phase="Succeeded"), "0/1", "Completed"),
        (pod(terminated(exitCode=3), phase="Failed"), "0/1", "ExitCode:3"),
        (pod(terminated(exitCode=137, signal=9), phase="Failed"), "0/1", "Signal:9"),
        (pod(terminated(reason="Error"), waiting("ImagePullBackOff")), "0/2", "Error"),
        (pod(terminated(reason="Completed"), RUNNING), "1/2", "NotReady"),
        (
            pod(
                terminated(reason="Completed"),
                RUNNING,
                conditions=({"type": "Ready", "status": "True"},),
            ),
            "1/2",
            "Running",
        ),
        (pod(phase="Failed", reason="Evicted"), "0/1", "Evicted"),
        (
            pod(
                phase="Pending",
                conditions=({"type": "PodScheduled", "reason": "SchedulingGated"},),
            ),
            "0/1",
            "SchedulingGated",
        ),
        (pod(RUNNING, metadata=DELETED), "1/1", "Terminating"),
        (pod(RUNNING, metadata=DELETED, reason="NodeLost"), "1/1", "Unknown"),
        (
            pod(terminated(reason="Completed"), phase="Succeeded", metadata=DELETED),
            "0/1",
            "Completed",
        ),
        (pod(phase="Pending", init=INIT, init_statuses=({"name": "i0"},)), "0/1", "Init:0/2"),
        (
            pod(
                phase="Pending",
                init=INIT,
                init_statuses=(terminated(exitCode=0), waiting("PodInitializing")),
            ),
            "0/1",
            "Init:1/2",
        ),
        (
            pod(phase="Pending", init=INIT, init_statuses=(waiting("CrashLoopBackOff"),)),
            "0/1",
            "Init:CrashLoopBackOff",
        ),
        (
            pod(phase="Pending", init=INIT, init_statuses=(terminated(exitCode=2),)),
            "0/1",
            "Init:ExitCode:2",
        ),
        (
            pod(
                phase="Pending", init=INIT, init_statuses=(terminated(exitCode=2, reason="Error"),)
            ),
            "0/1",
            "Init:Error",
        ),
        (
            pod(
                RUNNING,
                init=SIDECAR,
                init_statuses=(
                    {"name": "s", "ready": True, "started": True, "state": {"running": {}}},
                ),
            ),
            "2/2",
            "Running",
        ),
    ],
)
def test_ready_and_status(obj: dict[str, Any], ready: str, status: str) -> None:
    row = printed("pods", obj)
    assert (row["Ready"], row["Status"]) == (ready, status)


def test_restarts_say_when_the_last_one_was() -> None:
    ended = {"terminated": {"finishedAt": "2026-01-02T02:59:05Z"}}
    once = {**RUNNING, "restartCount": 2, "lastState": ended}
    assert printed("pods", pod(once))["Restarts"] == "2 (5m ago)"
    assert printed("pods", pod({**RUNNING, "restartCount": 2}))["Restarts"] == "2"
    assert printed("pods", pod(RUNNING))["Restarts"] == "0"


def test_restarts_of_init_containers_count_until_they_are_done() -> None:
    init = {**waiting("CrashLoopBackOff"), "name": "i0", "restartCount": 4}
    assert (
        printed("pods", pod(phase="Pending", init=INIT, init_statuses=(init,)))["Restarts"] == "4"
    )
    done = {**terminated(exitCode=0), "name": "i0", "restartCount": 4}
    assert printed("pods", pod(RUNNING, init=INIT, init_statuses=(done,)))["Restarts"] == "0"


def test_the_wide_columns() -> None:
    bare = printed("pods", pod(RUNNING))
    wide = ("IP", "Node", "Nominated Node", "Readiness Gates")
    assert [bare[name] for name in wide] == ["<none>"] * 4
    full = pod(
        RUNNING,
        podIPs=[{"ip": "10.0.0.1"}],
        nominatedNodeName="m",
        conditions=({"type": "a", "status": "True"},),
    )
    full["spec"].update(
        nodeName="n", readinessGates=[{"conditionType": "a"}, {"conditionType": "b"}]
    )
    row = printed("pods", full)
    assert [row[name] for name in wide] == ["10.0.0.1", "n", "m", "1/2"]


def test_a_pod_that_has_run_its_course_is_marked() -> None:
    failed = POD_TABLE.conditions(pod(phase="Failed"))
    assert failed == [
        {"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}
    ]
    assert POD_TABLE.conditions(pod(RUNNING)) == []


def test_an_empty_object_can_be_printed() -> None:
    assert POD_TABLE.cells({"metadata": {}}, NOW)[1:5] == ["0/0", "", "0", "<unknown>"]
