"""Faults that commits bring: what is done to processes, nodes, the store and a user's objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

from k8slite.client.resource import Resource
from k8slite.faults.deletion import anew
from k8slite.faults.lasting import cut_off, last_on
from k8slite.faults.plan import (
    CrashStore,
    DeleteObject,
    Fault,
    PartitionNode,
    Pause,
    SkewClock,
    StaleReads,
)

if TYPE_CHECKING:
    from k8slite.sim.simulation import Simulation


@define(eq=False)
class Calamities:
    """Carries them out; a `storm.Target`."""

    _simulation: Simulation

    async def carry_out(self, fault: Fault) -> None:
        """Do what a fault says, and undo it when it is over."""
        storm = self._simulation.storm
        if isinstance(fault, Pause | StaleReads):
            await last_on(self._simulation.life(fault.process), fault, storm)
        elif isinstance(fault, SkewClock):
            life = self._simulation.life(fault.process)
            storm.strike(fault, f"the clock of {life.name} is off by {fault.seconds:g} s")
            life.world.ahead_seconds = fault.seconds
        elif isinstance(fault, PartitionNode):
            await cut_off(lambda: self._simulation.cluster.fleet, fault, storm)
        elif isinstance(fault, CrashStore):
            await self._crash_store(fault)
        elif isinstance(fault, DeleteObject):
            await self._delete(fault)

    async def _crash_store(self, fault: CrashStore) -> None:
        simulation = self._simulation
        await simulation.user_idle()
        if not simulation.server.up:
            return  # what is down cannot crash
        simulation.storm.strike(fault, "API server and store crash")
        simulation.stop_server(fault.down_seconds)
        await simulation.storm.last(fault.down_seconds)
        await simulation.start_server()

    async def _delete(self, fault: DeleteObject) -> None:
        group = fault.resource.partition(".")[2]
        plural = fault.resource.partition(".")[0]
        kind = self._simulation.cluster.api.storage.preferred(group, plural)
        resource = Resource(group, kind.version, plural, kind.kind, kind.namespaced)
        prefix = kind.key(fault.namespace, fault.object_name)
        known = self._simulation.state.get(prefix)
        if known is None:
            return
        self._simulation.storm.strike(fault, f"a user deletes {prefix}")
        await self._simulation.client.delete(resource, fault.object_name, fault.namespace)
        if not fault.recreate:
            return
        await self._simulation.until(lambda: self._simulation.state.get(prefix) is None)
        await self._simulation.client.create(resource, anew(known), fault.namespace)
