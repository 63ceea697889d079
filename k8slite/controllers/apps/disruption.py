"""Counts how many pods a disruption budget can spare.

Upstream: `pkg/controller/disruption`. A pod whose eviction was allowed does not count as healthy
from then on, though it may still be; an eviction that comes to nothing is forgotten after a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from k8slite.client.recorder import Reference
from k8slite.client.resource import BUILT_IN, POD_DISRUPTION_BUDGETS, PODS
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.models import Pod
from k8slite.kinds.models import OwnerReference, PartialObject
from k8slite.kinds.policy.allowance import (
    by_scale,
    desired_healthy,
    selector_of_budget,
    with_condition,
)
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name, parse_timestamp
from k8slite.objects.selectors import Selector
from k8slite.objects.structure import structure

Json = dict[str, Any]

# How long an allowed eviction may take to show (upstream: DeletionTimeout).
DELETION_TIMEOUT: Final = timedelta(minutes=2)
_SCALED: Final = (
    ("v1", "ReplicationController"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
)


class CannotCount(Exception):
    """How many pods there should be cannot be told; the text says why."""


class DisruptionController(Controller):
    """Its keys are the names of PodDisruptionBudgets."""

    name: ClassVar[str] = "disruption-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._budgets = self.mirrors.of(POD_DISRUPTION_BUDGETS, PartialObject)
        self._pods = self.mirrors.of(PODS, Pod)
        self._selectors: dict[Name, Selector] = {}
        self.watch(self._budgets, self._of_budget)
        self.watch(self._pods, self._of_pod)

    async def reconcile(self, name: Name) -> float | None:
        """Count, and write down what differs; returns when an eviction is to be forgotten."""
        budget, selector = self._budgets.document(name), self._selectors.get(name)
        if budget is None:
            return None
        pods = [
            pod
            for pod in self._pods.all()
            if pod.metadata.namespace == name.namespace
            and selector is not None
            and selector.matches(pod.metadata.labels)
        ]
        if not pods:
            self._tell(budget, "Normal", "NoPods", "No matching pods found")
        now, old = self.world.now(), budget.get("status") or {}
        disrupted, until = await self._disrupted(budget, pods, now)
        generation = budget["metadata"].get("generation", 0)
        try:
            desired, expected = await self._wanted(budget, pods)
        except CannotCount as error:
            self._tell(budget, "Warning", "CalculateExpectedPodCountFailed", str(error))
            status = {**old, "disruptionsAllowed": 0, "observedGeneration": generation}
            status = with_condition(status, generation, now, str(error))
        else:
            healthy = sum(
                pod.ready
                and pod.metadata.deletion_timestamp is None
                and pod.metadata.name not in disrupted
                for pod in pods
            )
            allowed = max(0, healthy - desired) if expected > 0 else 0
            status = {
                **old,
                "currentHealthy": healthy,
                "desiredHealthy": desired,
                "expectedPods": expected,
                "disruptionsAllowed": allowed,
                "disruptedPods": disrupted,
                "observedGeneration": generation,
            }
            status = with_condition(status, generation, now)
        if not disrupted:
            status.pop("disruptedPods", None)
        if status != old:
            changed = {**budget, "status": status}
            await self.client.update(POD_DISRUPTION_BUDGETS, changed, subresource="status")
        return None if until is None else max(0.0, (until - now).total_seconds())

    async def _disrupted(
        self, budget: Json, pods: Sequence[Pod], now: datetime
    ) -> tuple[Json, datetime | None]:
        """Whose eviction was allowed and is still to come, and when the first is given up."""
        known = (budget.get("status") or {}).get("disruptedPods") or {}
        found: Json = {}
        until: datetime | None = None
        for pod in pods:
            name = pod.metadata.name
            if name not in known or pod.metadata.deletion_timestamp is not None:
                continue
            end = parse_timestamp(known[name]) + DELETION_TIMEOUT
            if end <= now and await self._has_gone(pod):
                found[name] = known[name]  # the mirror will tell
                continue
            if end <= now:
                metadata = budget["metadata"]
                where = f"{metadata['namespace']}/{metadata['name']}"
                message = f"Pod was expected by PDB {where} to be deleted but it wasn't"
                regarding = Reference("v1", "Pod", pod.metadata)
                self.recorder.event(regarding, "Warning", "NotDeleted", message)
                continue
            found[name] = known[name]
            until = end if until is None else min(until, end)
        return found, until

    async def _has_gone(self, pod: Pod) -> bool:
        """Whether a pod goes or has gone, by the newest state."""
        try:
            found = await self.client.get(PODS, pod.metadata.name, pod.metadata.namespace)
        except NotFound:
            return True
        metadata = found["metadata"]
        return metadata["uid"] != pod.metadata.uid or "deletionTimestamp" in metadata

    async def _wanted(self, budget: Json, pods: Sequence[Pod]) -> tuple[int, int]:
        spec = budget["spec"]
        scale = await self._scale(budget, pods) if by_scale(spec) else 0
        return desired_healthy(spec, len(pods), scale)

    async def _scale(self, budget: Json, pods: Sequence[Pod]) -> int:
        """How many pods the controllers of these ask for. Raises CannotCount."""
        total, unmanaged = 0, False
        owners: dict[str, tuple[OwnerReference, Pod]] = {}
        for pod in pods:
            owner = pod.metadata.controller
            if owner is None:
                unmanaged = True
            else:
                owners.setdefault(owner.uid, (owner, pod))
        counted: set[str] = set()
        for owner, pod in owners.values():
            found = await self._owner(owner, pod)
            if found is not None and found["metadata"]["uid"] not in counted:
                counted.add(found["metadata"]["uid"])
                total += found["spec"].get("replicas", 1)
        if unmanaged:
            selector = budget["spec"].get("selector")
            self._tell(
                budget,
                "Warning",
                "UnmanagedPods",
                f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to "
                "be unmanaged. As a result, the status of the PDB cannot be calculated correctly, "
                "which may result in undefined behavior. To account for these pods please set "
                '".spec.minAvailable" field of the PDB to an integer value.',
            )
        return total

    async def _owner(self, owner: OwnerReference, pod: Pod) -> Json | None:
        """What says how many pods there are to be; of a ReplicaSet its Deployment, if it has one.

        None for one that is gone. Raises CannotCount for one that has no scale.
        """
        namespace = pod.metadata.namespace
        key = (owner.api_version, owner.kind)
        if key not in _SCALED:
            raise CannotCount(f'found no controllers for pod "{pod.metadata.name}"')
        try:
            found = await self.client.get(BUILT_IN[key], owner.name, namespace)
        except NotFound:
            return None
        if found["metadata"]["uid"] != owner.uid:
            return None
        above = structure(found, PartialObject).metadata.controller
        if above is not None and above.kind == "Deployment":
            return await self._owner(above, pod)
        return found

    def _tell(self, budget: Json, kind: str, reason: str, message: str) -> None:
        metadata = structure(budget, PartialObject).metadata
        regarding = Reference("policy/v1", "PodDisruptionBudget", metadata)
        self.recorder.event(regarding, kind, reason, message)

    # What leads to a new count

    def _of_budget(self, old: PartialObject | None, new: PartialObject | None) -> Iterable[Name]:
        obj = new or old
        assert obj is not None, "a change is of something"
        name = obj.metadata.full_name
        self._selectors.pop(name, None)
        document = self._budgets.document(name) if new is not None else None
        if document is None:
            return ()
        selector = selector_of_budget(document["spec"])
        if selector is not None:
            self._selectors[name] = selector
        return (name,)

    def _of_pod(self, old: Pod | None, new: Pod | None) -> Iterable[Name]:
        pod = new or old
        assert pod is not None, "a change is of something"
        for name, selector in self._selectors.items():
            if name.namespace == pod.metadata.namespace and any(
                selector.matches(one.metadata.labels) for one in (old, new) if one is not None
            ):
                yield name
