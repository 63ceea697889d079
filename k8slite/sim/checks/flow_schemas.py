"""A FlowSchema says whether the priority level that it names is there, and since when.

The time of the condition is that of its last change; what it says has been true by the time that
nothing moves any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from k8slite.objects.meta import find_condition
from k8slite.sim.checks.check import Change, Setting

Json = dict[str, Any]

_GROUP: Final = "flowcontrol.apiserver.k8s.io"
_SCHEMAS: Final = f"{_GROUP}.flowschemas/"
_LEVELS: Final = f"{_GROUP}.prioritylevelconfigurations/"
_REASONS: Final = {"True": "NotFound", "False": "Found"}


class FlowSchemas:
    """The condition Dangling of each FlowSchema."""

    name: ClassVar[str] = "flow schemas"
    prefixes: ClassVar[tuple[str, ...]] = (_SCHEMAS,)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def commit(self, change: Change) -> Iterable[str]:
        new, old = _dangling(change.new), _dangling(change.old)
        if new is None or old is None or not change.process:
            return
        moved = old.get("lastTransitionTime") != new.get("lastTransitionTime")
        if old["status"] == new["status"] and moved:
            yield f"{change.key} dangled as it does now, but says that this has changed"

    def rest(self) -> Iterable[str]:
        levels = {key.removeprefix(_LEVELS) for key in self._setting.state.keys(_LEVELS)}
        for key, schema in self._setting.state.all(_SCHEMAS):
            level = schema["spec"]["priorityLevelConfiguration"]["name"]
            condition = _dangling(schema) or {}
            wanted = "False" if level in levels else "True"
            if condition.get("status") != wanted:
                yield f"{key} says {condition.get('status')} of dangling, and {level} says {wanted}"
            elif condition.get("reason") != _REASONS[wanted]:
                yield f"{key} says {wanted} of dangling because of {condition.get('reason')}"


def _dangling(schema: Json | None) -> Mapping[str, Any] | None:
    conditions = ((schema or {}).get("status") or {}).get("conditions") or ()
    return find_condition(conditions, "Dangling")
