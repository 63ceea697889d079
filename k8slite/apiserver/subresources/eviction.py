"""Eviction: a pod's deletion that disruption budgets may refuse.

Mirrors `pkg/registry/core/pod/storage/eviction.go`. What a budget allows is counted by its
controller; each eviction takes one off, by a write that fails where somebody else was quicker.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from attrs import evolve

from k8slite.apiserver.attributes import Asked, Attributes
from k8slite.apiserver.deletion import DeleteOptions, delete_options
from k8slite.apiserver.registry import Registry, stale
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.verbs import Call, Verbs
from k8slite.kinds.policy.allowance import selector_of_budget, with_condition
from k8slite.messages import Response
from k8slite.objects.codec import loads
from k8slite.objects.errors import (
    BadRequest,
    Cause,
    Conflict,
    Forbidden,
    InternalError,
    TooManyRequests,
)
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
    while not await _evicted(verbs, asked, options):
        pass  # pod or budget have changed under our hands
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return call.answer(201, {**status, "code": 201})


async def _evicted(verbs: Verbs, asked: Asked, options: DeleteOptions) -> bool:
    """Delete a pod if its budget lets it go; False where something has changed meanwhile.

    What goes without being counted, since it is not healthy, must be that still when it goes.
    """
    registry = verbs.registry
    pod = loads(registry.get(asked.kind, asked.namespace, asked.name).value)
    now, budget = registry.world.now(), ""
    counted = False
    if not _unguarded(pod):
        found = _budget(registry.storage, pod)
        if found is not None:
            stored, guarding = found
            counted = _ready(pod) or not _lets_unhealthy_go(guarding)
            budget = guarding["metadata"]["name"]
            if counted and not await _charged(registry, stored, guarding, pod, asked.dry_run):
                return False
    version = options.resource_version
    exact = not version and not counted and not _is_over(pod)
    if exact and (budget or _is_pending(pod)):
        options = evolve(options, resource_version=pod["metadata"]["resourceVersion"])
    try:
        await _delete(verbs, asked, options, timestamp(now))
    except Conflict:
        if version or options.resource_version == "":
            raise
        if budget:
            raise _too_many(budget) from None
        return False
    return True


async def _delete(verbs: Verbs, asked: Asked, options: DeleteOptions, moment: str) -> None:
    """Say why a pod stops before it does (upstream: `addConditionAndDeletePod`)."""
    meant = options.resource_version

    def change(pod: Json) -> Json:
        if meant and pod["metadata"]["resourceVersion"] != meant:
            raise stale(asked.kind, asked.name)
        return _disrupted(pod, moment)

    written = await verbs.registry.update(asked, change, protect=lambda _new, _old: None)
    if meant:
        version = loads(written.value)["metadata"]["resourceVersion"]
        options = evolve(options, resource_version=version)
    await verbs.deletion.delete(asked, options)


def _unguarded(pod: Json) -> bool:
    """Whether no budget can have anything against it (upstream: `canIgnorePDB`)."""
    return _is_over(pod) or _is_pending(pod)


def _is_over(pod: Json) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed") or "deletionTimestamp" in pod["metadata"]


def _is_pending(pod: Json) -> bool:
    return bool((pod.get("status") or {}).get("phase") == "Pending")


def _budget(storage: Storage, pod: Json) -> tuple[Stored, Json] | None:
    """The budget that guards a pod."""
    found = list(_budgets(storage, pod))
    if len(found) > 1:
        raise InternalError(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
            "not support."
        )
    return found[0] if found else None


async def _charged(
    registry: Registry, stored: Stored, budget: Json, pod: Json, dry_run: bool
) -> bool:
    """Take the eviction off the pod's budget; False where that has changed meanwhile."""
    storage = registry.storage
    status = _after_one_more(budget, pod["metadata"]["name"], registry.world.now())
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
        raise _too_many(name)
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


def _too_many(budget: str) -> TooManyRequests:
    """What is said where the controller has not looked at it yet."""
    text = f"The disruption budget {budget} is still being processed by the server."
    return TooManyRequests(
        _REFUSED,
        details={},
        causes=[Cause("DisruptionBudget", text)],
        retry_after_seconds=_AGAIN_SECONDS,
    )


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
