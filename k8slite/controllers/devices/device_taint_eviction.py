"""Pods leave devices with NoExecute taints: at once, or when what their claims tolerate ends.

Upstream: `pkg/controller/devicetainteviction`. A taint is the driver's, in a ResourceSlice, or
given by a DeviceTaintRule, where these are served. Time runs from when the taint was added, or,
where that is not said, from when this controller first saw the pod under it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from k8slite.client.recorder import Reference
from k8slite.client.resource import DEVICE_TAINT_RULES, PODS, RESOURCE_CLAIMS, RESOURCE_SLICES
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.pod_disruption import disrupt
from k8slite.kinds.core.models import Pod
from k8slite.kinds.core.node_matching import tolerates
from k8slite.kinds.resource.models import (
    DeviceResult,
    DeviceTaint,
    DeviceTaintRule,
    ResourceClaim,
    ResourceSlice,
)
from k8slite.kinds.resource.pod_claims import ClaimNotMade, PodClaim, is_for_pod, pod_claims
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name
from k8slite.objects.structure import structure

RULES_SINCE: Final = 37  # the minor version of Kubernetes that first serves DeviceTaintRules


class DeviceTaintEvictionController(Controller):
    """Its keys are the names of Pods."""

    name: ClassVar[str] = "device-taint-eviction-controller"
    workers: ClassVar[int] = 10
    since: ClassVar[int] = 36

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._pods = self.mirrors.of(PODS, Pod)
        self._claims = self.mirrors.of(RESOURCE_CLAIMS, ResourceClaim)
        self._slices = self.mirrors.of(RESOURCE_SLICES, ResourceSlice)
        # Since when pods have been seen under taints, by their UIDs.
        self._scheduled: dict[Name, tuple[str, datetime]] = {}
        self._rules: Callable[[], list[DeviceTaintRule]] = list
        self.watch(self._pods, self._of_pod)
        self.watch(self._claims, self._of_claim)
        self.watch(self._slices, self._of_slice)
        if context.minor >= RULES_SINCE:
            rules = self.mirrors.of(DEVICE_TAINT_RULES, DeviceTaintRule)
            self._rules = rules.all
            self.watch(rules, lambda _old, _new: self._users(self._claims.all()))

    async def reconcile(self, name: Name) -> float | None:
        """Evict a pod, or find out when; in how many seconds it is to be looked at again."""
        pod, known = self._pods.get(name), self._scheduled.get(name)
        if known is not None and (pod is None or pod.metadata.uid != known[0]):
            del self._scheduled[name]
            known = None
        if pod is None or pod.metadata.deletion_timestamp is not None or not pod.spec.node_name:
            self._scheduled.pop(name, None)
            return None
        now = self.world.now()
        seen = known[1] if known is not None else now
        claims = [
            (one, found)
            for one in _claims_of(pod)
            if (found := self._claims.get(Name(name.namespace, one.name))) is not None
        ]
        due = _due(pod, claims, self._slices.all(), self._rules(), seen)
        if due is None:
            if self._scheduled.pop(name, None) is not None:
                self._tell(pod, "Cancelling deletion")
            return None
        self._scheduled[name] = pod.metadata.uid, seen
        if now < due:
            return (due - now).total_seconds()
        if await self._still_due(pod, seen):
            await disrupt(
                self.client,
                pod.metadata,
                "DeletionByDeviceTaintManager",
                "Device Taint manager: deleting due to NoExecute taint",
                now,
                lambda: self._tell(pod, "Marking for deletion"),
            )
            self._scheduled.pop(name, None)
        return None  # otherwise the mirrors will tell

    async def _still_due(self, pod: Pod, seen: datetime) -> bool:
        """Whether claims and taints are, read now, what the mirrors say."""
        claims: list[tuple[PodClaim, ResourceClaim]] = []
        for one in _claims_of(pod):
            try:
                live = await self.client.get(RESOURCE_CLAIMS, one.name, pod.metadata.namespace)
            except NotFound:
                continue
            claims.append((one, structure(live, ResourceClaim)))
        listed = await self.client.list(RESOURCE_SLICES)
        slices = [structure(one, ResourceSlice) for one in listed["items"]]
        due = _due(pod, claims, slices, self._rules(), seen)
        return due is not None and due <= self.world.now()

    def _tell(self, pod: Pod, message: str) -> None:
        about = Reference("v1", "Pod", pod.metadata)
        self.recorder.event(about, "Normal", "DeviceTaintManagerEviction", message)

    def _of_pod(self, old: Pod | None, new: Pod | None) -> Iterable[Name]:
        """A pod with claims that has got its node, or has gone."""
        pod = new or old
        assert pod is not None, "a change is of something"
        if not pod.spec.resource_claims or (old and new and _relevant(old) == _relevant(new)):
            return ()
        return (pod.metadata.full_name,)

    def _of_claim(self, old: ResourceClaim | None, new: ResourceClaim | None) -> Iterable[Name]:
        if old is not None and new is not None and old.status == new.status:
            return ()
        return self._users(one for one in (old, new) if one is not None)

    def _of_slice(self, old: ResourceSlice | None, new: ResourceSlice | None) -> Iterable[Name]:
        """Who uses devices of a pool with taints, before or now."""
        pools = {
            (one.spec.driver, one.spec.pool.name): None
            for one in (old, new)
            if one is not None and any(device.taints for device in one.spec.devices)
        }
        if not pools:
            return ()
        return self._users(
            claim
            for claim in self._claims.all()
            if any((one.driver, one.pool) in pools for one in _results(claim))
        )

    def _users(self, claims: Iterable[ResourceClaim]) -> Iterator[Name]:
        """The pods that claims with devices are reserved for."""
        for claim in claims:
            for user in claim.status.reserved_for:
                if user.resource == "pods":
                    yield Name(claim.metadata.namespace, user.name)


def _due(
    pod: Pod,
    claims: Sequence[tuple[PodClaim, ResourceClaim]],
    slices: Sequence[ResourceSlice],
    rules: Sequence[DeviceTaintRule],
    seen: datetime,
) -> datetime | None:
    """When a pod has to go for a taint of a device that it uses; None: not at all."""
    moments = [
        moment
        for asked, claim in claims
        if claim.reserved_for(pod.metadata.uid)
        and (not asked.generated or is_for_pod(claim, pod.metadata))
        for one in _results(claim)
        for taint in (*_taints(one, slices), *(r.spec.taint for r in rules if _is_meant(r, one)))
        if taint.effect == "NoExecute" and (moment := _end(one, taint, seen)) is not None
    ]
    return min(moments, default=None)


def _end(device: DeviceResult, taint: DeviceTaint, seen: datetime) -> datetime | None:
    """When what a claim tolerates of a taint ends; None: never."""
    since = taint.time_added or seen
    seconds = [
        one.toleration_seconds
        for one in device.tolerations
        if one.effect == "NoExecute" and tolerates(one, taint)
    ]
    if None in seconds:
        return None
    return since + timedelta(
        seconds=max(0, min((one for one in seconds if one is not None), default=0))
    )


def _taints(result: DeviceResult, slices: Sequence[ResourceSlice]) -> Iterator[DeviceTaint]:
    """Those that the driver gives a device, by the newest generation of its pool."""
    wanted = result.driver, result.pool
    pool = [one.spec for one in slices if (one.spec.driver, one.spec.pool.name) == wanted]
    newest = max((one.pool.generation for one in pool), default=0)
    for one in pool:
        for device in one.devices if one.pool.generation == newest else ():
            if device.name == result.device:
                yield from device.taints


def _is_meant(rule: DeviceTaintRule, device: DeviceResult) -> bool:
    selector = rule.spec.device_selector
    return selector is not None and (
        selector.driver in (None, device.driver)
        and selector.pool in (None, device.pool)
        and selector.device in (None, device.device)
    )


def _results(claim: ResourceClaim) -> tuple[DeviceResult, ...]:
    allocation = claim.status.allocation
    return allocation.devices.results if allocation is not None else ()


def _claims_of(pod: Pod) -> list[PodClaim]:
    found: list[PodClaim] = []
    asked, made = pod.spec.resource_claims, pod.status.resource_claim_statuses
    try:
        found.extend(pod_claims(pod.metadata, asked, made))
    except ClaimNotMade:
        pass  # it has no devices yet
    return found


def _relevant(pod: Pod) -> tuple[object, ...]:
    going = pod.metadata.deletion_timestamp is not None
    return pod.metadata.uid, pod.spec.node_name, pod.status.resource_claim_statuses, going
