"""K8, kubernetes/kubernetes#82149: a disruption budget is exceeded.

The disruption controller computes a budget's status, its write meets a Conflict since an eviction
has just been counted there, and the retry writes what was computed before. So the eviction is
forgotten, and one more is let through. Violated: healthy pods >= minAvailable.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from k8slite import Controller, Name
from k8slite.client.resource import POD_DISRUPTION_BUDGETS, PODS
from k8slite.objects.errors import Conflict
from k8slite.sim.checks import Change, Check, Setting
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation

Json = dict[str, Any]
LEAST = 2


class BuggyDisruption(Controller):
    """Says how many pods may be evicted; its retry writes an old computation."""

    name = "disruption"
    resource = POD_DISRUPTION_BUDGETS
    reads_own_writes = False

    def setup(self) -> None:
        self.watch(PODS, lambda old, new: [Name("default", "web")])

    async def reconcile(self, name: Name) -> None:
        budget = self.get(name)
        if budget is None:
            return
        status = self.computed(budget)
        if budget.get("status") == status:
            return
        budget["status"] = status
        try:
            await self.client.update(POD_DISRUPTION_BUDGETS, budget, subresource="status")
        except Conflict:
            await self.conflict(status)

    async def conflict(self, status: Json) -> None:
        newest = await self.client.get(POD_DISRUPTION_BUDGETS, "web", "default")
        newest["status"] = status  # the bug: computed from what has changed meanwhile
        await self.client.update(POD_DISRUPTION_BUDGETS, newest, subresource="status")

    def computed(self, budget: Json) -> Json:
        pods = {pod["metadata"]["name"] for pod in self.cached(PODS).list("default")}
        evicted = budget.get("status", {}).get("disruptedPods") or {}
        going = {pod: evicted[pod] for pod in sorted(evicted) if pod in pods}
        healthy = len(pods) - len(going)
        return {
            "currentHealthy": healthy,
            "desiredHealthy": LEAST,
            "expectedPods": len(pods),
            "disruptionsAllowed": max(0, healthy - LEAST),
            **({"disruptedPods": going} if going else {}),
        }


class FixedDisruption(BuggyDisruption):
    """Computes anew from what is there now."""

    async def conflict(self, status: Json) -> None:
        raise Conflict("compute again")


class Healthy(Check):
    """At no time are fewer pods left than the budget demands."""

    name: ClassVar[str] = "disruption-budget"
    prefixes: ClassVar[tuple[str, ...]] = ("pods/",)

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def commit(self, change: Change) -> Iterable[str]:
        left = len(list(self.setting.state.keys("pods/")))
        if change.new is None and left < LEAST:
            yield f"{left} pods are left of which {LEAST} must be"

    def rest(self) -> Iterable[str]:
        return ()


def _pod(name: str) -> Json:
    containers = [{"name": "c", "image": "x"}]
    metadata = {"name": name, "labels": {"app": "web"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": containers},
    }


class Buggy(Scenario):
    nodes = 0
    builtin = ()
    scheduler = False
    controllers = (BuggyDisruption,)
    checks = (Healthy,)
    objects = (
        *(_pod(name) for name in ("web-0", "web-1", "web-2", "web-3")),
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web"},
            "spec": {"minAvailable": LEAST, "selector": {"matchLabels": {"app": "web"}}},
        },
    )
    targets = ("disruption",)

    async def act(self, sim: Simulation) -> None:
        for _ in range(3):
            await self.evict(sim)
            await sim.until(lambda: False, 3.0)

    async def evict(self, sim: Simulation) -> None:
        """As the API does it: count the eviction in the budget, then delete."""
        budget = await sim.client.get(POD_DISRUPTION_BUDGETS, "web", "default")
        status = budget.get("status") or {}
        pods = sorted(pod["metadata"]["name"] for pod in sim.objects(PODS, "default"))
        if status.get("disruptionsAllowed", 0) < 1 or not pods:
            return
        status["disruptionsAllowed"] -= 1
        status.setdefault("disruptedPods", {})[pods[0]] = "2026-01-01T00:00:00Z"
        try:
            await sim.client.update(POD_DISRUPTION_BUDGETS, budget, subresource="status")
        except Conflict:
            return
        await sim.client.delete(PODS, pods[0], "default")


class Fixed(Buggy):
    controllers = (FixedDisruption,)
