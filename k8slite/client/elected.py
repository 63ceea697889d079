"""Components of which one instance works at a time: those of the leader (upstream:
`--leader-elect` of kube-scheduler and kube-controller-manager).

They are made anew each time that the lease is won, knowing nothing, and end when it is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import trio

from k8slite.actors import Actor, Supervisor
from k8slite.client.client import Client
from k8slite.client.lease import Leadership
from k8slite.objects.measures import Family, Reading
from k8slite.objects.meta import Name
from k8slite.world import World

NAMESPACE: Final = "kube-system"  # where upstream's components have their leases


class Elected:
    """The actors of a process, alive while this instance leads; an Actor itself."""

    def __init__(
        self,
        client: Client,
        world: World,
        process: str,
        actors: Callable[[], Sequence[Actor]],
        supervisor: Supervisor,
    ) -> None:
        """`process` names the lease; `actors` are in order of start."""
        self._process = process
        self._actors = actors
        self._supervisor = supervisor
        identity = f"{process}_{world.uid()}"
        lease = Name(NAMESPACE, process)
        self._leadership = Leadership(client, world, lease, identity, self._lead)
        self.name = self._leadership.name

    @property
    def leads(self) -> bool:
        """Whether this instance works now."""
        return self._leadership.leads

    def measures(self) -> Iterable[Family]:
        """Whether it leads (upstream: `prometheus/clientgo/leaderelection`)."""
        yield Reading(
            "leader_election_master_status",
            "[ALPHA] Gauge of if the reporting system is master of the relevant lease, 0 indicates "
            "backup, 1 indicates master. 'name' is the string used to identify the lease.",
            lambda: [((self._process,), float(self.leads))],
            ("name",),
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Wait for the lease, work while it is held, and so on; started at once."""
        await self._leadership.run(task_status=task_status)

    async def _lead(self) -> None:
        async with trio.open_nursery() as nursery:
            for actor in self._actors():
                await nursery.start(self._supervisor.keep, actor)
