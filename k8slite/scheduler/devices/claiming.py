"""What is written of a claim: its devices and the pod that uses them, or that it has none again.

Every write is of a claim as it was seen; where something else has changed meanwhile, it is read and
tried again (upstream: `bindClaim`).
"""

from __future__ import annotations

from typing import Any, Final

import trio

from k8slite.client.client import Client
from k8slite.client.resource import RESOURCE_CLAIMS
from k8slite.kinds.models import Metadata
from k8slite.kinds.resource.models import ResourceClaim
from k8slite.kinds.resource.pod_claims import FINALIZER
from k8slite.objects.errors import ApiError, Conflict
from k8slite.objects.structure import structure

Json = dict[str, Any]

ATTEMPTS_MOST: Final = 5  # when others write, too (upstream: `retry.DefaultRetry`)
RETRY_SECONDS: Final = 0.1  # before a request without answer is sent again; doubles
RETRY_MOST_SECONDS: Final = 5.0


class Unwritable(Exception):
    """A claim cannot be given to a pod any more; the text says why."""


async def write_claim(
    client: Client, claim: ResourceClaim, pod: Metadata, allocation: Json | None
) -> ResourceClaim:
    """Give a claim its devices, if it has none yet, and a pod the claim; the claim as it is then.

    Returns, or raises, when it is certain what became of it: until then nobody else may get the
    devices. Raises Unwritable, and what the API refuses with.
    """
    conflicts = 0
    pause_seconds = RETRY_SECONDS
    while True:
        try:
            name, namespace = claim.metadata.name, claim.metadata.namespace
            document = await client.get(RESOURCE_CLAIMS, name, namespace)
            _check(document, claim, allocation)
            return structure(await _write(client, document, pod, allocation), ResourceClaim)
        except Conflict:
            conflicts += 1
            if conflicts == ATTEMPTS_MOST:
                raise
            continue
        except ApiError as error:
            if error.status_code < 500 and error.status_code != 429:
                raise
        except ConnectionError:
            pass  # it may have arrived: the next look tells
        await trio.sleep(pause_seconds)
        pause_seconds = min(pause_seconds * 2, RETRY_MOST_SECONDS)


async def deallocate(claim: ResourceClaim, client: Client) -> None:
    """Take a claim's devices from it. Raises what the client raises."""
    patch = {
        "metadata": {
            "uid": claim.metadata.uid,
            "resourceVersion": claim.metadata.resource_version,
        },
        "status": {"allocation": None, "reservedFor": None},
    }
    name, namespace = claim.metadata.name, claim.metadata.namespace
    await client.patch(RESOURCE_CLAIMS, name, patch, namespace, subresource="status")


def _check(document: Json, claim: ResourceClaim, allocation: Json | None) -> None:
    metadata, name = document["metadata"], claim.metadata.full_name
    if metadata["uid"] != claim.metadata.uid or metadata.get("deletionTimestamp"):
        raise Unwritable(f"claim {name} got deleted in the meantime")
    allocated = (document.get("status") or {}).get("allocation")
    if allocation is not None and allocated and allocated != allocation:
        raise Unwritable(f"claim {name} got allocated elsewhere in the meantime")
    if allocation is None and not allocated:
        raise Unwritable(f"claim {name} got deallocated in the meantime")


async def _write(client: Client, document: Json, pod: Metadata, allocation: Json | None) -> Json:
    metadata = document["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    users = (document.get("status") or {}).get("reservedFor") or []
    allocated = (document.get("status") or {}).get("allocation")
    if allocated and any(one["uid"] == pod.uid for one in users):
        return document
    held = metadata.get("finalizers") or []
    if allocation is not None and FINALIZER not in held:
        finalizers = {**_expected(document), "finalizers": [*held, FINALIZER]}
        document = await client.patch(RESOURCE_CLAIMS, name, {"metadata": finalizers}, namespace)
    user = {"resource": "pods", "name": pod.name, "uid": pod.uid}
    status: Json = {"reservedFor": [*users, user]}
    if allocation is not None:
        status["allocation"] = allocation
    patch = {"metadata": _expected(document), "status": status}
    return await client.patch(RESOURCE_CLAIMS, name, patch, namespace, subresource="status")


def _expected(document: Json) -> Json:
    metadata = document["metadata"]
    return {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
