"""Which Services and controllers pods belong to: what they are spread by if they do not say.

Upstream: `plugins/helper.DefaultSelector`. All Services that select a pod and the controller that
owns it, put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import Factory, define, field, frozen

from k8slite.client.resource import (
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    SERVICES,
    STATEFUL_SETS,
    Resource,
)
from k8slite.kinds.core.models import Pod
from k8slite.kinds.models import LabelSelector, Metadata
from k8slite.objects.meta import Name
from k8slite.objects.selectors import EVERYTHING, Requirement, Selector, selector_of
from k8slite.objects.selectors import selector_of_labels as labelled


@frozen
class ByLabels:
    selector: Mapping[str, str] = Factory(dict)


@frozen
class SelectsByLabels:
    """A Service or a ReplicationController, as far as it selects."""

    metadata: Metadata
    spec: ByLabels = ByLabels()

    @property
    def selector(self) -> Selector:
        return labelled(self.spec.selector)


@frozen
class BySelector:
    selector: LabelSelector | None = None


@frozen
class SelectsBySelector:
    """A ReplicaSet or a StatefulSet, as far as it selects."""

    metadata: Metadata
    spec: BySelector = BySelector()

    @property
    def selector(self) -> Selector:
        return selector_of(self.spec.selector)


Selecting = SelectsByLabels | SelectsBySelector


@define(eq=False)
class Owners:
    """What selects pods, by namespace."""

    _services: dict[str, dict[str, Selector]] = field(factory=dict)
    _controllers: dict[tuple[str, Name], tuple[str, Selector]] = field(factory=dict)  # with UID

    def put(self, kind: str, old: Selecting | None, new: Selecting | None) -> None:
        """One came, changed or went. Raises ValueError for a selector that is none."""
        known = new if new is not None else old
        assert known is not None, "a change is of something"
        name = known.metadata.full_name
        if kind == SERVICES.kind:
            services = self._services.setdefault(name.namespace, {})
            services.pop(name.name, None)
            if new is not None and not new.selector.empty:
                services[name.name] = new.selector
            return
        self._controllers.pop((kind, name), None)
        if new is not None:
            self._controllers[kind, name] = new.metadata.uid, new.selector

    def selector(self, pod: Pod) -> Selector:
        """What pods like this one have in common; empty if it belongs to nothing."""
        metadata = pod.metadata
        found: list[Requirement] = []
        for selector in self._services.get(metadata.namespace, _NONE).values():
            if selector.matches(metadata.labels):
                found += selector.requirements
        owner = metadata.controller
        if owner is not None:
            name = Name(metadata.namespace, owner.name)
            known = self._controllers.get((owner.kind, name))
            if known is not None and known[0] == owner.uid:
                found += known[1].requirements
        return Selector(tuple(sorted(set(found)))) if found else EVERYTHING


_NONE: Final[dict[str, Selector]] = {}

MIRRORED: Final[tuple[tuple[Resource, type[Any]], ...]] = (
    (SERVICES, SelectsByLabels),
    (REPLICATION_CONTROLLERS, SelectsByLabels),
    (REPLICA_SETS, SelectsBySelector),
    (STATEFUL_SETS, SelectsBySelector),
)
