"""What objects use up of a namespace's quotas: counts, compute resources, storage. Pure.

Quota admission charges what is written, the quota controller counts what is there; both ask here.
Amounts are whole numbers of billionths. Mirrors `pkg/quota/v1/evaluator/core`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from k8slite.objects.meta import parse_timestamp
from k8slite.objects.quantity import Amount, amount, nano, written

Json = dict[str, Any]
Amounts = dict[str, int]  # by the resource's name as quotas have it, in billionths

ONE: Final = 10**9
# Kinds that have a name of their own beside `count/...`.
_COUNTED: Final = ("configmaps", "replicationcontrollers", "resourcequotas", "secrets")
_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")
# What every container must say where a quota limits it (`validationSet`).
_DEMANDED: Final = frozenset(
    ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
)
_CLASS: Final = ".storageclass.storage.k8s.io/"
_BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_LARGE_PAGES: Final = "hugepages-"


def used_by(group_resource: str, obj: Json, now: datetime) -> Amounts:
    """What an object counts for; `group_resource` is "pods" or "deployments.apps"."""
    found = {f"count/{group_resource}": ONE}
    measure = _MEASURES.get(group_resource)
    if measure is not None:
        found |= measure(obj, now)
    elif group_resource in _COUNTED:
        found[group_resource] = ONE
    return found


def concerned(group_resource: str, names: Iterable[str]) -> set[str]:
    """Those of a quota's names that objects of a resource can use up."""
    own = {f"count/{group_resource}", group_resource if group_resource in _COUNTED else ""}
    return {name for name in names if name in own or _of_resource(group_resource, name)}


def resources_of(names: Iterable[str]) -> set[str]:
    """Which resources a quota's names are about: {"pods", "deployments.apps"}."""
    found: set[str] = set()
    for name in names:
        if name.startswith("count/"):
            found.add(name.removeprefix("count/"))
        elif name in _COUNTED:
            found.add(name)
        else:
            found |= {one for one in _MEASURES if _of_resource(one, name)}
    return found


def missing_in_containers(pod: Json, names: Iterable[str]) -> str:
    """Upstream's complaint about containers that do not say what a quota limits; or ""."""
    demanded = _DEMANDED & set(names)
    missing: dict[str, list[str]] = {}
    spec = pod["spec"]
    for container in [*spec.get("containers", ()), *spec.get("initContainers", ())]:
        resources = container.get("resources") or {}
        said = _compute(
            _amounts(resources.get("requests")), _amounts(resources.get("limits"))
        ).keys()
        for name in demanded - said:
            missing.setdefault(name, []).append(container["name"])
    told = [f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing)]
    return f"must specify {'; '.join(told)}" if told else ""


def in_scopes(quota_spec: Json, group_resource: str, obj: Json) -> bool:
    """Whether a quota's scopes let it count an object (`generic.Matches`)."""
    scopes: list[Json] = [
        {"scopeName": name, "operator": "Exists"} for name in quota_spec.get("scopes") or ()
    ]
    scopes += (quota_spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    if not scopes:
        return True
    if group_resource == "pods":
        return all(_pod_in_scope(one, obj) for one in scopes)
    if group_resource == "persistentvolumeclaims":
        return all(_claim_in_scope(one, obj) for one in scopes)
    return False


def pod_requests(pod: Json, part: str) -> Amounts:
    """The `requests` or `limits` of a whole pod: the containers' sum, or more for an init one
    (upstream: `resource.PodRequests`)."""
    spec = pod["spec"]
    together: Amounts = {}
    for container in spec.get("containers") or ():
        _add(together, _of(container, part))
    sidecars: Amounts = {}
    most: Amounts = {}
    for container in spec.get("initContainers") or ():
        needed = _of(container, part)
        if container.get("restartPolicy") == "Always":
            _add(together, needed)
            _add(sidecars, needed)
            needed = {}
        _raise(most, {**sidecars, **_sum(sidecars, needed)})
    _raise(together, most)
    overhead = _amounts(spec.get("overhead"))
    if part == "limits":
        # A limit's overhead counts only where there is a limit.
        overhead = {name: value for name, value in overhead.items() if name in together}
    _add(together, overhead)
    return together


def text(name: str, value: int, like: str | None = None) -> str:
    """An amount as a quantity, in the suffixes of another one of the same name."""
    suffixes = amount(like).format if like is not None else "DecimalSI"
    binary = name.endswith(("memory", "storage")) or _LARGE_PAGES in name
    if suffixes == "DecimalSI" and binary and value % ONE == 0 and value // ONE % 1024 == 0:
        suffixes = "BinarySI"
    return written(Amount(value, -9, suffixes))


# What each kind uses


def _pod(pod: Json, now: datetime) -> Amounts:
    if not _counts(pod, now):
        return {}
    return {"pods": ONE} | _compute(pod_requests(pod, "requests"), pod_requests(pod, "limits"))


def _counts(pod: Json, now: datetime) -> bool:
    """Whether a pod still holds resources (`QuotaV1Pod`)."""
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    metadata = pod["metadata"]
    deleted, grace = metadata.get("deletionTimestamp"), metadata.get("deletionGracePeriodSeconds")
    if deleted is None or grace is None:
        return True
    return now <= parse_timestamp(deleted) + timedelta(seconds=grace)


def _compute(requests: Amounts, limits: Amounts) -> Amounts:
    found: Amounts = {}
    for name, value in requests.items():
        if name in _COMPUTE or name.startswith(_LARGE_PAGES):
            found[name] = found[f"requests.{name}"] = value
        elif "/" in name:
            found[f"requests.{name}"] = value
    for name, value in limits.items():
        if name in _COMPUTE:
            found[f"limits.{name}"] = value
    return found


def _service(service: Json, _: datetime) -> Amounts:
    spec = service.get("spec") or {}
    found: Amounts = {"services": ONE, "services.loadbalancers": 0, "services.nodeports": 0}
    ports = spec.get("ports") or ()
    if spec.get("type") == "NodePort":
        found["services.nodeports"] = len(ports) * ONE
    elif spec.get("type") == "LoadBalancer":
        found["services.loadbalancers"] = ONE
        allocated = spec.get("allocateLoadBalancerNodePorts", True)
        given = ports if allocated else [port for port in ports if port.get("nodePort")]
        found["services.nodeports"] = len(given) * ONE
    return found


def _claim(claim: Json, _: datetime) -> Amounts:
    spec = claim.get("spec") or {}
    annotations = claim["metadata"].get("annotations") or {}
    storage_class = annotations.get(_BETA_CLASS, spec.get("storageClassName") or "")
    found: Amounts = {"persistentvolumeclaims": ONE}
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage_class:
        found[f"{storage_class}{_CLASS}persistentvolumeclaims"] = ONE
    if asked is not None:
        found["requests.storage"] = nano(asked)
        if storage_class:
            found[f"{storage_class}{_CLASS}requests.storage"] = nano(asked)
    return found


def _of_resource(group_resource: str, name: str) -> bool:
    """Whether a name, not one of `count/`, is something that a resource's objects use up."""
    if name.startswith("count/"):
        return name == f"count/{group_resource}"
    if group_resource == "pods":
        bare = name.removeprefix("requests.").removeprefix("limits.")
        return (
            name == "pods"
            or bare in _COMPUTE
            or bare.startswith(_LARGE_PAGES)
            or (name.startswith("requests.") and "/" in bare)
        )
    if group_resource == "services":
        return name in ("services", "services.loadbalancers", "services.nodeports")
    if group_resource == "persistentvolumeclaims":
        return name in ("persistentvolumeclaims", "requests.storage") or _CLASS in name
    return False


def _pod_in_scope(scope: Json, pod: Json) -> bool:
    name = scope["scopeName"]
    spec = pod["spec"]
    terminating = (spec.get("activeDeadlineSeconds") or -1) >= 0
    if name in ("Terminating", "NotTerminating"):
        return terminating is (name == "Terminating")
    if name in ("BestEffort", "NotBestEffort"):
        return _best_effort(pod) is (name == "BestEffort")
    if name == "PriorityClass":
        return _selected(scope, spec.get("priorityClassName") or "")
    if name == "CrossNamespacePodAffinity":
        return _reaches_elsewhere(spec.get("affinity") or {})
    return False


def _claim_in_scope(scope: Json, claim: Json) -> bool:
    if scope["scopeName"] != "VolumeAttributesClass":
        return False
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    wanted = (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName")
    names = {
        spec.get("volumeAttributesClassName") or "",
        status.get("currentVolumeAttributesClassName") or "",
        wanted or "",
    }
    return any(_selected(scope, name) for name in sorted(names - {""}) or [""])


def _selected(scope: Json, value: str) -> bool:
    operator, values = scope.get("operator", "Exists"), scope.get("values") or ()
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return bool(value) and value not in values
    return bool(value) is (operator == "Exists")


def _best_effort(pod: Json) -> bool:
    """Whether no container asks for compute resources (`qos.GetPodQOS`)."""
    spec = pod["spec"]
    for container in [*spec.get("containers", ()), *spec.get("initContainers", ())]:
        resources = container.get("resources") or {}
        for part in ("requests", "limits"):
            asked = _amounts(resources.get(part))
            if any(asked.get(name) for name in ("cpu", "memory")):
                return False
    return True


def _reaches_elsewhere(affinity: Json) -> bool:
    """Whether a term is about pods of other namespaces."""
    for part in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(part) or {}
        terms = list(found.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        for weighted in found.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            terms.append(weighted.get("podAffinityTerm") or {})
        for term in terms:
            if term.get("namespaces") or term.get("namespaceSelector") is not None:
                return True
    return False


def _of(container: Json, part: str) -> Amounts:
    return _amounts((container.get("resources") or {}).get(part))


def _amounts(quantities: Mapping[str, Any] | None) -> Amounts:
    return {name: nano(value) for name, value in (quantities or {}).items()}


def _sum(one: Amounts, other: Amounts) -> Amounts:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _add(total: Amounts, more: Amounts) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _raise(total: Amounts, least: Amounts) -> None:
    for name, value in least.items():
        total[name] = max(total.get(name, 0), value)


_MEASURES: Final[Mapping[str, Callable[[Json, datetime], Amounts]]] = {
    "pods": _pod,
    "services": _service,
    "persistentvolumeclaims": _claim,
}
