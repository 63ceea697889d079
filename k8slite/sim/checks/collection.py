"""What goes, and what must not: owners and dependants, namespaces, deletions that end.

Mirrors the garbage collector's and the namespace controller's promises: a dependant goes when the
last of its owners is gone and never before, a namespace takes everything along, and what is being
deleted is gone some day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from k8slite.cluster import KUBELET
from k8slite.sim.checks.check import Change, Setting
from k8slite.sim.checks.reading import (
    COLLECTED,
    NAMESPACES,
    NODES,
    PODS,
    node_of,
    owners,
    terminating,
    uid,
)

Json = dict[str, Any]

GARBAGE_COLLECTOR: Final = "generic-garbage-collector"
NAMESPACE_CONTROLLER: Final = "namespace-controller"
POD_GC: Final = "pod-garbage-collector"


class Collection:
    """Nothing goes too early, and everything goes in the end."""

    name: ClassVar[str] = "collection"
    prefixes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._alive: dict[str, str] = {}  # keys by uid

    def commit(self, change: Change) -> Iterable[str]:
        old, new = change.old, change.new
        if old is None:
            assert new is not None
            self._alive[uid(new)] = change.key
            yield from self._homeless(change.key)
            return
        if new is None:
            self._alive.pop(uid(old), None)
        begun = not terminating(old) and (new is None or terminating(new))
        if begun and change.user == f"system:controller:{GARBAGE_COLLECTOR}":
            yield from self._collected_alive(change.key, old)

    def rest(self) -> Iterable[str]:
        running, state = self._setting.running, self._setting.state
        collects, empties = GARBAGE_COLLECTOR in running, NAMESPACE_CONTROLLER in running
        homes = {key.removeprefix(NAMESPACES) for key in state.keys(NAMESPACES)}
        for prefix in state.prefixes():
            for key, obj in state.all(prefix):
                metadata = obj["metadata"]  # nearly all objects have nothing to be asked about
                if collects and "ownerReferences" in metadata:
                    yield from self._outlived(key, obj)
                home = metadata.get("namespace")
                if empties and home and home not in homes:
                    yield from self._homeless(key)
                if "deletionTimestamp" in metadata:
                    yield from self._stuck(key, obj)

    def _homeless(self, key: str) -> Iterator[str]:
        """An object in a namespace that is not there."""
        parts = key.split("/")
        if len(parts) == 3 and self._setting.state.get(NAMESPACES + parts[1]) is None:
            yield f"{key} is in a namespace that does not exist"

    def _collected_alive(self, key: str, old: Json) -> Iterator[str]:
        for owner in owners(old):
            living = self._alive.get(owner.get("uid", ""))
            parent = self._setting.state.get(living) if living else None
            if parent is not None and not terminating(parent):
                yield f"{key} was collected, though its owner {living} lives"

    def _outlived(self, key: str, obj: Json) -> Iterator[str]:
        references = owners(obj)
        if terminating(obj):
            return  # what still holds it is judged below
        if references and not any(one.get("uid") in self._alive for one in references):
            names = ", ".join(f"{one.get('kind')} {one.get('name')}" for one in references)
            yield f"{key} has outlived its owners ({names})"

    def _stuck(self, key: str, obj: Json) -> Iterator[str]:
        running, metadata = self._setting.running, obj["metadata"]
        finalizers = metadata.get("finalizers") or ()
        ours = GARBAGE_COLLECTOR in running
        if any(one not in COLLECTED for one in finalizers) or (finalizers and not ours):
            return  # whoever holds it is not of ours
        if key.startswith(PODS) and not finalizers and not self._will_be_confirmed(obj):
            return
        if key.startswith(NAMESPACES) and NAMESPACE_CONTROLLER not in running:
            return
        if finalizers and self._held_by_dependants(obj):
            return
        yield f"the deletion of {key} does not end"

    def _will_be_confirmed(self, pod: Json) -> bool:
        """Whether somebody is there to say that the pod's containers are gone."""
        if self._setting.state.get(NODES + node_of(pod)) is None:
            return POD_GC in self._setting.running
        return KUBELET in self._setting.running

    def _held_by_dependants(self, obj: Json) -> bool:
        """Whether a dependant that blocks the deletion is itself held by somebody else."""
        for prefix in self._setting.state.prefixes():
            for _, other in self._setting.state.all(prefix):
                if not any(one.get("uid") == uid(obj) for one in owners(other)):
                    continue
                held = other["metadata"].get("finalizers") or ()
                if any(one not in COLLECTED for one in held):
                    return True
        return False
