"""Jobs on a whole simulated cluster, and what tests read of them."""

from collections.abc import Sequence
from typing import Any

from k8slite.client.resource import EVENTS, JOBS, PODS
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]

INDEX = "batch.kubernetes.io/job-completion-index"
FINALIZER = "batch.kubernetes.io/job-tracking"


def job(name: str = "j", annotations: Json | None = None, **spec: Any) -> Json:
    """A Job whose containers do what `annotations` say, by default end at once with code 0."""
    told = {f"k8slite.dev/{key}": value for key, value in (annotations or {}).items()}
    template = {
        "metadata": {"annotations": told},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "example.com/a"}]},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


def found(sim: Simulation, name: str = "j") -> Json:
    [one] = [one for one in sim.objects(JOBS) if one["metadata"]["name"] == name]
    return one


def status(sim: Simulation, name: str = "j") -> Json:
    told: Json = found(sim, name).get("status") or {}
    return told


def conditions(sim: Simulation, name: str = "j") -> dict[str, tuple[str, str, str]]:
    """Status, reason and message of each condition."""
    return {
        one["type"]: (one["status"], one.get("reason", ""), one.get("message", ""))
        for one in status(sim, name).get("conditions") or ()
    }


def pods(sim: Simulation, *phases: str) -> list[Json]:
    return [pod for pod in sim.objects(PODS) if not phases or pod["status"].get("phase") in phases]


def running(sim: Simulation) -> list[Json]:
    return [pod for pod in pods(sim, "Running") if "deletionTimestamp" not in pod["metadata"]]


def indexes(found: Sequence[Json]) -> list[str]:
    return sorted(pod["metadata"]["annotations"][INDEX] for pod in found)


def events(sim: Simulation, kind: str = "Job") -> list[tuple[str, str, str]]:
    return [
        (one["type"], one["reason"], one["message"])
        for one in sim.objects(EVENTS)
        if one["involvedObject"]["kind"] == kind
    ]
