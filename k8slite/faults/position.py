"""How far a run has come, in the counts by which faults strike."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from k8slite.faults.plan import (
    OF_COMMITS,
    OF_WATCHES,
    OF_WRITES,
    Crash,
    FailContainer,
    Fault,
    Plan,
    TimeTravel,
)


@frozen
class Position:
    """What has been counted so far, by process."""

    commits: int
    starts: int
    writes: Mapping[str, int]
    events: Mapping[str, Mapping[str, int]]  # by resource
    all_events: Mapping[str, int]

    def precedes(self, plan: Plan) -> bool:
        """Whether no fault of a plan could have struck yet: up to here it makes no difference."""
        return all(map(self._comes_before, plan.faults))

    def _comes_before(self, fault: Fault) -> bool:
        if isinstance(fault, Crash) and fault.event:
            return self.all_events.get(fault.process, 0) < fault.event
        if isinstance(fault, TimeTravel) and self.commits >= fault.commit:
            return False
        if isinstance(fault, (Crash, TimeTravel, *OF_WRITES)):
            return self.writes.get(fault.process, 0) < fault.write
        if isinstance(fault, OF_WATCHES):
            return self.events.get(fault.process, {}).get(fault.resource, 0) < fault.event
        if isinstance(fault, FailContainer):
            return self.starts < fault.start
        assert isinstance(fault, OF_COMMITS), fault
        return self.commits < fault.commit
