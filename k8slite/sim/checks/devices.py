"""A device is one claim's, a claim's users are pods that live, and what is used is not taken away.

Mirrors the promises of `dynamic-resource-allocation` and `pkg/controller/resourceclaim`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.kinds.resource.pod_claims import FINALIZER
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import PODS, controller_of, uid

Json = dict[str, Any]
Device = tuple[str, str, str]

CLAIMS: Final = "resource.k8s.io.resourceclaims/"
_COMPONENTS: Final = ("system:controller:", "system:kube-scheduler")
_CONTROLLER: Final = "resourceclaim-controller"


class Devices:
    """Allocations, reservations, and pods that are bound with them."""

    name: ClassVar[str] = "devices"
    prefixes: ClassVar[tuple[str, ...]] = (CLAIMS, PODS)

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._owners: dict[Device, str] = {}  # the UIDs of claims

    def commit(self, change: Change) -> Iterable[str]:
        if change.resource == PODS:
            if change.request.endswith("/binding") and change.new is not None:
                yield from self._bound(change.key, change.new)
            return
        old, new = change.old, change.new
        before, now = _devices(old), _devices(new)
        for one in before:
            if one not in now and old is not None and self._owners.get(one) == uid(old):
                del self._owners[one]
        for one in now:
            assert new is not None, "what is gone has no devices"
            if self._owners.setdefault(one, uid(new)) != uid(new):
                yield f"{change.key} is given the device {'/'.join(one)}, which another claim has"
        held = ((new or {}).get("metadata") or {}).get("finalizers", ())
        if now and not before and FINALIZER not in held:
            yield f"{change.key} has devices, and nothing holds it"
        if old is not None and change.user.startswith(_COMPONENTS):
            yield from self._taken(change.key, old, new)

    def rest(self) -> Iterable[str]:
        if _CONTROLLER not in self._setting.running:
            return
        for key, claim in self._setting.state.all(CLAIMS):
            for user in _users(claim):
                if self._pod(claim, user["name"], user["uid"]) is None:
                    yield f"{key} is reserved for {user['name']}, which does not run any more"
            owner = controller_of(claim)
            if owner is not None and self._pod(claim, owner["name"], owner["uid"]) is None:
                yield f"{key} outlives {owner['name']}, which it was made for"

    def _taken(self, key: str, old: Json, new: Json | None) -> Iterator[str]:
        """Whether a pod that has its node loses what it uses."""
        left = [one["uid"] for one in _users(new)] if _devices(new) or not _devices(old) else []
        for user in _users(old):
            pod = self._pod(old, user["name"], user["uid"])
            if user["uid"] not in left and pod is not None and pod["spec"].get("nodeName"):
                yield f"{key} is taken from {user['name']}, which runs with it"

    def _bound(self, key: str, pod: Json) -> Iterator[str]:
        for name in _claim_names(pod):
            found = self._setting.state.get(f"{CLAIMS}{pod['metadata']['namespace']}/{name}")
            allocated = found is not None and "allocation" in found.get("status", {})
            if not allocated or uid(pod) not in [one["uid"] for one in _users(found)]:
                yield f"{key} is bound, and its claim {name} is not reserved for it"

    def _pod(self, claim: Json, name: str, uid_: str) -> Json | None:
        """A pod that runs or may, by name and UID."""
        pod = self._setting.state.get(f"{PODS}{claim['metadata']['namespace']}/{name}")
        if pod is None or uid(pod) != uid_:
            return None
        leaves = "deletionTimestamp" in pod["metadata"] and not pod["spec"].get("nodeName")
        ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        return None if leaves or ended else pod


def _devices(claim: Json | None) -> list[Device]:
    """What a claim keeps from others."""
    allocation = ((claim or {}).get("status") or {}).get("allocation") or {"devices": {}}
    return [
        (one["driver"], one["pool"], one["device"])
        for one in allocation["devices"].get("results", ())
        if not one.get("adminAccess") and not one.get("shareID")
    ]


def _users(claim: Json | None) -> list[Json]:
    found: list[Json] = ((claim or {}).get("status") or {}).get("reservedFor") or []
    return found


def _claim_names(pod: Json) -> Iterator[str]:
    statuses = (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    made = {one["name"]: one.get("resourceClaimName") for one in statuses}
    for asked in pod["spec"].get("resourceClaims") or ():
        name = asked.get("resourceClaimName") or made.get(asked["name"])
        if name:
            yield name
