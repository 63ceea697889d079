"""Events: an event lies in the namespace of what it is about, and newer ones say who reports it.

Mirrors `pkg/apis/core/validation/events.go`. What comes as events.k8s.io/v1 is held to more, in the
form of the core group, in which all are kept.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid, required
from k8slite.objects.metadata_validation import each, immutable
from k8slite.objects.names import is_dns1123_subdomain, is_qualified_name

Json = dict[str, Any]

_ELSEWHERE: Final = "does not match event.namespace"
_MOST: Final = 128  # characters of an instance, an action or a reason
_NOTE_MOST: Final = 1024
# Ours, and as upstream's internal type calls it.
_REPORTER: Final = ("reportingComponent", "reportingController")
_NEVER_CHANGES: Final = (
    *("involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp"),
    *("count", "reason", "type", "eventTime", "action", "related"),
)


def validate_event(new: Json, _old: Json | None) -> list[Cause]:
    """An Event in any version (`legacyValidateEvent`)."""
    namespace = new["metadata"].get("namespace", "")
    about = (new.get("involvedObject") or {}).get("namespace", "")
    found: list[Cause] = []
    is_new = bool(new.get("eventTime"))
    if not about:
        # What has no namespace is told of in the default one, or in kube-system.
        if namespace not in ("default", "kube-system"):
            found.append(invalid("involvedObject.namespace", "", _ELSEWHERE))
    elif about != namespace and not is_new:
        found.append(invalid("involvedObject.namespace", about, _ELSEWHERE))
    if is_new:
        found += _reported(new)
    return found + each("namespace", namespace, is_dns1123_subdomain(namespace))


def validate_new_event(new: Json, old: Json | None) -> list[Cause]:
    """What comes as events.k8s.io/v1, beyond what all are held to."""
    if old is not None:
        series = _series(new) if new.get("series") != old.get("series") else []
        found = [*series]
        for part in _NEVER_CHANGES:
            found += immutable(part, new.get(part) or None, old.get(part) or None)
        ours, told = _REPORTER
        found += immutable(told, new.get(ours), old.get(ours))
        instance = "reportingInstance"
        return found + immutable(instance, new.get(instance), old.get(instance))
    found = _series(new)
    if not new.get("eventTime"):
        found.append(required("eventTime"))
    kind = new.get("type", "")
    if kind not in ("Normal", "Warning"):
        found.append(invalid("type", "", f"has invalid value: {kind}"))
    for part in ("firstTimestamp", "lastTimestamp", "count", "source"):
        if new.get(part):
            found.append(invalid(part, "", "needs to be unset"))
    return found


def _reported(event: Json) -> list[Cause]:
    ours, told = _REPORTER
    reporter = event.get(ours) or ""
    found = [] if reporter else [required(told)]
    found += each(told, reporter, is_qualified_name(reporter))
    for part in ("reportingInstance", "action", "reason"):
        text = event.get(part) or ""
        if not text:
            found.append(required(part))
        if len(text) > _MOST:
            found.append(invalid(part, "", f"can have at most {_MOST} characters"))
    if len(event.get("message") or "") > _NOTE_MOST:
        found.append(invalid("message", "", f"can have at most {_NOTE_MOST} characters"))
    return found


def _series(event: Json) -> list[Cause]:
    series = event.get("series")
    if series is None:
        return []
    found = []
    if series.get("count", 0) < 2:
        found.append(invalid("series.count", "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        found.append(required("series.lastObservedTime"))
    return found
