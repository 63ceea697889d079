"""What a test waits for: a condition of an object, said as `kubectl wait --for` has it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from k8slite.objects.meta import find_condition

Json = dict[str, Any]
# Whether an object (None: there is no such one) is as it is wanted.
Holds = Callable[[Json | None], bool]
Condition = str | Callable[[Json], object]


def holds(condition: Condition) -> Holds:
    """The test for a condition.

        "create", "delete"     there is such an object; there is none
        "Ready", "Ready=False" a condition in its status has that value (default: True)
        "phase=Running"        so says its status' phase
        a function             it is there, and the function says something true of it

    Raises ValueError for a text that is empty.
    """
    if callable(condition):
        wanted = condition
        return lambda obj: obj is not None and bool(wanted(obj))
    if condition == "create":
        return lambda obj: obj is not None
    if condition == "delete":
        return lambda obj: obj is None
    name, _, value = condition.removeprefix("condition=").partition("=")
    if not name:
        raise ValueError("a condition is 'create', 'delete', 'Ready', 'phase=Running' or such")
    if name == "phase":
        return lambda obj: obj is not None and _status(obj).get("phase") == value
    return lambda obj: obj is not None and _condition(obj, name) == (value or "True")


def seen(obj: Json | None) -> str:
    """What a person wants to know of an object that is not as it was to be."""
    if obj is None:
        return "there is no such object"
    status = _status(obj)
    told = [f"{one.get('type')}={one.get('status')}" for one in status.get("conditions") or ()]
    told += [f"{name}={value}" for name, value in status.items() if isinstance(value, str | int)]
    waiting = [
        f"container {one.get('name')}: {state.get('reason')} {state.get('message', '')}".rstrip()
        for one in status.get("containerStatuses") or ()
        for name, state in (one.get("state") or {}).items()
        if name != "running"
    ]
    return ", ".join(told + waiting) or "its status is empty"


def _status(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return obj.get("status") or {}


def _condition(obj: Json, name: str) -> str:
    found = find_condition(_status(obj).get("conditions") or (), name)
    return str(found.get("status")) if found is not None else ""
