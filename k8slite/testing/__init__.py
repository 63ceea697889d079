"""k8slite in other people's tests.

In: what a test asks for. Out: a cluster inside the test's own process. Never here: sockets that
a test did not ask for.

    fuzzing      fuzz(scenario): fails with a story when an invariant breaks
    strategies   Hypothesis strategies for objects, workloads, manifests and plans of faults
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from k8slite.sim.scenario import Scenario
    from k8slite.testing.fuzzing import fuzz

__all__ = ["Scenario", "fuzz"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: a test that wants a cluster need not load the fuzzer.
    if name == "fuzz":
        from k8slite.testing.fuzzing import fuzz

        return fuzz
    if name == "Scenario":
        from k8slite.sim.scenario import Scenario

        return Scenario
    raise AttributeError(f"module {__name__} has no attribute {name}")
