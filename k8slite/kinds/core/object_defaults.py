"""What the smaller kinds of the core group get where their author said nothing.

Mirrors `pkg/apis/core/v1/defaults.go` and the `PrepareForCreate` of each kind's strategy. Fields
that Go always prints, because they are neither pointers nor omitted when empty, are filled in too.
"""

from __future__ import annotations

import base64
from typing import Any, Final

from k8slite.kinds.core.pod_defaults import default_pod_template
from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.core.volume_defaults import default_claim_spec, default_volume_source

Json = dict[str, Any]

NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"


def default_namespace(namespace: Json) -> None:
    """The label that names it, its finalizer and its phase."""
    metadata = namespace["metadata"]
    if metadata.get("name"):
        metadata.setdefault("labels", {})[NAMESPACE_LABEL] = metadata["name"]
    namespace.setdefault("spec", {})
    status = namespace.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Active"


def prepare_namespace(new: Json, old: Json | None) -> None:
    """A new namespace is active; only /finalize takes a finalizer away."""
    keep_status(new, old)
    if old is None:
        new["status"] = {"phase": "Active"}
        finalizers = new.setdefault("spec", {}).setdefault("finalizers", [])
        if "kubernetes" not in finalizers:
            finalizers.append("kubernetes")
    elif "finalizers" in old.get("spec", {}):
        new.setdefault("spec", {})["finalizers"] = old["spec"]["finalizers"]
    else:
        new.setdefault("spec", {}).pop("finalizers", None)


def default_node(node: Json) -> None:
    """What is not kept back is allocatable; the rest of the status is printed though empty."""
    node.setdefault("spec", {})
    status = node.setdefault("status", {})
    if "allocatable" not in status and status.get("capacity"):
        status["allocatable"] = dict(status["capacity"])
    endpoints = status.setdefault("daemonEndpoints", {})
    endpoints.setdefault("kubeletEndpoint", {"Port": 0})
    info = status.setdefault("nodeInfo", {})
    for key in _NODE_INFO:
        info.setdefault(key, "")


def prepare_node(new: Json, old: Json | None) -> None:
    """A kubelet registers its node with its status; later it writes it through /status."""
    if old is not None:
        keep_status(new, old)


def default_secret(secret: Json) -> None:
    """Type and data: what came as text in stringData is merged in, encoded."""
    if not secret.get("type"):
        secret["type"] = "Opaque"
    texts = secret.pop("stringData", None)
    if texts:
        data = secret.setdefault("data", {})
        for key, text in texts.items():
            data[key] = base64.b64encode(text.encode()).decode()


def default_claim(claim: Json) -> None:
    """Fill in a PersistentVolumeClaim."""
    default_claim_spec(claim.setdefault("spec", {}))
    status = claim.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Pending"


def prepare_claim(new: Json, old: Json | None) -> None:
    """The two fields for where a claim's data come from say the same.

    Upstream: `EnforceDataSourceBackwardsCompatibility` (the old field takes claims and snapshots,
    anything else is dropped) and `NormalizeDataSources`.
    """
    keep_status(new, old)
    spec, before = new["spec"], (old or {}).get("spec") or {}
    source, fresh = spec.get("dataSource"), not any(before.get(key) for key in _SOURCE_FIELDS)
    if (
        source is not None
        and fresh
        and (source.get("apiGroup") or "", source.get("kind", "")) not in _DATA_SOURCES
    ):
        del spec["dataSource"]
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    elif reference is not None and source is None and not reference.get("namespace"):
        spec["dataSource"] = {k: v for k, v in reference.items() if k != "namespace"}


def default_volume(volume: Json) -> None:
    """Fill in a PersistentVolume."""
    spec = volume.setdefault("spec", {})
    default_volume_source(spec)
    if not spec.get("persistentVolumeReclaimPolicy"):
        spec["persistentVolumeReclaimPolicy"] = "Retain"
    spec.setdefault("volumeMode", "Filesystem")
    status = volume.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Pending"


def prepare_volume(new: Json, old: Json | None) -> None:
    """A new volume has been pending since it was made."""
    keep_status(new, old)
    if old is None:
        status: Json = {"phase": "Pending"}
        created = new["metadata"].get("creationTimestamp")
        if created:
            status["lastPhaseTransitionTime"] = created
        new["status"] = status


def default_limit_range(limit_range: Json) -> None:
    """For containers: the limit is the largest allowed, the request the limit or the least."""
    for item in limit_range.setdefault("spec", {}).get("limits", ()):
        if item.get("type") != "Container":
            continue
        limits = item.setdefault("default", {})
        requests = item.setdefault("defaultRequest", {})
        for target, source in (
            (limits, item.get("max")),
            (requests, limits),
            (requests, item.get("min")),
        ):
            for name, value in (source or {}).items():
                target.setdefault(name, value)
        for key in ("default", "defaultRequest"):
            if not item[key]:
                del item[key]


def default_endpoints(endpoints: Json) -> None:
    """Ports are TCP."""
    for subset in endpoints.get("subsets", ()):
        for port in subset.get("ports", ()):
            if not port.get("protocol"):
                port["protocol"] = "TCP"


def default_replication_controller(controller: Json) -> None:
    """One replica; the selector, and the labels, are those of the template."""
    spec = controller.setdefault("spec", {})
    template = spec.get("template")
    if template is not None:
        default_pod_template(template)
        labels = template["metadata"].get("labels")
        if labels:
            if not spec.get("selector"):
                spec["selector"] = dict(labels)
            metadata = controller["metadata"]
            if not metadata.get("labels"):
                metadata["labels"] = dict(labels)
    spec.setdefault("replicas", 1)
    controller.setdefault("status", {}).setdefault("replicas", 0)


def default_stored_template(template: Json) -> None:
    """Fill in a PodTemplate."""
    default_pod_template(template.setdefault("template", {}))


def default_quota(quota: Json) -> None:
    """Spec and status are printed though empty."""
    quota.setdefault("spec", {})
    quota.setdefault("status", {})


def default_event(event: Json) -> None:
    """Times, source and reporter are printed though empty."""
    for key in ("eventTime", "firstTimestamp", "lastTimestamp"):
        event.setdefault(key, None)
    event.setdefault("involvedObject", {})
    event.setdefault("source", {})
    event.setdefault("reportingComponent", "")
    event.setdefault("reportingInstance", "")


_SOURCE_FIELDS: Final = ("dataSource", "dataSourceRef")
_DATA_SOURCES: Final = (
    ("", "PersistentVolumeClaim"),
    ("snapshot.storage.k8s.io", "VolumeSnapshot"),
)
_NODE_INFO: Final = (
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
)
