"""The imagined outside: a whole cluster in one run with virtual time, a seed, and faults.

In: a scenario, a plan of faults, a seed. Out: a run that can be repeated, bit for bit, and what
broke in it. Never here: the operating system.

    blocks          a cluster for a block of your own: `k8slite.sim.cluster`
    world, run      time of day, chance and identifiers; virtual time and the order of tasks
    outcome         what a run leaves; story and timeline tell it, by way of difference
    scenario        what a run is about, and its phases
    simulation      the cluster: processes, ways, store, and what a scenario can do
    observer        sees every commit; checks/ holds the invariants
    calamities      carries out the faults of commits (the others: `k8slite.faults`)
    witness         holds every watch against the commits
    network         the other end of every way: an API server that may be down
    processes       that die and live again
    store           the real store over an imagined disk
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k8slite.sim.blocks import Broken, cluster

__all__ = ["Broken", "cluster"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: parts of the simulator are used without the whole of it.
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from k8slite.sim import blocks

    return getattr(blocks, name)
