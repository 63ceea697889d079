"""Keeps as many replicas as metrics ask for (upstream: `pkg/controller/podautoscaler`).

Each autoscaler is looked at every SYNC_SECONDS: its target's scale is read, every metric says how
many replicas it wants, the most count, and `autoscaler_rules` say how far to go at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar, Final

import trio

from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import HORIZONTAL_POD_AUTOSCALERS, PODS, Resource
from k8slite.controllers.autoscaling.autoscaler_measures import Look, Measured, Unmeasured
from k8slite.controllers.autoscaling.autoscaler_metrics import Metrics
from k8slite.controllers.autoscaling.autoscaler_replicas import Tolerances
from k8slite.controllers.autoscaling.autoscaler_rules import History, Ruled, ruled
from k8slite.controllers.autoscaling.autoscaler_targets import Targets
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.networking.service_pods import BY_NAMESPACE, index_by_namespace
from k8slite.kinds.autoscaling.models import HorizontalPodAutoscaler
from k8slite.kinds.core.models import Pod
from k8slite.objects.errors import ApiError
from k8slite.objects.measures import Counter, Family, Histogram, exponential
from k8slite.objects.meta import Name, timestamp
from k8slite.objects.selectors import Selector, parse_selector

log = logging.getLogger(__name__)
Json = dict[str, Any]

SYNC_SECONDS: Final = 15.0  # upstream's --horizontal-pod-autoscaler-sync-period
_UNABLE: Final = "the HPA controller was unable to get the target's current scale"
_ABLE: Final = "the HPA controller was able to get the target's current scale"


class HorizontalPodAutoscalerController(Controller):
    """Its keys are the names of autoscalers."""

    name: ClassVar[str] = "horizontal-pod-autoscaler-controller"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        events = context.handler_client(self.name)
        self.recorder = Recorder(events, context.world, "horizontal-pod-autoscaler")
        self.autoscalers = self.mirrors.of(HORIZONTAL_POD_AUTOSCALERS, HorizontalPodAutoscaler)
        self.pods = self.mirrors.of(PODS, Pod)
        index_by_namespace(self.pods)
        self.metrics = Metrics(self.client)
        self.targets = Targets(self.client)
        self.histories: dict[str, History] = {}  # by UID
        self.selectors: dict[Name, Selector] = {}  # of each autoscaler's target, as last seen
        name, labels = "horizontal_pod_autoscaler_controller_reconciliation", ("action", "error")
        self._reconciliations = Counter(
            f"{name}s_total", "[ALPHA] Number of reconciliations of HPA controller.", labels
        )
        self._durations = Histogram(
            f"{name}_duration_seconds",
            "[ALPHA] The time(seconds) that the HPA controller takes to reconcile once.",
            exponential(0.001, 2, 15),
            labels,
        )
        self.watch(self.autoscalers, self._own_key)
        self.watch(self.pods, lambda old, new: ())

    def measures(self) -> Iterable[Family]:
        """What looks at autoscalers have come to, and how long they took."""
        return (self._reconciliations, self._durations)

    async def reconcile(self, name: Name) -> float | None:
        autoscaler = self.autoscalers.get(name)
        if autoscaler is None:
            self.selectors.pop(name, None)
            return None
        document = self.autoscalers.document(name)
        assert document is not None, "the mirror has both or none"
        look, error = _Reconcile(self, autoscaler, document), "none"
        began = trio.current_time()
        try:
            await look.scale()
        except _Ended as ended:
            error = "spec" if isinstance(ended, _BadSpec) else "internal"
            # Upstream's queue has one pause for all, whatever went wrong.
            log.info("%s: %s: %s", self.name, name, ended)
        await look.write()
        self._reconciliations.add(look.action, error)
        self._durations.observe(trio.current_time() - began, look.action, error)
        return SYNC_SECONDS

    def _own_key(
        self, old: HorizontalPodAutoscaler | None, new: HorizontalPodAutoscaler | None
    ) -> Iterable[Name]:
        found = new or old
        assert found is not None, "a change is of something"
        if new is None:
            self.histories.pop(found.metadata.uid, None)
        if old is not None and new is not None and old.spec == new.spec:
            return ()  # it is looked at from time to time anyway
        return (found.metadata.full_name,)


class _Ended(Exception):
    """A look came to nothing; what is to be told has been."""


class _BadSpec(_Ended):
    """What is asked for cannot be done."""


class _Reconcile:
    """One look at one autoscaler."""

    def __init__(
        self,
        controller: HorizontalPodAutoscalerController,
        autoscaler: HorizontalPodAutoscaler,
        document: Json,
    ) -> None:
        self._controller = controller
        self._autoscaler = autoscaler
        self.action = "none"  # as metrics call what was done
        self._document = document
        self._now: datetime = controller.world.now()
        self._regarding = Reference(
            "autoscaling/v2", "HorizontalPodAutoscaler", autoscaler.metadata
        )
        old: Json = document.get("status") or {}
        self._old = old
        self._status: Json = {**old, "conditions": list(old.get("conditions") or ())}

    async def scale(self) -> None:
        """Find out the number that is wanted, and set it. Raises _Ended."""
        spec = self._autoscaler.spec
        target = spec.scale_target_ref
        resource, scale = await self._scale_of_target()
        self._condition("AbleToScale", "True", "SucceededGetScale", _ABLE)
        current: int = (scale.get("spec") or {}).get("replicas", 0)
        history = self._controller.histories.setdefault(self._autoscaler.metadata.uid, History())
        history.begin(current, self._now)
        least = 1 if spec.min_replicas is None else spec.min_replicas
        statuses: list[Json] = []
        wanted, why = current, ""
        if current == 0 and least != 0:
            text = "scaling is disabled since the replica count of the target is zero"
            self._condition("ScalingActive", "False", "ScalingDisabled", text)
        elif current > spec.max_replicas:
            wanted, why = spec.max_replicas, "Current number of replicas above Spec.MaxReplicas"
        elif current < least:
            wanted, why = least, "Current number of replicas below Spec.MinReplicas"
        else:
            measured, statuses = await self._measure(scale, current)
            if measured.replicas > current:
                why = f"{measured.name} above target"
            elif measured.replicas < current:
                why = "All metrics below target"
            found = ruled(
                history,
                spec.behavior,
                current,
                measured.replicas,
                least,
                spec.max_replicas,
                self._now,
            )
            self._explain(found)
            wanted = found.replicas
        if wanted != current:
            try:
                await self._set(resource, scale, wanted, why)
            except (ApiError, ConnectionError) as error:
                self._tell(current, self._old.get("desiredReplicas", 0), statuses)
                where = f"{target.kind}/{self._autoscaler.metadata.namespace}/{target.name}"
                raise _Ended(f"failed to rescale {where}: {error}") from error
            self.action = "scale_up" if wanted > current else "scale_down"
            history.scaled(current, wanted, spec.behavior, self._now)
            self._status["lastScaleTime"] = timestamp(self._now)
        self._tell(current, wanted, statuses)
        log.debug("%s: %s of %s", self._autoscaler.metadata.full_name, wanted, target.name)

    async def write(self) -> None:
        """Write the status, where it has changed."""
        if self._status != self._old:
            changed = {**self._document, "status": self._status}
            await self._controller.client.update(
                HORIZONTAL_POD_AUTOSCALERS, changed, subresource="status"
            )

    async def _scale_of_target(self) -> tuple[Resource, Json]:
        target = self._autoscaler.spec.scale_target_ref
        namespace = self._autoscaler.metadata.namespace
        client = self._controller.client
        try:
            resource = await self._controller.targets.resource(target.api_version, target.kind)
            scale = await client.get(resource, target.name, namespace, subresource="scale")
            return resource, scale
        except (ApiError, ConnectionError, LookupError) as error:
            self._event("Warning", "FailedGetScale", str(error))
            self._condition("AbleToScale", "False", "FailedGetScale", f"{_UNABLE}: {error}")
            where = f"{target.kind}/{namespace}/{target.name}"
            raise _Ended(f"failed to query scale subresource for {where}: {error}") from error

    async def _measure(self, scale: Json, current: int) -> tuple[Measured, list[Json]]:
        """What the metric that wants most wants, and every metric's status. Raises _Ended."""
        text: str = (scale.get("status") or {}).get("selector", "")
        selector = self._selector(text)
        metadata, spec = self._autoscaler.metadata, self._autoscaler.spec
        look = Look(
            self._controller.metrics,
            self._controller.targets,
            metadata.namespace,
            current,
            (scale.get("status") or {}).get("replicas", 0),
            text,
            self._selected(selector),
            self._now,
            Tolerances.of(spec.behavior),
        )
        most: Measured | None = None
        statuses: list[Json] = []
        failures: list[Unmeasured] = []
        given: list[Json] = self._document["spec"].get("metrics") or []
        for one, told in zip(spec.metrics, given, strict=True):
            try:
                measured = await look.measure(one, told)
            except Unmeasured as failure:
                self._event("Warning", failure.reason, failure.why)
                failures.append(failure)
                statuses.append({"type": ""})
                continue
            statuses.append(measured.status)
            if most is None or most.replicas == 0 or measured.replicas > most.replicas:
                most = measured
        # Where something is not known, nothing is made smaller.
        if most is None or (failures and most.replicas < current):
            first = failures[0]
            text = f"the HPA was unable to compute the replica count: {first.why}"
            self._condition("ScalingActive", "False", first.reason, text)
            number = f"{len(failures)} invalid out of {len(spec.metrics)}"
            summary = f"invalid metrics ({number}), first error is: {first}"
            self._event("Warning", "FailedComputeMetricsReplicas", summary)
            self._tell(current, self._old.get("desiredReplicas", 0), statuses)
            raise _Ended(summary)
        text = f"the HPA was able to successfully calculate a replica count from {most.name}"
        self._condition("ScalingActive", "True", "ValidMetricFound", text)
        return most, statuses

    def _selector(self, text: str) -> Selector:
        """The target's selector, if no other autoscaler has its pods, too. Raises _Ended."""
        name = self._autoscaler.metadata.full_name
        if not text:
            why = "selector is required"
            condition = "the HPA target's scale is missing a selector"
            self._refuse("SelectorRequired", why, "InvalidSelector", condition)
        try:
            selector = parse_selector(text)
        except ValueError as error:
            prefix = "couldn't convert selector into a corresponding internal selector object"
            why = f"{prefix}: {error}"
            self._refuse("InvalidSelector", why, "InvalidSelector", why)
        known = self._controller.selectors
        known[name] = selector
        pods = self._selected(selector)
        others = [
            str(other)
            for other, one in sorted(known.items())
            if other.namespace == name.namespace
            and (other == name or any(one.matches(pod.metadata.labels) for pod in pods))
        ]
        if len(others) > 1:
            listed = " ".join(others)
            why = f"pods by selector {text} are controlled by multiple HPAs: [{listed}]"
            self._refuse("AmbiguousSelector", why, "AmbiguousSelector", why)
        return selector

    def _refuse(self, reason: str, why: str, condition: str, message: str) -> None:
        self._event("Warning", reason, why)
        self._condition("ScalingActive", "False", condition, message)
        self._event("Warning", "FailedComputeMetricsReplicas", why)
        raise _BadSpec(why)

    def _selected(self, selector: Selector) -> list[Pod]:
        namespace = self._autoscaler.metadata.namespace
        pods = self._controller.pods.indexed(BY_NAMESPACE, namespace)
        return [pod for pod in pods if selector.matches(pod.metadata.labels)]

    def _explain(self, found: Ruled) -> None:
        self._condition("AbleToScale", "True", *found.able)
        self._condition("ScalingLimited", "True" if found.limited else "False", *found.limit)

    async def _set(self, resource: Resource, scale: Json, wanted: int, why: str) -> None:
        changed = {**scale, "spec": {**(scale.get("spec") or {}), "replicas": wanted}}
        try:
            await self._controller.client.update(resource, changed, subresource="scale")
        except (ApiError, ConnectionError) as error:
            message = f"New size: {wanted}; reason: {why}; error: {error}"
            self._event("Warning", "FailedRescale", message)
            text = f"the HPA controller was unable to update the target scale: {error}"
            self._condition("AbleToScale", "False", "FailedUpdateScale", text)
            raise
        text = f"the HPA controller was able to update the target scale to {wanted}"
        self._condition("AbleToScale", "True", "SucceededRescale", text)
        self._event("Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {why}")

    def _tell(self, current: int, wanted: int, statuses: list[Json]) -> None:
        self._status["currentReplicas"] = current
        self._status["desiredReplicas"] = wanted
        self._status["currentMetrics"] = statuses or None

    def _condition(self, type_: str, status: str, reason: str, message: str) -> None:
        made = {"type": type_, "status": status, "reason": reason, "message": message}
        conditions: list[Json] = self._status["conditions"]
        for at, known in enumerate(conditions):
            if known["type"] == type_:
                moment = known.get("lastTransitionTime")
                if known["status"] != status:
                    moment = timestamp(self._now)
                conditions[at] = {**made, "lastTransitionTime": moment}
                return
        conditions.append({**made, "lastTransitionTime": timestamp(self._now)})

    def _event(self, type_: str, reason: str, message: str) -> None:
        self._controller.recorder.event(self._regarding, type_, reason, message)
