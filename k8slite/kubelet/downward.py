"""What a pod may learn of itself: fieldRef and resourceFieldRef (pure).

Upstream: `pkg/fieldpath`, `pkg/api/v1/resource` (ExtractResourceValueByContainerName).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from k8slite.objects.quantity import milli

Json = dict[str, Any]


def field_value(pod: Json, path: str) -> str:
    """The value of a field, "" where it has none."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    found = _SUBSCRIPT.fullmatch(path)
    if found is not None:
        return str((metadata.get(found[1]) or {}).get(found[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        values = metadata.get(path.removeprefix("metadata.")) or {}
        return "".join(f"{key}={json.dumps(values[key])}\n" for key in sorted(values))
    if path in ("status.podIPs", "status.hostIPs"):
        return ",".join(one["ip"] for one in status.get(path.removeprefix("status.")) or ())
    values = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": status.get("hostIP", ""),
        "status.podIP": status.get("podIP", ""),
    }
    return str(values.get(path, ""))


def resource_value(container: Json, reference: Json, allocatable: Mapping[str, str]) -> str:
    """A request or limit in units of the divisor, rounded up; a limit that is not set is the
    node's."""
    kind, _, name = reference["resource"].partition(".")
    resources = container.get("resources") or {}
    given = (resources.get(kind) or {}).get(name)
    if given is None:
        given = allocatable.get(name, "0") if kind == "limits" else "0"
    divisor = milli(str(reference.get("divisor") or "1")) or milli("1")
    return str(-(-milli(str(given)) // divisor))


_SUBSCRIPT: Final = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
