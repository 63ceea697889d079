"""One reconcile of one StatefulSet: the steps towards its spec, in upstream's order.

Mirrors `stateful_set_control.go`. First every wanted ordinal gets its pod, then what is not wanted
goes, the highest ordinal first, then pods of old revisions are replaced. An OrderedReady set stops
at the first pod that is not ready for what comes after it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from attrs import frozen

from k8slite.client.client import STRATEGIC_MERGE_PATCH, Client
from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import PODS
from k8slite.controllers.apps.history import Revision
from k8slite.controllers.apps.statefulset_claims import ClaimsMissing, ClaimWriter
from k8slite.controllers.apps.statefulset_pods import (
    Replica,
    condemned,
    identity_labels,
    identity_matches,
    made_of_current,
    new_pod,
    ordinal_of,
    replicas,
    revision_of,
    storage_matches,
    with_claims,
)
from k8slite.controllers.ownership import Owner
from k8slite.controllers.pod_availability import available
from k8slite.controllers.pod_control import delete_pod, in_batches
from k8slite.kinds.apps.models import StatefulSet
from k8slite.kinds.core.models import Pod
from k8slite.objects.errors import AlreadyExists, ApiError
from k8slite.objects.intstr import scaled

Json = dict[str, Any]
T = TypeVar("T")


@frozen
class StatefulUpdate:
    """The pods of one set, and how they are brought to what it wants."""

    client: Client
    recorder: Recorder
    stateful_set: StatefulSet
    document: Json  # the set's
    owner: Owner
    regarding: Reference
    claims: ClaimWriter
    current: Revision
    update: Revision
    pods: Sequence[Pod]
    pod_document: Callable[[Pod], Json | None]
    now: datetime

    async def run(self) -> int:
        """Do what can be done now; how many pods of the current revision were taken away for
        another one. Raises what went wrong."""
        kept = replicas(self.stateful_set, self.pods)
        leaving = condemned(self.stateful_set, self.pods)
        unhealthy = self._first_unavailable(kept, leaving)
        if await self._for_all(kept, self._process):
            return 0
        for pod in leaving:
            if not self.claims.policy_kept(pod):
                await self.claims.keep_policy(pod)
        if await self._for_all(leaving, lambda pod: self._condemn(pod, unhealthy)):
            return 0
        if self.stateful_set.spec.update_strategy.type == "OnDelete":
            return 0
        return await self._replace(kept)

    @property
    def _ordered(self) -> bool:
        return self.stateful_set.spec.pod_management_policy != "Parallel"

    def _available(self, pod: Pod) -> bool:
        running = pod.status.phase == "Running"
        return running and available(pod, self.stateful_set.spec.min_ready_seconds, self.now)

    def _unavailable(self, pod: Pod | None) -> bool:
        return pod is None or _leaves(pod) or not self._available(pod)

    def _first_unavailable(self, kept: Sequence[Replica], leaving: Sequence[Pod]) -> Pod | None:
        """The first pod, in order of ordinals, that holds an ordered set up; None where that is
        one which is not there."""
        for pod in [*(one.pod for one in kept), *reversed(leaving)]:
            if self._unavailable(pod):
                return pod
        return None

    async def _for_all(self, items: Sequence[T], work: Callable[[T], Awaitable[bool]]) -> bool:
        """Work on one after the other until one says stop, or on all of them at once; whether
        nothing else may be done now."""
        if self._ordered:
            for item in items:
                if await work(item):
                    return True
            return False

        async def one(item: T) -> None:
            await work(item)

        await in_batches(items, one)
        return False

    async def _process(self, replica: Replica) -> bool:
        """Bring an ordinal to its pod; whether an ordered set must wait."""
        pod = replica.pod
        if pod is None:
            if not self.claims.stale(replica.ordinal):
                await self._create(replica.ordinal)
            return True
        if pod.terminal:
            # Its successor is made when it has gone.
            if not _leaves(pod):
                await self._delete(pod)
            return True
        if pod.status.phase == "Pending" and self.claims.any:
            await self.claims.create_missing(replica.ordinal)
            await self.claims.keep_policy(pod)
        if self._ordered and self._unavailable(pod):
            return True
        await self._mend(pod)
        return False

    async def _condemn(self, pod: Pod, unhealthy: Pod | None) -> bool:
        """Take away a pod that is not wanted; an ordered set does so while all others are well,
        unless this is the one that is not."""
        if _leaves(pod):
            return True
        if self._ordered and not self._available(pod) and pod is not unhealthy:
            return True
        await self._delete(pod)
        return True

    async def _replace(self, kept: Sequence[Replica]) -> int:
        """Take away pods of other revisions, the highest first, as many as may be unavailable."""
        rolling = self.stateful_set.spec.update_strategy.rolling_update
        partition, most = 0, 1
        if rolling is not None:
            partition = rolling.partition
            total = self.stateful_set.spec.replicas
            most = max(1, scaled(rolling.max_unavailable, total, round_up=False))
        budget = most - sum(self._unavailable(one.pod) for one in kept)
        outdated = [
            one.pod
            for one in reversed(kept[partition:])
            if one.pod is not None
            and not _leaves(one.pod)
            and revision_of(one.pod) != self.update.name
        ]
        if self._ordered:
            chosen = outdated[: max(0, budget)]
        else:
            # What is unavailable already costs nothing.
            chosen = [pod for pod in outdated if not self._available(pod)]
            healthy = [pod for pod in outdated if self._available(pod)]
            chosen += healthy[: max(0, budget)]
        for pod in chosen:
            await self._delete(pod)
        return sum(revision_of(pod) == self.current.name for pod in chosen)

    async def _create(self, ordinal: int) -> None:
        old = made_of_current(self.stateful_set, ordinal)
        revision = self.current if old else self.update
        pod = new_pod(self.document, self.owner, ordinal, revision.template, revision.name)
        metadata = pod["metadata"]
        try:
            await self.claims.create_missing(ordinal)
            await self.client.create(PODS, pod, metadata["namespace"])
        except AlreadyExists:
            raise
        except (ApiError, ClaimsMissing) as error:
            self._say("create", metadata["name"], error)
            raise
        self._say("create", metadata["name"], None)

    async def _delete(self, pod: Pod) -> None:
        try:
            there = await delete_pod(self.client, pod.metadata)
        except ApiError as error:
            self._say("delete", pod.metadata.name, error)
            raise
        if there:
            self._say("delete", pod.metadata.name, None)

    async def _mend(self, pod: Pod) -> None:
        """Give a pod the labels, volumes and owners of its claims that it should have."""
        patch: Json = {}
        if not identity_matches(pod):
            patch["metadata"] = {
                "labels": identity_labels(pod.metadata.name, ordinal_of(pod)),
            }
        try:
            if self.claims.any:
                document = self.pod_document(pod)
                if document is not None and not storage_matches(self.document, document):
                    await self.claims.create_missing(ordinal_of(pod))
                    patch["spec"] = {"volumes": with_claims(self.document, document)}
                if not self.claims.policy_kept(pod):
                    await self.claims.keep_policy(pod)
            if not patch:
                return
            patch["metadata"] = {**patch.get("metadata", {}), "uid": pod.metadata.uid}
            await self.client.patch(
                PODS,
                pod.metadata.name,
                patch,
                pod.metadata.namespace,
                patch_type=STRATEGIC_MERGE_PATCH,
            )
        except (ApiError, ClaimsMissing) as error:
            self._say("update", pod.metadata.name, error)
            raise
        self._say("update", pod.metadata.name, None)

    def _say(self, verb: str, pod_name: str, error: Exception | None) -> None:
        """As upstream's `recordPodEvent`."""
        set_name = self.stateful_set.metadata.name
        what = f"{verb} Pod {pod_name} in StatefulSet {set_name}"
        if error is None:
            reason, message = f"Successful{verb.title()}", f"{what} successful"
            self.recorder.event(self.regarding, "Normal", reason, message)
        else:
            reason, message = f"Failed{verb.title()}", f"{what} failed error: {error}"
            self.recorder.event(self.regarding, "Warning", reason, message)


def _leaves(pod: Pod) -> bool:
    return pod.metadata.deletion_timestamp is not None
