"""Pods that do as KWOK's Stages say, under faults: finalizers, steps, and ends of their own."""

from collections.abc import Sequence
from typing import Any

from k8slite.client.resource import EVENTS, PODS
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation
from k8slite.testing.stage_definition import DEFINITION

Json = dict[str, Any]

HELD = "example.com/held"


def stage(name: str, delay_seconds: float, selecting: Sequence[Json], *steps: Json) -> Json:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": [{"jq": one} for one in selecting]},
            "delay": {"durationMilliseconds": int(delay_seconds * 1000)},
            "steps": list(steps),
        },
    }


def exists(key: str, *, does: bool = True) -> Json:
    return {"key": key, "operator": "Exists" if does else "DoesNotExist"}


DELETED, STATES = ".metadata.deletionTimestamp", ".status.containerStatuses"
ENDED = """
containerStatuses:
{{ range .spec.containers }}
- {name: {{ .name }}, state: {terminated: {exitCode: 0, reason: Completed}}}
{{ end }}
phase: Succeeded
"""
STAGES = (
    stage(
        "ready",
        2,
        [exists(DELETED, does=False), exists(STATES, does=False)],
        {"patch": {"root": "status", "subresource": "status", "template": "phase: Running"}},
    ),
    stage(
        "complete",
        5,
        [
            exists(DELETED, does=False),
            {"key": '.metadata.labels["ends"]', "operator": "In", "values": ["true"]},
            {"key": ".status.phase", "operator": "In", "values": ["Running"]},
        ],
        {"patch": {"root": "status", "subresource": "status", "template": ENDED}},
    ),
    stage(
        "spare",
        3,
        [exists(DELETED), {"key": ".metadata.finalizers.[]", "operator": "In", "values": [HELD]}],
        {"event": {"reason": "Spared", "message": "of {{ .metadata.name }}"}},
        {"finalizers": {"remove": [{"value": HELD}]}},
    ),
    stage(
        "delete",
        4,
        [exists(DELETED), exists(".metadata.finalizers", does=False)],
        {"delete": True},
    ),
)


def pod(name: str, **labels: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "finalizers": [HELD]},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "c", "image": "nginx"}],
        },
    }


class Staged(Scenario):
    """A pod that runs and one that has ended are deleted; Stages take off what holds them."""

    nodes = 1
    objects = (DEFINITION,)

    async def act(self, sim: Simulation) -> None:
        for one in STAGES:
            await sim.apply(one)
        for one in (pod("runs"), pod("ends", ends="true")):
            await sim.apply(one)
        await sim.rest()
        for name in ("runs", "ends"):
            await sim.client.delete(PODS, name, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        """They are gone, but for one that was deleted before it had a node, which nobody plays."""
        pods = [one for one in sim.objects(PODS, "default") if one["spec"].get("nodeName")]
        left = [one["metadata"]["name"] for one in pods]
        return [f"there still are {left}"] if left else []


class StagedUndisturbed(Staged):
    """Without faults, what the Stages tell is told."""

    targets = ("nobody",)

    def check(self, sim: Simulation) -> Sequence[str]:
        """They are gone, and it was told why."""
        told = sorted(
            one["message"] for one in sim.objects(EVENTS, "default") if one["reason"] == "Spared"
        )
        return [*super().check(sim), *([] if told == _TOLD else [f"it was told {told}"])]


_TOLD = ["of ends", "of runs"]
STAGED = (Staged,)
