"""Evictions never break a disruption budget, and its status says what it can spare.

Mirrors `pkg/registry/core/pod/storage/eviction.go`: a healthy pod is evicted only if as many as its
budget demands stay healthy. Pods that fail, or that somebody deletes, ask no budget: what was lost
in this way lately is not held against an eviction, since the budget's controller may not have seen
it yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final

from k8slite.kinds.policy.allowance import selector_of_budget
from k8slite.objects.codec import dumps, loads
from k8slite.objects.selectors import Selector
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import PODS, named, ready, terminating

Json = dict[str, Any]

BUDGETS: Final = "policy.poddisruptionbudgets/"
CONTROLLER: Final = "disruption-controller"

_LATELY_SECONDS: Final = 600.0  # longer than any fault keeps the controller from seeing


class Budgets:
    """PodDisruptionBudgets and the pods that they are about."""

    name: ClassVar[str] = "budgets"
    prefixes: ClassVar[tuple[str, ...]] = (PODS,)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        # When a pod was lost that no budget was asked for, with its namespace and labels.
        self._lost: deque[tuple[float, str, Mapping[str, str]]] = deque()

    def commit(self, change: Change) -> Iterable[str]:
        if not self._setting.state.keys(BUDGETS):
            return
        if change.old is None or not _is_healthy(change.old):
            return
        if change.new is not None and _is_healthy(change.new):
            return
        pod = change.old
        namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels") or {}
        now = change.clock_seconds
        while self._lost and now - self._lost[0][0] > _LATELY_SECONDS:
            self._lost.popleft()
        if not change.request.endswith("/eviction"):
            self._lost.append((now, namespace, labels))
            return
        for key, budget, selector in self._budgets(namespace):
            if not selector.matches(labels):
                continue
            status = budget.get("status") or {}
            if status.get("observedGeneration") != budget["metadata"].get("generation"):
                continue  # it was changed after the eviction was let through
            left, least = self._healthy(namespace, selector), status.get("desiredHealthy", 0)
            lost = sum(
                where == namespace and selector.matches(given) for _, where, given in self._lost
            )
            if left + lost < least:
                yield f"{named(pod)} was evicted, and {key} has {left} healthy pods of {least}"

    def rest(self) -> Iterable[str]:
        if CONTROLLER not in self._setting.running:
            return
        for key, budget, selector in self._budgets(""):
            metadata, status = budget["metadata"], budget.get("status") or {}
            healthy = self._healthy(metadata["namespace"], selector)
            allowed = max(0, healthy - status.get("desiredHealthy", 0))
            if status.get("observedGeneration") != metadata.get("generation"):
                yield f"{key} has a status of another generation"
            elif status.get("disruptedPods"):
                yield f"{key} still waits for pods to go: {sorted(status['disruptedPods'])}"
            elif status.get("currentHealthy") != healthy:
                yield f"{key} counts {status.get('currentHealthy')} healthy pods of {healthy}"
            elif status.get("expectedPods") and status.get("disruptionsAllowed") != allowed:
                yield f"{key} allows {status.get('disruptionsAllowed')} disruptions, not {allowed}"

    def _budgets(self, namespace: str) -> Iterator[tuple[str, Json, Selector]]:
        """Of a namespace, or of all."""
        for key, budget in self._setting.state.all(BUDGETS):
            if not namespace or budget["metadata"]["namespace"] == namespace:
                selector = _selector(dumps(budget["spec"].get("selector")))
                if selector is not None:
                    yield key, budget, selector

    def _healthy(self, namespace: str, selector: Selector) -> int:
        return sum(
            pod["metadata"]["namespace"] == namespace
            and _is_healthy(pod)
            and selector.matches(pod["metadata"].get("labels") or {})
            for _, pod in self._setting.state.all(PODS)
        )


@lru_cache(maxsize=64)
def _selector(wanted: bytes) -> Selector | None:
    return selector_of_budget({"selector": loads(wanted)})


def _is_healthy(pod: Json) -> bool:
    return ready(pod) and not terminating(pod)
