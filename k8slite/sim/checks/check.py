"""The contract of an invariant: what it is shown, and how it complains.

Every check sees every commit of the kinds that it names, in order, right when it happens, and the
whole state when the cluster has come to rest. It only looks: nothing that it does may change a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from attrs import define, field

from k8slite.objects.codec import loads
from k8slite.store.store import Event

Json = dict[str, Any]


@define(eq=False)
class Change:
    """One commit; objects are decoded once, for all checks, and nobody's to change."""

    event: Event
    clock_seconds: float  # virtual time, by trio's clock
    commit: int  # 0 for heartbeats and Events
    process: str  # whose request it was, "" for the cluster's own doing
    request: str  # method and path
    user: str  # who asked: "system:controller:replicaset-controller"
    repeated: bool  # the request had arrived before: nobody meant this one
    old: Json | None
    new: Json | None

    @property
    def key(self) -> str:
        """As in the store: "pods/shop/web-1", "apps.deployments/shop/web", "nodes/node-0"."""
        return self.event.key

    @property
    def resource(self) -> str:
        """The storage prefix, with its slash: "pods/", "apps.deployments/"."""
        return self.event.key.partition("/")[0] + "/"

    @property
    def obj(self) -> Json:
        """The object as it is, or as it was last."""
        found = self.new if self.new is not None else self.old
        assert found is not None, "a change is of something"
        return found


class State:
    """The store's objects as of the last commit, decoded on demand."""

    def __init__(self) -> None:
        self._raw: dict[str, dict[str, bytes]] = {}  # by prefix, then key
        self._revisions: dict[str, dict[str, int]] = {}
        self._decoded: dict[str, Json] = {}

    def take(self, event: Event, prefix: str) -> None:
        """Apply a commit; `prefix` is its resource's ("pods/")."""
        _, key, now, _ = event
        objects = self._raw.get(prefix)
        if objects is None:
            objects, self._revisions[prefix] = self._raw.setdefault(prefix, {}), {}
        self._decoded.pop(key, None)
        if now is None:
            objects.pop(key, None)
            self._revisions[prefix].pop(key, None)
        else:
            objects[key] = now.value
            self._revisions[prefix][key] = now.revision

    def get(self, key: str) -> Json | None:
        """The object under a store's key."""
        found = self._decoded.get(key)
        if found is None:
            raw = self._raw.get(key.partition("/")[0] + "/", {}).get(key)
            if raw is not None:
                found = self._decoded[key] = loads(raw)
        return found

    def keys(self, prefix: str) -> Iterable[str]:
        """The keys of a resource ("pods/"), in the order of their creation."""
        return self._raw.get(prefix, {}).keys()

    def revisions(self, prefix: str) -> Mapping[str, int]:
        """The resourceVersions of a resource's objects, by key."""
        return self._revisions.get(prefix, {})

    def all(self, prefix: str) -> Iterator[tuple[str, Json]]:
        """The objects of a resource with their keys."""
        decoded = self._decoded
        for key, raw in list(self._raw.get(prefix, {}).items()):
            found = decoded.get(key)
            if found is None:
                found = decoded[key] = loads(raw)
            yield key, found

    def prefixes(self) -> list[str]:
        """The resources of which there is or was an object."""
        return sorted(self._raw)


@define(eq=False)
class Setting:
    """What a check must know of the run besides the commits."""

    state: State
    # The names of the built-in controllers that run ("deployment-controller"), of the scheduler
    # ("kube-scheduler") and the fleet ("kubelet"): where one is switched off, what only it brings
    # about is not owed.
    running: frozenset[str] = frozenset()
    settings: Mapping[str, Any] = field(factory=dict)
    # Whether a container of the pod with that UID runs on any node, whatever the store says.
    runs: Callable[[str], bool] = lambda pod_uid: False


class Check(Protocol):
    """One family of invariants; made anew for every run."""

    name: ClassVar[str]
    prefixes: ClassVar[tuple[str, ...]]  # whose commits it wants; () for those of all resources

    def __init__(self, setting: Setting) -> None: ...

    def commit(self, change: Change) -> Iterable[str]:
        """Look at a commit that has just happened; complaints, a sentence each.

        The state has it already. Commits from before the scenario's begin are shown too.
        """
        ...

    def rest(self) -> Iterable[str]:
        """The cluster has come to rest with all faults healed: what is owed that is not there?"""
        ...


@runtime_checkable
class Hearing(Protocol):
    """A check that is told of heartbeats too, which change nothing but times and are no Change."""

    def beat(self, key: str, clock_seconds: float) -> None:
        """An object that it wants to see lives."""
        ...
