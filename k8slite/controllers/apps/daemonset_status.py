"""What a DaemonSet's status counts (upstream: `updateDaemonSetStatus`). Pure."""

from __future__ import annotations

from typing import Any, Final

from k8slite.controllers.apps.daemonset_plan import Placement

Json = dict[str, Any]

# Counts that are not written where they are zero.
LEFT_OUT: Final = ("updatedNumberScheduled", "numberAvailable", "numberUnavailable")


def counted(placement: Placement) -> Json:
    """The counts; of several pods on a node the oldest stands for all."""
    desired = current = wrong = ready = updated = available = 0
    for node in placement.nodes:
        name = node.metadata.name
        pods = placement.pods.get(name, ())
        if not placement.fitness[name].runs:
            wrong += bool(pods)
            continue
        desired += 1
        if not pods:
            continue
        current += 1
        first = pods[0]
        ready += first.ready
        available += placement.available(first)
        updated += placement.up_to_date(first)
    return {
        "observedGeneration": placement.daemon_set.metadata.generation,
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": current,
        "numberMisscheduled": wrong,
        "numberReady": ready,
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        "numberUnavailable": desired - available,
    }
