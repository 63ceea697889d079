"""Tells kubelets for how long they may keep secrets and config maps (upstream:
`pkg/controller/ttl`): the more nodes, the longer, so that they do not all ask all the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final, NamedTuple

from k8slite.client.informer import unheard
from k8slite.client.resource import NODES
from k8slite.controllers.controller import Context, Controller
from k8slite.kinds.core.models import Node
from k8slite.objects.errors import NotFound
from k8slite.objects.meta import Name

ANNOTATION: Final = "node.alpha.kubernetes.io/ttl"


class _Step(NamedTuple):
    least: int  # nodes, below which the step before holds again
    most: int  # nodes, above which the next step holds
    seconds: int


# The steps overlap, so that a cluster at an edge does not have all nodes written again and again.
STEPS: Final = (
    _Step(0, 100, 0),
    _Step(90, 500, 15),
    _Step(450, 1000, 30),
    _Step(900, 2000, 60),
    _Step(1800, 10**9, 300),
)


class NodeTtlController(Controller):
    """Its keys are the names of Nodes."""

    name: ClassVar[str] = "ttl-controller"
    workers: ClassVar[int] = 8

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._step = 0
        self._nodes = self.mirrors.of(NODES, Node)
        self.watch(self._nodes, self._keys, beat=unheard)

    async def start(self) -> None:
        """Begin with the step that the nodes there are call for."""
        self._adjust()

    async def reconcile(self, name: Name) -> None:
        node = self._nodes.get(name)
        wanted = str(STEPS[self._step].seconds)
        if node is None or node.metadata.annotations.get(ANNOTATION) == wanted:
            return
        metadata = {"uid": node.metadata.uid, "annotations": {ANNOTATION: wanted}}
        try:
            await self.client.patch(NODES, name.name, {"metadata": metadata})
        except NotFound:
            return

    def _keys(self, old: Node | None, new: Node | None) -> Iterator[Name]:
        if old is None or new is None:
            self._adjust()
        if new is not None and (
            old is None or old.metadata.annotations != new.metadata.annotations
        ):
            yield new.metadata.full_name

    def _adjust(self) -> None:
        """Take another step where the nodes have become too many, or few, for this one.

        Nodes that are there already follow when they change next, as upstream's do.
        """
        count = len(self._nodes)
        while count > STEPS[self._step].most:
            self._step += 1
        while count < STEPS[self._step].least:
            self._step -= 1
