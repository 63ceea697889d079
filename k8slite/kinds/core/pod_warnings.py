"""What an author is told about a Pod that is taken but hardly meant so.

Mirrors the plainer ones of `pkg/api/pod/warnings.go`.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def warn_pod(new: Json, old: Json | None) -> list[str]:
    """Warnings about a Pod; none where an update leaves the spec alone."""
    if old is not None and old.get("spec") == new.get("spec"):
        return []
    return warn_pod_spec(new.get("spec", {}), "spec")


def warn_pod_spec(spec: Json, path: str) -> list[str]:
    """Warnings about the spec of a Pod or of a template."""
    found: list[str] = []
    for key in spec.get("nodeSelector") or ():
        if key in _OLD_LABELS:
            found.append(
                f"{path}.nodeSelector[{key}]: deprecated since v1.14; "
                f'use "{_OLD_LABELS[key]}" instead'
            )
    for i, volume in enumerate(spec.get("volumes", ())):
        if "gitRepo" in volume:
            found.append(f"{path}.volumes[{i}].gitRepo: deprecated in v1.11")
    for group in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(group, ())):
            found += _container(container, f"{path}.{group}[{i}]")
    return found


def warn_endpoints(_new: Json, _old: Json | None) -> list[str]:
    """EndpointSlices have taken their place."""
    return ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"]


def _container(container: Json, path: str) -> list[str]:
    found: list[str] = []
    variables = container.get("env", ())
    if len(variables) > 1:
        seen: dict[str, Json] = {}
        for i, variable in enumerate(variables):
            name = variable.get("name", "")
            earlier = seen.get(name)
            # A later value that refers to the earlier one is meant.
            if earlier is not None and f"$({name})" not in variable.get("value", ""):
                found.append(
                    f'{path}.env[{i}]: hides previous definition of "{name}", '
                    "which may be dropped when using apply"
                )
            seen[name] = variable
    ports: dict[tuple[int, str], int] = {}
    for i, port in enumerate(container.get("ports", ())):
        key = (port.get("containerPort", 0), port.get("protocol", "TCP"))
        if key in ports:
            found.append(
                f"{path}.ports[{i}]: duplicate port definition with {path}.ports[{ports[key]}]"
            )
        ports.setdefault(key, i)
    for kind in ("limits", "requests"):
        for name, amount in (container.get("resources") or {}).get(kind, {}).items():
            if name in ("memory", "ephemeral-storage") and str(amount).endswith("m"):
                found.append(
                    f'{path}.resources.{kind}[{name}]: fractional byte value "{amount}" is '
                    "invalid, must be an integer"
                )
    return found


_OLD_LABELS = {
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
}
