"""A pod's claims to devices, which must be its own before its containers run.

The devices themselves are pretended, whatever driver they are of. The API is asked for each claim;
what stands against a claim is told as an event, and looked at again later and later (upstream:
`cm/dra/manager.go`, PrepareResources).
"""

from __future__ import annotations

from collections.abc import Callable

from k8slite.client.client import Client
from k8slite.client.resource import RESOURCE_CLAIMS
from k8slite.kinds.resource.models import ResourceClaim
from k8slite.kinds.resource.pod_claims import is_for_pod, not_for_pod, pod_claims
from k8slite.kubelet.pod_worker import PodWorker
from k8slite.kubelet.restarting import Tell
from k8slite.kubelet.writing import PodWrite, Write, Writers
from k8slite.objects.errors import NotFound
from k8slite.objects.structure import structure


class Unprepared(Exception):
    """A claim that the pod may not use (yet); the text says why."""


class Preparation(Write):
    """The claims of one pod; `then` is called when all of them may be used."""

    def __init__(self, client: Client, worker: PodWorker, status: PodWrite, tell: Tell) -> None:
        super().__init__()
        self.then: Callable[[], None] = lambda: None
        self._client = client
        self._worker = worker
        self._status = status
        self._tell = tell
        self._done = not worker.pod.spec.resource_claims

    def __repr__(self) -> str:
        return f"claims of pod {self._worker.pod}"

    def done(self, writers: Writers) -> bool:
        """Whether there is nothing to wait for; if there is, that is seen to."""
        if self._done or self._leaves:
            return True
        if any(one.alive for one in self._worker.records):
            self._done = True  # an earlier kubelet has seen to it
        else:
            writers.queue(self)
        return self._done

    @property
    def _leaves(self) -> bool:
        pod = self._worker.pod
        return pod.metadata.deletion_timestamp is not None or pod.terminal

    async def write(self) -> None:
        """Look at the claims. Raises what stands against them, and what the client raises."""
        pod = self._worker.pod
        if self._done or self._status.gone or self._leaves:
            return
        try:
            await self._prepare()
        except Exception as error:
            what = f"Failed to prepare dynamic resources: {error}"
            self._tell(pod, None, "Warning", "FailedPrepareDynamicResources", what)
            raise
        self._done = True
        self.then()

    async def _prepare(self) -> None:
        metadata, spec = self._worker.pod.metadata, self._worker.pod.spec
        statuses = self._worker.pod.status.resource_claim_statuses
        for one in pod_claims(metadata, spec.resource_claims, statuses):
            try:
                found = await self._client.get(RESOURCE_CLAIMS, one.name, metadata.namespace)
            except NotFound as error:
                raise Unprepared(f"fetch ResourceClaim {one.name}: {error}") from None
            claim = structure(found, ResourceClaim)
            if one.generated and not is_for_pod(claim, metadata):
                raise Unprepared(not_for_pod(claim, metadata))
            if not claim.reserved_for(metadata.uid):
                raise Unprepared(
                    f"pod {metadata.name} ({metadata.uid}) is not allowed to use ResourceClaim "
                    f"{one.name} ({claim.metadata.uid})"
                )
