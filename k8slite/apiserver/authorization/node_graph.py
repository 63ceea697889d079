"""What belongs to which node: nodes, the pods on them, and what these pods need.

    node <- pod <- secret, config map, service account, resource claim
    node <- pod <- claim <- volume <- secret
    node <- volume attachment, resource slice

Followed from the first question of a node on. Mirrors `plugin/pkg/auth/authorizer/node/graph.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from k8slite.apiserver.feed import Feed
from k8slite.apiserver.storage import Storage
from k8slite.kinds.core.references import (
    MIRROR,
    claim_names,
    config_map_names,
    resource_claim_names,
    secret_names,
    volume_secrets,
)
from k8slite.objects.codec import loads

Json = dict[str, Any]


class Vertex(NamedTuple):
    """One object, by its resource."""

    plural: str
    namespace: str
    name: str


Edge = tuple[Vertex, Vertex]


class NodeGraph:
    """The graph of a store's objects."""

    def __init__(self, storage: Storage) -> None:
        self._feed = Feed(storage.store, tuple(_EDGES))
        self._given: dict[str, list[Edge]] = {}  # by the key of the object that says so
        self._leads: dict[Vertex, dict[Vertex, None]] = {}

    def related(self, node: str, plural: str, namespace: str, name: str) -> bool:
        """Whether an object is a node's, by some way."""
        self._feed.catch_up(self._forget, self._take)
        wanted = _node(node)
        waiting, seen = [Vertex(plural, namespace, name)], {wanted}
        while waiting:
            for found in self._leads.get(waiting.pop(), ()):
                if found == wanted:
                    return True
                if found not in seen:
                    seen.add(found)
                    waiting.append(found)
        return False

    def _forget(self) -> None:
        self._given.clear()
        self._leads.clear()

    def _take(self, prefix: str, key: str, value: bytes | None) -> None:
        for start, end in self._given.pop(key, ()):
            ends = self._leads[start]
            ends.pop(end, None)
            if not ends:
                del self._leads[start]
        # Most pods that change wait for a node, or are on one and known: only these are read.
        if value is None or not any(word in value for word in _TELLING):
            return
        edges = list(dict.fromkeys(_EDGES[prefix](loads(value))))
        if edges:
            self._given[key] = edges
        for start, end in edges:
            self._leads.setdefault(start, {})[end] = None


def _of_pod(pod: Json) -> Iterator[Edge]:
    metadata, spec = pod["metadata"], pod["spec"]
    if not spec.get("nodeName"):
        return
    namespace = metadata["namespace"]
    itself = Vertex("pods", namespace, metadata["name"])
    yield itself, _node(spec["nodeName"])
    if MIRROR in (metadata.get("annotations") or {}):
        return  # a node makes it, and may not come to further objects by it
    needed = (
        ("serviceaccounts", [spec["serviceAccountName"]] if spec.get("serviceAccountName") else []),
        ("secrets", secret_names(spec)),
        ("configmaps", config_map_names(spec)),
        ("persistentvolumeclaims", claim_names(pod)),
        ("resourceclaims", resource_claim_names(pod)),
    )
    for plural, names in needed:
        for name in names:
            yield Vertex(plural, namespace, name), itself


def _of_volume(volume: Json) -> Iterator[Edge]:
    claim = volume["spec"].get("claimRef")
    if not claim:
        return
    itself = Vertex("persistentvolumes", "", volume["metadata"]["name"])
    yield itself, Vertex("persistentvolumeclaims", claim["namespace"], claim["name"])
    for namespace, name in volume_secrets(volume):
        yield Vertex("secrets", namespace, name), itself


def _of_one_node(plural: str) -> Callable[[Json], Iterator[Edge]]:
    def edges(obj: Json) -> Iterator[Edge]:
        if obj["spec"].get("nodeName"):
            yield Vertex(plural, "", obj["metadata"]["name"]), _node(obj["spec"]["nodeName"])

    return edges


def _node(name: str) -> Vertex:
    return Vertex("nodes", "", name)


_TELLING: Final = (b'"nodeName":', b'"claimRef":')
_EDGES: Final[Mapping[str, Callable[[Json], Iterator[Edge]]]] = {
    "pods/": _of_pod,
    "persistentvolumes/": _of_volume,
    "storage.k8s.io.volumeattachments/": _of_one_node("volumeattachments"),
    "resource.k8s.io.resourceslices/": _of_one_node("resourceslices"),
}
