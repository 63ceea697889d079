"""What field selectors can select core kinds by, besides name and namespace.

Mirrors upstream's `AddFieldLabelConversionsFor...` (which fields there are) and
`ToSelectableFields` (how each is read).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from k8slite.kinds.entry import text_at
from k8slite.kinds.kind import Json


def _first_pod_ip(pod: Json) -> str:
    status = pod.get("status") or {}
    addresses = status.get("podIPs") or ()
    first: str = addresses[0].get("ip", "") if addresses else status.get("podIP", "")
    return first


def _nothing(_pod: Json) -> str:
    # Upstream accepts the label and has no value for it.
    return ""


def _event_source(event: Json) -> str:
    source: str = (event.get("source") or {}).get("component", "")
    return source or event.get("reportingComponent", "")


POD_FIELDS: Final[Mapping[str, Callable[[Json], str]]] = {
    "spec.nodeName": text_at("spec", "nodeName"),
    "spec.host": text_at("spec", "nodeName"),  # the old name of spec.nodeName
    "spec.restartPolicy": text_at("spec", "restartPolicy"),
    "spec.schedulerName": text_at("spec", "schedulerName"),
    "spec.serviceAccountName": text_at("spec", "serviceAccountName"),
    "spec.hostNetwork": text_at("spec", "hostNetwork", default="false"),
    "status.phase": text_at("status", "phase"),
    "status.podIP": _first_pod_ip,
    "status.podIPs": _nothing,
    "status.nominatedNodeName": text_at("status", "nominatedNodeName"),
}

NODE_FIELDS: Final[Mapping[str, Callable[[Json], str]]] = {
    "spec.unschedulable": text_at("spec", "unschedulable", default="false"),
}

EVENT_FIELDS: Final[Mapping[str, Callable[[Json], str]]] = {
    **{
        f"involvedObject.{part}": text_at("involvedObject", part)
        for part in (
            "kind",
            "namespace",
            "name",
            "uid",
            "apiVersion",
            "resourceVersion",
            "fieldPath",
        )
    },
    "reason": text_at("reason"),
    "reportingComponent": text_at("reportingComponent"),
    "source": _event_source,
    "type": text_at("type"),
}
