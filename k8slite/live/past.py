"""A cluster that was: its API can be read, nobody lives in it, and its clock stands."""

from __future__ import annotations

import random
from datetime import datetime

from attrs import frozen

from k8slite.messages import Handler, Request, Response
from k8slite.objects.codec import dumps
from k8slite.objects.errors import MethodNotAllowed
from k8slite.store.store import Store
from k8slite.world import World


def read_only(handler: Handler, store: Store) -> Handler:
    """A Handler that refuses every change."""

    async def answer(request: Request) -> Response:
        if request.method in ("GET", "HEAD"):
            return await handler(request)
        message = f"this is the past, as of revision {store.revision}: it can only be read"
        return Response(405, dumps(MethodNotAllowed(message).status()))

    return answer


@frozen
class StillWorld:
    """A World in which it is always the same moment, so that ages are what they were then."""

    moment: datetime
    of_all_else: World

    @property
    def chance(self) -> random.Random:
        return self.of_all_else.chance

    def now(self) -> datetime:
        return self.moment

    def uid(self) -> str:
        return self.of_all_else.uid()
