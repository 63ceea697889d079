"""What all who write EndpointSlices agree on: their labels, their names, the order of writes.

Upstream: `k8s.io/api/discovery/v1/well_known_labels.go` and the reconcilers' `finalize`.
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.client.client import Client
from k8slite.client.informer import Mirror
from k8slite.client.resource import ENDPOINT_SLICES
from k8slite.controllers.networking.slice_packing import Plan
from k8slite.controllers.pod_control import namespace_is_ending
from k8slite.kinds.discovery.models import EndpointSlice
from k8slite.objects.errors import ApiError, NotFound
from k8slite.objects.meta import Name

Json = dict[str, Any]

SERVICE_NAME: Final = "kubernetes.io/service-name"
MANAGED_BY: Final = "endpointslice.kubernetes.io/managed-by"
_NAME_MOST: Final = 253  # characters of a name; a prefix that would be too long has no dash


def name_prefix(service: str) -> str:
    """What the generated names of a Service's slices begin with (`getEndpointSlicePrefix`)."""
    prefix = f"{service}-"
    return prefix if len(prefix) <= _NAME_MOST else service


def service_of_slice(one: EndpointSlice | None, manager: str) -> list[Name]:
    """The Service that a slice is of, if it is that manager's."""
    if one is None or one.metadata.labels.get(MANAGED_BY) != manager:
        return []
    service = one.metadata.labels.get(SERVICE_NAME)
    return [Name(one.metadata.namespace, service)] if service else []


def staying(slices: Mirror[EndpointSlice], index: str, name: Name) -> list[Json]:
    """The slices that an index has for a Service, as JSON, without those on their way out."""
    found = []
    for one in slices.indexed(index, str(name)):
        document = slices.document(one.metadata.full_name)
        if document is not None and one.metadata.deletion_timestamp is None:
            found.append(document)
    return found


async def carry_out(client: Client, plan: Plan, namespace: str, *, ending: bool) -> None:
    """Write a plan. Nothing is created for an owner that is `ending`, nor in a namespace that is;
    raises the ApiError of the first write that fails."""
    if not ending:
        for one in plan.create:
            try:
                await client.create(ENDPOINT_SLICES, one, namespace)
            except ApiError as error:
                if namespace_is_ending(error):
                    return
                raise
    for one in plan.update:
        await client.update(ENDPOINT_SLICES, one)
    for one in plan.delete:
        metadata = one["metadata"]
        options = {"preconditions": {"uid": metadata["uid"]}}
        try:
            await client.delete(ENDPOINT_SLICES, metadata["name"], namespace, options)
        except NotFound:
            continue
