"""The pace of the recorded controllers: what of theirs had not arrived yet at which request.

In the recording requests came within milliseconds, and the controllers could not keep up. Here
controllers do at once all that they can do; so that they are found where the recorded ones were,
some of their requests are refused as those were, or come late.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import trio
from attrs import define, field, frozen

from k8slite.faults.past import refusal
from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.annotations import Behaviour, behaviour_of
from k8slite.messages import Handler, Request, Response
from k8slite.world import World

Asked = Callable[[Request], bool]


@frozen
class Pace:
    """From the request of a step to the answer of another, controllers' requests meet something."""

    first: int
    last: int
    asked: Asked  # which requests
    conflict: bool = False  # they are refused; else they wait


@define(eq=False)
class Paced:
    """Surroundings in which controllers are as fast as told."""

    world: World
    paces: Sequence[Pace]
    _passed: int = -1  # requests and answers of the dialogue
    _moved: trio.Event = field(factory=trio.Event)

    def world_of(self, process: str) -> World:
        """The one world."""
        return self.world

    def behaviour(self, pod: Pod, container: Container) -> Behaviour:
        """As annotated."""
        return behaviour_of(pod, container)

    def go_on(self) -> None:
        """A request of the dialogue is about to be made, or was answered."""
        self._passed += 1
        self._moved.set()
        self._moved = trio.Event()

    def way(self, process: str, handler: Handler) -> Handler:
        """A way on which requests wait, or are refused for what they had read."""

        async def carry(request: Request) -> Response:
            while (pace := self._pace_of(request)) is not None:
                if pace.conflict:
                    return refusal(409)
                await self._moved.wait()
            return await handler(request)

        return carry

    def _pace_of(self, request: Request) -> Pace | None:
        for pace in self.paces:
            if 2 * pace.first <= self._passed <= 2 * pace.last and pace.asked(request):
                return pace
        return None


def _of_an_older_deployment(request: Request) -> bool:
    """What the deployment's controller writes of d, but for what it counted at first."""
    if request.method != "PATCH" or "/deployments/d" not in request.path:
        return False
    status = json.loads(request.body).get("status") or {}
    return any(status.get(key) != value for key, value in _AT_FIRST.items())


def _of_the_collector(request: Request) -> bool:
    user = request.peer.user
    return user is not None and user.name.endswith("garbage-collector")


_AT_FIRST = {"observedGeneration": 2, "replicas": 1, "unavailableReplicas": 1}

# By the dialogue.
PACES: dict[str, Sequence[Pace]] = {
    "t-dep": (
        # The deployment was changed faster than its controller could tell what it had done: what it
        # wrote was of a version that was no more.
        Pace(2, 6, _of_an_older_deployment, conflict=True),
        Pace(12, 14, _of_the_collector),
    ),
}
