"""Probes and lifecycle handlers of a container.

Mirrors `validateProbe`, `validateHandler` and `validateLifecycle`.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import NOT_NEGATIVE, each
from k8slite.objects.names import is_http_header_name, is_port_name, is_port_number

Json = dict[str, Any]


def validate_probes(container: Json, path: str, grace_seconds: int | None) -> list[Cause]:
    """Lifecycle handlers and the three probes of the container at `path`."""
    found: list[Cause] = []
    lifecycle = container.get("lifecycle")
    if lifecycle:
        for hook in ("postStart", "preStop"):
            handler = lifecycle.get(hook)
            if handler is not None:
                at = f"{path}.lifecycle.{hook}"
                found += _handler(handler, _LIFECYCLE_HANDLERS, at, grace_seconds)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        at = f"{path}.{name}"
        found += _probe(probe, at, grace_seconds)
        if name == "readinessProbe":
            grace = probe.get("terminationGracePeriodSeconds")
            if grace is not None:
                text = "must not be set for readinessProbes"
                found.append(invalid(f"{at}.terminationGracePeriodSeconds", grace, text))
        elif probe.get("successThreshold", 0) != 1:
            threshold = probe.get("successThreshold", 0)
            found.append(invalid(f"{at}.successThreshold", threshold, "must be 1"))
    return found


def validate_port(port: int | str, path: str) -> list[Cause]:
    """A port's number, or the name of a container's port."""
    if isinstance(port, str):
        return each(path, port, is_port_name(port))
    return each(path, port, is_port_number(port))


def _probe(probe: Json, path: str, grace_seconds: int | None) -> list[Cause]:
    found = _handler(probe, _PROBE_HANDLERS, path, grace_seconds)
    for key in _TIMINGS:
        if probe.get(key, 0) < 0:
            found.append(invalid(f"{path}.{key}", probe[key], NOT_NEGATIVE))
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        text = "must be greater than 0"
        found.append(invalid(f"{path}.terminationGracePeriodSeconds", grace, text))
    return found


def _handler(
    handler: Json, kinds: tuple[str, ...], path: str, grace_seconds: int | None
) -> list[Cause]:
    found: list[Cause] = []
    handlers = 0
    for kind in kinds:
        action = handler.get(kind)
        if action is None:
            continue
        if handlers:
            found.append(forbidden(f"{path}.{kind}", "may not specify more than 1 handler type"))
            continue
        handlers = 1
        at = f"{path}.{kind}"
        if kind == "exec":
            if not action.get("command"):
                found.append(required(f"{at}.command"))
        elif kind == "httpGet":
            found += _http_get(action, at)
        elif kind == "sleep":
            seconds = action.get("seconds", 0)
            if grace_seconds is not None and not 0 <= seconds <= grace_seconds:
                text = (
                    "must be non-negative and less than terminationGracePeriodSeconds "
                    f"({grace_seconds})"
                )
                found.append(invalid(at, seconds, text))
        else:
            found += validate_port(action.get("port", 0), f"{at}.port")
    if not handlers:
        found.append(required(path, "must specify a handler type"))
    return found


def _http_get(action: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    if not action.get("path"):
        found.append(required(f"{path}.path"))
    found += validate_port(action.get("port", 0), f"{path}.port")
    scheme = action.get("scheme", "")
    if scheme not in ("HTTP", "HTTPS"):
        found.append(not_supported(f"{path}.scheme", scheme, ("HTTP", "HTTPS")))
    for header in action.get("httpHeaders", ()):
        name = header.get("name", "")
        found += each(f"{path}.httpHeaders", name, is_http_header_name(name))
    return found


_PROBE_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_LIFECYCLE_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "sleep")
_TIMINGS: Final = (
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
)
