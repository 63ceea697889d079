"""What an autoscaler may set: no number of replicas beyond its limits.

The controller may not have heard of the newest spec yet, so that the limits are the widest that any
version of an autoscaler of the target has set.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS

Json = dict[str, Any]

AUTOSCALERS: Final = "autoscaling.horizontalpodautoscalers/"
_USER: Final = "system:controller:horizontal-pod-autoscaler-controller"
_TARGETS: Final = {
    DEPLOYMENTS: "Deployment",
    REPLICA_SETS: "ReplicaSet",
    STATEFUL_SETS: "StatefulSet",
    "replicationcontrollers/": "ReplicationController",
}


class Autoscalers:
    """Limits of autoscalers."""

    name: ClassVar[str] = "autoscalers"
    prefixes: ClassVar[tuple[str, ...]] = (AUTOSCALERS, *_TARGETS)

    def __init__(self, setting: Setting) -> None:
        # By namespace, kind and name of the target.
        self._limits: dict[tuple[str, str, str], tuple[int, int]] = {}

    def commit(self, change: Change) -> Iterable[str]:
        new = change.new
        if new is None:
            return
        namespace = new["metadata"]["namespace"]
        spec = new["spec"]
        if change.resource == AUTOSCALERS:
            target = spec["scaleTargetRef"]
            key = (namespace, target["kind"], target["name"])
            least, most = self._limits.get(key, (spec.get("minReplicas", 1), 0))
            least = min(least, spec.get("minReplicas", 1))
            self._limits[key] = (least, max(most, spec["maxReplicas"]))
        elif change.user == _USER:
            key = (namespace, _TARGETS[change.resource], new["metadata"]["name"])
            limits, replicas = self._limits.get(key), spec.get("replicas", 1)
            if limits is None:
                yield f"{change.key} is scaled, and no autoscaler ever named it"
            elif not limits[0] <= replicas <= limits[1]:
                yield (
                    f"{change.key} gets {replicas} replicas of an autoscaler that allows "
                    f"{limits[0]} to {limits[1]}"
                )

    def rest(self) -> Iterable[str]:
        return ()
