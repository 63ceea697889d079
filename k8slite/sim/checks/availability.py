"""What is served is said: an APIService tells whether it is available, and since when.

The time of a condition is that of its last change; what this server itself serves is available; and
who names a Service was looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from k8slite.objects.meta import find_condition
from k8slite.sim.checks.check import Change, Setting

Json = dict[str, Any]

_API_SERVICES: Final = "apiregistration.k8s.io.apiservices/"
_REASONS: Final = {
    "True": ("Local", "Passed"),
    "False": (
        "ServiceNotFound",
        "ServicePortError",
        "EndpointsNotFound",
        "MissingEndpoints",
        "FailedDiscoveryCheck",
    ),
}


class Availability:
    """The condition Available of each APIService."""

    name: ClassVar[str] = "availability"
    prefixes: ClassVar[tuple[str, ...]] = (_API_SERVICES,)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def commit(self, change: Change) -> Iterable[str]:
        new, old = _condition(change.new), _condition(change.old)
        if change.new is None or new is None:
            return
        if new.get("reason") not in _REASONS.get(new["status"], ()):
            yield f"{change.key} is {new['status']} because of {new.get('reason')}"
        if old is None or not change.process:
            return
        same = old["status"] == new["status"]
        moved = old.get("lastTransitionTime") != new.get("lastTransitionTime")
        if same and moved:
            yield f"{change.key} was {new['status']} before, but says that it has changed"

    def rest(self) -> Iterable[str]:
        for key, service in self._setting.state.all(_API_SERVICES):
            condition = _condition(service)
            if condition is None:
                yield f"{key} does not say whether it is available"
            elif not service["spec"].get("service") and condition["status"] != "True":
                yield f"{key} is served here, and is said not to be available"


def _condition(service: Json | None) -> Mapping[str, Any] | None:
    conditions = ((service or {}).get("status") or {}).get("conditions") or ()
    return find_condition(conditions, "Available")
