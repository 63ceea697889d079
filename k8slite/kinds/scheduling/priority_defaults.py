"""What a PriorityClass gets where nothing was said (`pkg/apis/scheduling/v1/defaults.go`)."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def default_priority_class(priority_class: Json) -> None:
    """Its Pods may push others aside; a value is printed though zero."""
    priority_class.setdefault("preemptionPolicy", "PreemptLowerPriority")
    priority_class.setdefault("value", 0)
