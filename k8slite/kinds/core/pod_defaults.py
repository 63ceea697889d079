"""What a Pod, and the template of one, gets where its author said nothing.

Mirrors `SetDefaults_Pod`, `SetDefaults_PodSpec` and `SetDefaults_Container` of `pkg/apis/core/v1`.
A template gets less than a Pod: requests, service links and host ports are filled in only once
there is a Pod, so that a stored template does not change when a default does.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.core.images import pull_policy
from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.core.volume_defaults import default_volumes
from k8slite.objects import quantity

Json = dict[str, Any]


def default_pod(pod: Json) -> None:
    """Fill in a Pod, its phase and its quality of service included."""
    spec = pod.setdefault("spec", {})
    default_pod_spec(spec)
    host_network = spec.get("hostNetwork", False)
    for group in ("containers", "initContainers"):
        for container in spec.get(group, ()):
            resources = container["resources"]
            limits = resources.get("limits")
            if limits:
                requests = resources.setdefault("requests", {})
                for name, limit in limits.items():
                    requests.setdefault(name, limit)
            if host_network:
                for port in container.get("ports", ()):
                    if not port.get("hostPort") and "containerPort" in port:
                        port["hostPort"] = port["containerPort"]
    if spec.get("resources"):
        _default_pod_resources(spec)
    if "enableServiceLinks" not in spec:
        spec["enableServiceLinks"] = True
    status = pod.setdefault("status", {})
    if "phase" not in status:
        status["phase"] = "Pending"
    if "qosClass" not in status:
        status["qosClass"] = quality_of_service(spec)


def prepare_pod(new: Json, old: Json | None) -> None:
    """A new Pod's status is the server's; a negative time to stop in means: at once."""
    keep_status(new, old)
    spec = new.get("spec") or {}
    if old is None and (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1


def prepare_pod_status(new: Json, old: Json | None) -> None:
    """A status that says nothing of its quality of service keeps it; unset times are null."""
    status = new.setdefault("status", {})
    if old is not None and not status.get("qosClass") and "qosClass" in old.get("status", {}):
        status["qosClass"] = old["status"]["qosClass"]
    for condition in status.get("conditions") or ():
        for name in ("lastProbeTime", "lastTransitionTime"):
            if name not in condition:
                condition[name] = None


def default_pod_template(template: Json) -> None:
    """Fill in a PodTemplateSpec."""
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))


def default_pod_spec(spec: Json) -> None:
    """Fill in what Pods and templates have in common."""
    for key, value in _SPEC_DEFAULTS:
        if not spec.get(key):
            spec[key] = value
    if "securityContext" not in spec:
        spec["securityContext"] = {}
    if "terminationGracePeriodSeconds" not in spec:
        spec["terminationGracePeriodSeconds"] = 30
    # serviceAccount is the old name of serviceAccountName; both are always shown.
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    volumes = spec.get("volumes")
    if volumes:
        default_volumes(volumes)
    for group in ("containers", "initContainers", "ephemeralContainers"):
        containers = spec.get(group)
        if containers:
            for container in containers:
                _default_container(container)
    if spec.get("overhead") == {}:
        del spec["overhead"]


def quality_of_service(spec: Json) -> str:
    """Guaranteed, Burstable or BestEffort (upstream: `qos.ComputePodQOS`)."""
    if spec.get("resources"):
        asked = [spec["resources"]]
    else:
        asked = [
            container.get("resources") or {}
            for group in ("containers", "initContainers")
            for container in spec.get(group, ())
        ]
    anything = False
    guaranteed = True
    for resources in asked:
        requests = _counted(resources.get("requests"))
        limits = _counted(resources.get("limits"))
        anything = anything or bool(requests) or bool(limits)
        guaranteed = guaranteed and len(limits) == len(_QUALITY_RESOURCES) and requests == limits
    if not anything:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _counted(amounts: Json | None) -> dict[str, int]:
    if not amounts:
        return {}
    found = {name: quantity.nano(amounts[name]) for name in _QUALITY_RESOURCES if name in amounts}
    return {name: value for name, value in found.items() if value > 0}


def _default_container(container: Json) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image", ""))
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    if "resources" not in container:
        container["resources"] = {}
    for port in container.get("ports", ()):
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in container.get("env", ()):
        source = variable.get("valueFrom")
        if source:
            _default_variable_source(source)
    for name in _PROBES:
        probe = container.get(name)
        if probe is not None:
            _default_probe(probe)
    lifecycle = container.get("lifecycle")
    if lifecycle:
        for handler in lifecycle.values():
            if isinstance(handler, dict) and "httpGet" in handler:
                _default_http_get(handler["httpGet"])


def _default_variable_source(source: Json) -> None:
    field = source.get("fieldRef")
    if field is not None and not field.get("apiVersion"):
        field["apiVersion"] = "v1"
    resource = source.get("resourceFieldRef")
    if resource is not None:
        resource.setdefault("divisor", "0")
    file_key = source.get("fileKeyRef")
    if file_key is not None:
        file_key.setdefault("optional", False)


def _default_probe(probe: Json) -> None:
    for key, value in _PROBE_DEFAULTS:
        if not probe.get(key):
            probe[key] = value
    if "httpGet" in probe:
        _default_http_get(probe["httpGet"])
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _default_http_get(action: Json) -> None:
    if not action.get("path"):
        action["path"] = "/"
    if not action.get("scheme"):
        action["scheme"] = "HTTP"


def _default_pod_resources(spec: Json) -> None:
    """Requests of the whole Pod: what its containers ask for, else its own limits."""
    resources = spec["resources"]
    limits = resources.get("limits")
    if not limits:
        return
    requests = resources.setdefault("requests", {})
    for name in _QUALITY_RESOURCES:
        asked = [
            container["resources"]["requests"][name]
            for container in spec.get("containers", ())
            if name in container["resources"].get("requests", ())
        ]
        if name not in requests and asked:
            requests[name] = quantity.total(asked)
    for name, limit in limits.items():
        requests.setdefault(name, limit)


_QUALITY_RESOURCES: Final = ("cpu", "memory")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_DEFAULTS: Final = (
    ("timeoutSeconds", 1),
    ("periodSeconds", 10),
    ("successThreshold", 1),
    ("failureThreshold", 3),
)
_SPEC_DEFAULTS: Final = (
    ("dnsPolicy", "ClusterFirst"),
    ("restartPolicy", "Always"),
    ("schedulerName", "default-scheduler"),
)
