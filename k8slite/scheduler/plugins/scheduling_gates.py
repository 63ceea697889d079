"""A pod with scheduling gates waits until the last one is gone (upstream: SchedulingGates)."""

from __future__ import annotations

from k8slite.scheduler.plugin import PreEnqueuePlugin, Status
from k8slite.scheduler.pod_info import PodInfo


class SchedulingGates(PreEnqueuePlugin):
    """Looks at spec.schedulingGates."""

    name = "SchedulingGates"

    def pre_enqueue(self, pod: PodInfo) -> Status | None:
        gates = pod.pod.spec.scheduling_gates
        if not gates:
            return None
        names = " ".join(gate.name for gate in gates)
        return Status((f"waiting for scheduling gates: [{names}]",), True, self.name)
