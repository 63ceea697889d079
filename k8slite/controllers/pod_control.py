"""How controllers make and take away pods (upstream: `RealPodControl`, `slowStartBatch`).

Pods are created in batches that double as long as all goes well, so that a workload whose pods are
refused does not send hundreds of requests to learn that. Each pod made or taken away, and each
refusal, is an event about its owner.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import trio

from k8slite.client.client import Client
from k8slite.client.recorder import Recorder, Reference
from k8slite.client.resource import PODS
from k8slite.controllers.ownership import Owner
from k8slite.kinds.models import Metadata
from k8slite.objects.errors import ApiError, Conflict, NotFound

Json = dict[str, Any]
T = TypeVar("T")

BURST_PODS: Final = 500  # created or deleted in one reconcile (upstream's BurstReplicas)
FIRST_BATCH_PODS: Final = 1  # upstream's SlowStartInitialBatchSize
# Requests under way at once for one owner: enough to fill the journal's transactions.
REQUESTS_MOST: Final = 16


def pod_of_template(template: Mapping[str, Any], owner: Owner, base: str = "") -> Json:
    """The pod that a template describes (upstream: `GetPodFromTemplate`).

    `base` is what its generated name begins with, by default the owner's name.
    """
    described = template.get("metadata") or {}
    metadata = {
        "generateName": base or f"{owner.metadata.name}-",
        "namespace": owner.metadata.namespace,
        "ownerReferences": [owner.reference()],
    }
    for field in ("labels", "annotations", "finalizers"):
        if described.get(field):
            metadata[field] = described[field]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def regarding(owner: Owner) -> Reference:
    """What an event about an owner is about."""
    return Reference(owner.resource.api_version, owner.resource.kind, owner.metadata)


def namespace_is_ending(error: ApiError) -> bool:
    """Whether something was refused because its namespace is on its way out."""
    return any(cause.reason == "NamespaceTerminating" for cause in error.causes)


async def delete_pod(client: Client, pod: Metadata) -> bool:
    """Delete a pod, and no other of its name; whether it was still there."""
    options = {"preconditions": {"uid": pod.uid}}
    try:
        await client.delete(PODS, pod.name, pod.namespace, options)
    except NotFound:
        return False
    except Conflict as error:
        if "UID" not in error.message and "uid" not in error.message:
            raise
        return False
    return True


class PodControl:
    """Creates and deletes pods for owners, and tells so."""

    def __init__(self, client: Client, recorder: Recorder) -> None:
        self._client = client
        self._recorder = recorder

    async def create(
        self, pods: Sequence[Json], regarding: Reference
    ) -> tuple[int, Exception | None]:
        """Create pods; how many there are then, and the failure that ended it.

        Where the namespace is on its way out nothing can be created, now or later, which is no
        failure.
        """
        made = 0

        async def create(pod: Json) -> None:
            nonlocal made
            await self._create(pod, regarding)
            made += 1

        try:
            await in_batches(pods, create)
        except Exception as error:
            ending = isinstance(error, ApiError) and namespace_is_ending(error)
            return made, None if ending else error
        return made, None

    async def delete(self, pod: Metadata, regarding: Reference) -> None:
        """Delete a pod, and no other of its name; that it is gone already is as good."""
        try:
            if not await delete_pod(self._client, pod):
                return
        except ApiError as error:
            message = f"Error deleting: {error}"
            self._recorder.event(regarding, "Warning", "FailedDelete", message)
            raise
        message = f"Deleted pod: {pod.name}"
        self._recorder.event(regarding, "Normal", "SuccessfulDelete", message)

    async def _create(self, pod: Json, regarding: Reference) -> None:
        try:
            made = await self._client.create(PODS, pod, pod["metadata"]["namespace"])
        except ApiError as error:
            if not namespace_is_ending(error):
                message = f"Error creating: {error}"
                self._recorder.event(regarding, "Warning", "FailedCreate", message)
            raise
        message = f"Created pod: {made['metadata']['name']}"
        self._recorder.event(regarding, "Normal", "SuccessfulCreate", message)


async def in_batches(items: Sequence[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do work for all items in batches that double; one with a failure, which is raised, is the
    last."""
    done, batch = 0, FIRST_BATCH_PODS
    while done < len(items):
        await at_once(items[done : done + batch], work)
        done += batch
        batch *= 2


async def at_once(items: Sequence[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do work for all items, up to REQUESTS_MOST at a time; raises the first failure at the end."""
    if len(items) == 1:
        await work(items[0])
        return
    rest = iter(items)
    failures: list[Exception] = []

    async def take() -> None:
        for item in rest:
            try:
                await work(item)
            except Exception as error:
                failures.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(min(len(items), REQUESTS_MOST)):
            nursery.start_soon(take)
    if failures:
        raise failures[0]
