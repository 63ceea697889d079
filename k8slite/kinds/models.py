"""What every model has: the metadata, references and selectors that components read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from attrs import Factory, frozen

from k8slite.objects.meta import Name


@frozen
class OwnerReference:
    kind: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    controller: bool = False
    block_owner_deletion: bool = False


@frozen
class Metadata:
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: Mapping[str, str] = Factory(dict)
    annotations: Mapping[str, str] = Factory(dict)
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    deletion_grace_period_seconds: int | None = None
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()

    @property
    def full_name(self) -> Name:
        return Name(self.namespace, self.name)

    @property
    def controller(self) -> OwnerReference | None:
        """The one owner that manages the object (upstream: `metav1.GetControllerOf`)."""
        for reference in self.owner_references:
            if reference.controller:
                return reference
        return None


@frozen
class Requirement:
    key: str
    operator: str
    values: tuple[str, ...] = ()


@frozen
class LabelSelector:
    match_labels: Mapping[str, str] = Factory(dict)
    match_expressions: tuple[Requirement, ...] = ()


class Model(Protocol):
    """An object of any kind."""

    @property
    def metadata(self) -> Metadata: ...


@frozen
class PartialObject:
    """An object of which only the metadata is of interest."""

    metadata: Metadata
