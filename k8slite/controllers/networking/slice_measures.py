"""What is measured of the writing of EndpointSlices (upstream: `endpointslice/metrics`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from attrs import define, field

from k8slite.controllers.networking.slice_packing import Plan
from k8slite.objects.measures import Counter, Family, Reading
from k8slite.objects.meta import Name

_SYSTEM: Final = "endpoint_slice_controller"
# So many endpoints a slice has at the most (--max-endpoints-per-slice).
_MOST: Final = 100


@define(eq=False)
class SliceMeasures:
    """The counts of one controller; `slices` tells how many there are."""

    slices: Callable[[], int]
    changes: Counter = field(init=False)
    syncs: Counter = field(init=False)
    _wanted: dict[Name, list[int]] = field(factory=dict)  # endpoints by sort, of Services

    def __attrs_post_init__(self) -> None:
        text = "[ALPHA] Number of EndpointSlice changes"
        self.changes = Counter(f"{_SYSTEM}_changes", text, ("operation",))
        text = "[ALPHA] Number of EndpointSlice syncs"
        self.syncs = Counter(f"{_SYSTEM}_syncs", text, ("result",))

    def planned(self, name: Name, wanted: list[int], plan: Plan) -> None:
        """What a Service is to have, endpoints by family and ports, and what is written for it."""
        self._wanted[name] = wanted
        for operation in ("create", "update", "delete"):
            count = len(getattr(plan, operation))
            if count:
                self.changes.add(operation, by=count)

    def forget(self, name: Name) -> None:
        """A Service has gone."""
        self._wanted.pop(name, None)

    def families(self) -> Iterable[Family]:
        """All of them."""
        yield self.changes
        yield self.syncs
        yield Reading(
            f"{_SYSTEM}_num_endpoint_slices",
            "[ALPHA] Number of EndpointSlices",
            lambda: [((), float(self.slices()))],
        )
        yield Reading(
            f"{_SYSTEM}_desired_endpoint_slices",
            "[ALPHA] Number of EndpointSlices that would exist with perfect endpoint allocation",
            lambda: [((), float(sum(map(_desired, self._wanted.values()))))],
        )
        yield Reading(
            f"{_SYSTEM}_endpoints_desired",
            "[ALPHA] Number of endpoints desired",
            lambda: [((), float(sum(map(sum, self._wanted.values()))))],
        )


def _desired(wanted: list[int]) -> int:
    """As few slices as the endpoints fit into; a Service has one at least."""
    return max(1, sum(-(-count // _MOST) for count in wanted))
