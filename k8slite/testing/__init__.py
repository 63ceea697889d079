"""k8slite in other people's tests.

In: what a test asks for. Out: a cluster inside the test's own process. Never here: what a cluster
does once it lives; threads (see `live.loop`).

    cluster      start(), running(): a cluster for blocking code, for trio and asyncio
    operations   what a test can do with it and ask of it
    programming  what its containers do;  node_operations  what becomes of its nodes
    stage_definition  of KWOK's Stages
    conditions   what can be waited for;  naming  how objects are called
    snapshots    a cluster's state, and the way back to it
    clients      clients of other packages, ready to use
    forgotten    clusters that nobody has stopped
    plugin       fixtures for pytest
    fuzzing      fuzz(scenario): fails with a story when an invariant breaks
    strategies   Hypothesis strategies for objects, workloads, manifests and plans of faults
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from k8slite.live.collection import uncollected

if TYPE_CHECKING:
    from k8slite.kubelet.runtimes.finalizers import Finalizers
    from k8slite.kubelet.runtimes.program import Process
    from k8slite.kubelet.runtimes.script import (
        Alive,
        Announce,
        Answer,
        DeletePod,
        Exit,
        Log,
        Ready,
        Script,
        Wait,
    )
    from k8slite.sim.scenario import Scenario
    from k8slite.testing.cluster import AsyncCluster, Cluster, running, start
    from k8slite.testing.fuzzing import fuzz
    from k8slite.testing.operations import Timeout
    from k8slite.testing.snapshots import Snapshot

__all__ = [
    "Alive",
    "Announce",
    "Answer",
    "AsyncCluster",
    "Cluster",
    "DeletePod",
    "Exit",
    "Finalizers",
    "Log",
    "Process",
    "Ready",
    "Scenario",
    "Script",
    "Snapshot",
    "Timeout",
    "Wait",
    "fuzz",
    "running",
    "start",
]


def __getattr__(name: str) -> Any:
    # Imported when asked for: a test that wants a cluster need not load the fuzzer.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    with uncollected():
        return getattr(import_module(home), name)


_SCRIPT: Final = "k8slite.kubelet.runtimes.script"
_HOMES: Final = {
    **dict.fromkeys(("Alive", "Announce", "Answer", "DeletePod", "Exit", "Log"), _SCRIPT),
    **dict.fromkeys(("Ready", "Script", "Wait"), _SCRIPT),
    "Finalizers": "k8slite.kubelet.runtimes.finalizers",
    "Process": "k8slite.kubelet.runtimes.program",
    "AsyncCluster": "k8slite.testing.cluster",
    "Cluster": "k8slite.testing.cluster",
    "Scenario": "k8slite.sim.scenario",
    "Snapshot": "k8slite.testing.snapshots",
    "Timeout": "k8slite.testing.operations",
    "fuzz": "k8slite.testing.fuzzing",
    "running": "k8slite.testing.cluster",
    "start": "k8slite.testing.cluster",
}
