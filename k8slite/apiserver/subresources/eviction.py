"""Eviction: a pod's deletion that disruption budgets may refuse.

Mirrors `pkg/registry/core/pod/storage/eviction.go`. What a budget allows is counted by its
controller; each eviction takes one off, by a write that fails where somebody else was quicker.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from attrs import evolve

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.deletion import DeleteOptions, delete_options
from k8slite.apiserver.registry import Registry
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.verbs import Call, Verbs
from k8slite.kinds.policy.allowance import selector_of_budget, with_condition
from k8slite.messages import Response
from k8slite.objects.codec import loads
from k8slite.objects.errors import BadRequest, Cause, Forbidden, InternalError, TooManyRequests
from k8slite.objects.fields import quoted
from k8slite.objects.meta import find_condition, timestamp
from k8slite.store.store import Stored

Json = dict[str, Any]

_BUDGETS: Final = "policy.poddisruptionbudgets/"
_REFUSED: Final = "Cannot evict pod as it would violate the pod's disruption budget."
_AGAIN_SECONDS: Final = 10  # where the controller has not looked at the budget yet
_DISRUPTED_MOST: Final = 2000  # upstream: MaxDisruptedPodSize


async def evict(verbs: Verbs, call: Call) -> Response:
    """POST of an Eviction. Raises TooManyRequests where the pod's budget does not allow it."""
    eviction = verbs.decoder.document(call.request, "Eviction")
    name = (eviction.get("metadata") or {}).get("name")
    if name and name != call.info.name:
        raise BadRequest(f"name in URL does not match name in Eviction object: {name}")
    options: DeleteOptions = delete_options(eviction.get("deleteOptions") or {}, {})
    asked = call.asked(call.kind)
    if options.dry_run:
        asked = evolve(asked, dry_run=True)
    registry = verbs.registry
    attributes = Attributes.posted(asked, eviction)
    await registry.chain.mutate(attributes)
    await registry.chain.validate(attributes)
    pod = loads(registry.get(asked.kind, asked.namespace, asked.name).value)
    now = registry.world.now()
    if not _unguarded(pod):
        while not await _charged(registry, pod, now, dry_run=asked.dry_run):
            pass  # the budget has changed under our hands
    moment = timestamp(now)
    # What stops the pod is in its status before it stops (upstream: `addConditionAndDeletePod`).
    await registry.update(
        asked, lambda pod: _disrupted(pod, moment), protect=lambda _new, _old: None
    )
    await verbs.deletion.delete(asked, options)
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return call.answer(201, {**status, "code": 201})


def _unguarded(pod: Json) -> bool:
    """Whether no budget can have anything against it (upstream: `canIgnorePDB`)."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


async def _charged(registry: Registry, pod: Json, now: datetime, *, dry_run: bool) -> bool:
    """Take the eviction off the pod's budget; False where that has changed meanwhile."""
    storage = registry.storage
    found = list(_budgets(storage, pod))
    if len(found) > 1:
        raise InternalError(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
            "not support."
        )
    if not found:
        return True
    stored, budget = found[0]
    if not _ready(pod) and _lets_unhealthy_go(budget):
        return True
    status = _after_one_more(budget, pod["metadata"]["name"], now)
    kind = storage.preferred("policy", "poddisruptionbudgets")
    charged = registry.management.track_status(kind, {**budget, "status": status}, budget)
    return dry_run or await storage.replace(stored, charged)


def _budgets(storage: Storage, pod: Json) -> Iterator[tuple[Stored, Json]]:
    metadata = pod["metadata"]
    if not storage.store.count(_BUDGETS):
        return
    for stored, budget in storage.every(f"{_BUDGETS}{metadata['namespace']}/"):
        selector = selector_of_budget(budget["spec"])
        if selector is not None and selector.matches(metadata.get("labels") or {}):
            yield stored, budget


def _lets_unhealthy_go(budget: Json) -> bool:
    """Whether a pod that is not ready may go without being counted."""
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    return bool(status.get("currentHealthy", 0) >= desired > 0)


def _after_one_more(budget: Json, pod: str, now: datetime) -> Json:
    """The budget's status when the pod is disrupted. Raises TooManyRequests or Forbidden."""
    metadata, status = budget["metadata"], budget.get("status") or {}
    name = metadata["name"]
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        text = f"The disruption budget {name} is still being processed by the server."
        raise TooManyRequests(
            _REFUSED,
            details={},
            causes=[Cause("DisruptionBudget", text)],
            retry_after_seconds=_AGAIN_SECONDS,
        )
    allowed = status.get("disruptionsAllowed", 0)
    disrupted = status.get("disruptedPods") or {}
    if allowed < 0 or len(disrupted) > _DISRUPTED_MOST:
        why = (
            "pdb disruptions allowed is negative"
            if allowed < 0
            else ("DisruptedPods map too big - too many evictions not confirmed by PDB controller")
        )
        details = {"name": name, "group": "policy", "kind": "poddisruptionbudgets"}
        text = f"poddisruptionbudgets.policy {quoted(name)} is forbidden: {why}"
        raise Forbidden(text, details=details)
    if not allowed:
        text = (
            f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods "
            f"and has {status.get('currentHealthy', 0)} currently"
        )
        raise TooManyRequests(_REFUSED, details={}, causes=[Cause("DisruptionBudget", text)])
    after = {
        **status,
        "disruptionsAllowed": allowed - 1,
        "disruptedPods": {**disrupted, pod: timestamp(now)},
    }
    return after if allowed > 1 else with_condition(after, metadata.get("generation", 0), now)


def _ready(pod: Json) -> bool:
    found = find_condition((pod.get("status") or {}).get("conditions") or (), "Ready")
    return found is not None and found["status"] == "True"


def _disrupted(pod: Json, now: str) -> Json:
    status = pod.setdefault("status", {})
    conditions = status.setdefault("conditions", [])
    known = next((c for c in conditions if c["type"] == "DisruptionTarget"), None)
    if known is None:
        known = {"type": "DisruptionTarget", "lastProbeTime": None}
        conditions.append(known)
    if known.get("status") != "True":
        known["lastTransitionTime"] = now
    known.update(status="True", reason="EvictionByEvictionAPI", message="Eviction API: evicting")
    return pod
