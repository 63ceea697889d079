"""A whole cluster in an imagined world: what a run of the simulator holds.

Every commit passes here on its way: it is counted, hashed, shown to the checks and, where a record
is kept, written down. The scenario begins with `begin`: from there on counts run and faults strike.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import trio
from attrs import evolve

from k8slite.client.client import Client
from k8slite.client.resource import Resource
from k8slite.cluster import API_SERVER, KUBELET, SCHEDULER, Cluster, Process, Settings
from k8slite.cluster.staging import staged
from k8slite.controllers import CONTROLLERS, Context, Controller
from k8slite.controllers.identity.serviceaccount import ServiceAccountController
from k8slite.faults.plan import FailContainer
from k8slite.faults.position import Position
from k8slite.faults.way import Way
from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.annotations import Behaviour, behaviour_of
from k8slite.kubelet.runtimes.script import Alive, Exit, Ready, Script, Wait
from k8slite.messages import Handler, Request, Response, Stream
from k8slite.objects.errors import AlreadyExists
from k8slite.sim.calamities import Calamities
from k8slite.sim.checks import CHECKS, Check, Setting, State
from k8slite.sim.checks.reading import prefix_of
from k8slite.sim.mirroring import unlike
from k8slite.sim.network import Sending, Server
from k8slite.sim.observer import Observer
from k8slite.sim.outcome import Order, Outcome, Record, Violation
from k8slite.sim.processes import Life, OwnClock
from k8slite.sim.run import reorder
from k8slite.sim.store import WRITER, Disk, SimulatedStore, Writer
from k8slite.sim.witness import witnessed
from k8slite.sim.world import SimulatedWorld
from k8slite.world import World

Json = dict[str, Any]

_DEFAULT_ACCOUNT: Final = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "default", "namespace": "default"},
}

USER: Final = "user"  # who does what a scenario says

# A cluster that has written nothing but heartbeats for so long has come to rest.
QUIET_SECONDS: Final = 20.0
# A cluster that does not come to rest within this time after the last fault never will: the
# longest pause between attempts is 1,000 s (see `client.workqueue`).
RESTLESS_SECONDS: Final = 4000.0


class Simulation:
    """A running simulated cluster. Runs inside `running`."""

    def __init__(
        self,
        world: SimulatedWorld,
        settings: Settings,
        controllers: Sequence[type[Controller]] = (),
        checks: Sequence[type[Check]] = CHECKS,
        record: Record | None = None,
    ) -> None:
        self.world = world
        self.state = State()
        self.server = Server()
        setting = Setting(self.state, _running(settings), runs=self._runs)
        self.observer = Observer(setting, checks, self.server, record)
        self.storm = self.observer.storm
        self._starts: dict[tuple[str, str], None] = {}
        self._lives: dict[str, Life] = {}
        self._controllers = controllers
        self._user_requests = 0
        self._user_idle = trio.Event()
        self._server_back = trio.Event()
        self._disk = Disk()
        self._store = SimulatedStore(self._disk, self.observer.committed)
        self.cluster = Cluster(self._store, world, settings, surroundings=self)
        self.client: Client = self.cluster.client(USER)
        self._nursery: trio.Nursery | None = None
        self._store_scope = trio.CancelScope()

    # What the processes have around them (`cluster.Surroundings`)

    def life(self, process: str) -> Life:
        """A process, known or new."""
        life = self._lives.get(process)
        if life is None:
            life = self._lives[process] = Life(process, OwnClock(self.world))
        return life

    def world_of(self, process: str) -> World:
        """The world as a process sees it."""
        return self.life(process).world

    def way(self, process: str, handler: Handler) -> Handler:
        """A process' way to the API server."""
        if process == USER:
            return self._user_way(handler)
        life, observer = self.life(process), self.observer
        recorded = observer.record is not None
        return Way(
            Sending(handler, process),
            life,
            life.number,
            self.storm,
            self.server,
            self._witness,
            observer.delivered(process) if recorded else None,
            observer.answered(process) if recorded else None,
        )

    def _runs(self, pod_uid: str) -> bool:
        fleet = self.cluster.fleet
        return fleet is not None and bool(fleet.runtime.inspect(pod_uid))

    def _witness(self, stream: Stream, request: Request, resource: str) -> Stream:
        observer = self.observer

        def complain(complaint: str) -> None:
            observer.complain_of("watches", complaint)

        return witnessed(stream, request, resource, observer.history, complain)

    def behaviour(self, pod: Pod, container: Container) -> Behaviour:
        """What a container's script is, with the plan's faults in it."""
        usual, world = behaviour_of(pod, container), self.life(KUBELET).world
        found = staged(usual, pod, container, self.cluster.api.storage, world)
        key = (pod.metadata.uid, container.name)
        if self.observer.began_seconds is None or key in self._starts:
            return found
        self._starts[key] = None
        fault = self.storm.of_start(len(self._starts))
        if fault is None:
            return found
        name = pod.metadata.full_name
        self.storm.strike(fault, f"container {container.name} of {name}: {fault.how}")
        return evolve(found, script=evolve(found.script, **_failing(fault, found.script)))

    # What a scenario does and asks

    @property
    def seconds(self) -> float:
        """Virtual time since the scenario's begin (before it: since the cluster's)."""
        return self.observer.seconds

    @property
    def began_seconds(self) -> float:
        """When the scenario began, by trio's clock."""
        return self.observer.began_seconds or 0.0

    def objects(self, resource: Resource, namespace: str = "") -> list[Json]:
        """The objects that there are, nobody's to change."""
        return [
            obj
            for _, obj in self.state.all(prefix_of(resource.plural, resource.group))
            if not namespace or obj["metadata"].get("namespace") == namespace
        ]

    async def apply(self, obj: Json, namespace: str = "default") -> Json:
        """Create an object, or replace the one that there is; as a user."""
        group, _, version = obj["apiVersion"].rpartition("/")
        kind = self.cluster.api.storage.kinds.by_kind(group, version, obj["kind"])
        if kind is None:
            raise ValueError(f"the cluster knows no {obj['kind']} in {obj['apiVersion']}")
        resource = Resource(group, version, kind.plural, kind.kind, kind.namespaced)
        where = obj["metadata"].get("namespace", namespace) if kind.namespaced else ""
        try:
            return await self.client.create(resource, obj, where)
        except AlreadyExists:
            known = await self.client.get(resource, obj["metadata"]["name"], where)
            metadata = {**known["metadata"], **obj["metadata"]}
            return await self.client.update(resource, {**obj, "metadata": metadata})

    async def until(self, holds: Callable[[], bool], seconds: float = 300.0) -> bool:
        """Wait until something holds; False if it does not within so many virtual seconds."""
        with trio.move_on_after(seconds):
            while not holds():
                await self.observer.changed.park()
        return holds()

    async def rest(self, seconds: float = RESTLESS_SECONDS) -> bool:
        """Wait until nothing but heartbeats is written and no fault lasts; False: in vain."""
        deadline = trio.current_time() + seconds
        while True:
            now = trio.current_time()
            quiet_at = self.observer.last_commit_seconds + QUIET_SECONDS
            if self.storm.lasting:
                quiet_at = max(quiet_at, now + 1.0)
            if now >= quiet_at:
                return True
            if quiet_at > deadline:
                return False
            await trio.sleep_until(quiet_at)

    def owed(self) -> list[Violation]:
        """What is not as it must be at rest."""
        mirrors = [
            Violation("mirrors", complaint, "", self.seconds, self.observer.commits)
            for complaint in unlike(self.state, self._lives.values())
        ]
        return [*self.observer.owed(), *mirrors]

    # The life of a run

    def begin(self, order: Order) -> None:
        """From here on faults strike, counts run, and another seed decides."""
        reorder(order.seed)
        self.world.reseed(order.seed)
        self.observer.begin()
        for life in self._lives.values():
            life.writes = life.all_events = 0
            life.events.clear()
            life.written_at.clear()
        self._starts.clear()
        self.storm.arm(order.plan)

    def position(self) -> Position:
        """How far it has come since its begin."""
        lives = self._lives
        return Position(
            self.observer.commits,
            len(self._starts),
            {name: life.writes for name, life in lives.items()},
            {name: dict(life.events) for name, life in lives.items()},
            {name: life.all_events for name, life in lives.items()},
        )

    async def heal(self) -> None:
        """End all faults."""
        self.observer.healed()
        self.storm.heal()
        for life in self._lives.values():
            life.wake()
            life.revive()
            life.world.ahead_seconds = 0.0
        await trio.lowlevel.checkpoint()

    def outcome(self, error: str = "") -> Outcome:
        """What there is to say of the run so far."""
        return self.observer.outcome(self._lives.values(), len(self._starts), error)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be the cluster until cancelled; started when every process has synced."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await nursery.start(self._run_store)
            await self.cluster.bootstrap()
            for process in [*self.cluster.processes(), *self._own_processes()]:
                await nursery.start(self.life(process.name).run, process)
            await nursery.start(self.storm.run, Calamities(self))
            task_status.started()

    def _own_processes(self) -> Iterator[Process]:
        for controller in self._controllers:
            name = controller.name

            def actors(controller: type[Controller] = controller, name: str = name) -> list[Any]:
                context = Context(
                    lambda of: self.cluster.client(of, process=name),
                    self.world_of(name),
                    None,  # type: ignore[arg-type]
                )
                return [controller(context)]

            yield Process(name, actors)

    async def _run_store(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with trio.CancelScope() as self._store_scope:
            task_status.started()
            await self._store.write()

    async def user_idle(self) -> None:
        """Wait until no request of the user's is under way."""
        while self._user_requests:
            await self._user_idle.wait()

    def stop_server(self, down_seconds: float) -> None:
        """API server and store die; what was not synced is gone."""
        self.server.up = False
        self.server.life += 1
        self._server_back = trio.Event()
        self._disk.crash()
        self._store_scope.cancel()
        self._store.die()
        self.life(API_SERVER).crash(down_seconds)

    async def start_server(self) -> None:
        """They are started again, on what is on the disk."""
        self._store = SimulatedStore(self._disk, self.observer.committed)
        await self._store.load()
        self.cluster.replace(self._store)
        assert self._nursery is not None
        await self._nursery.start(self._run_store)
        self.server.up = True
        self._server_back.set()
        self.life(API_SERVER).revive()

    def _user_way(self, handler: Handler) -> Handler:
        async def carry(request: Request) -> Response:
            while not self.server.up:
                await self._server_back.wait()
            if not self._user_requests:
                self._user_idle = trio.Event()
            self._user_requests += 1
            token = WRITER.set(Writer(USER, f"{request.method} {request.path}"))
            try:
                return await handler(request)
            finally:
                WRITER.reset(token)
                self._user_requests -= 1
                if not self._user_requests:
                    self._user_idle.set()

        return carry


def _failing(fault: FailContainer, script: Script) -> Json:
    """What a fault changes of a container's script."""
    if fault.how == "oom":
        return {"steps": (Wait(1.0), Exit(137, "OOMKilled")), "exits": 1}
    if fault.how == "slow":
        return {"start_seconds": 60.0}
    if fault.how == "probe":
        return {"steps": (Ready(False), Alive(True), Wait(60.0), Ready(True), *script.steps)}
    return {"steps": (Wait(1.0), Exit(1)), "exits": 1}


@asynccontextmanager
async def running(simulation: Simulation) -> AsyncIterator[Simulation]:
    """The cluster runs for as long as the block lasts; inside `sim.run.run`."""
    async with trio.open_nursery() as nursery:
        await nursery.start(simulation.run)
        if not simulation.cluster.settings.runs(ServiceAccountController.name):
            await simulation.apply(_DEFAULT_ACCOUNT)  # without it no pod can be created
        yield simulation
        nursery.cancel_scope.cancel()


def _running(settings: Settings) -> frozenset[str]:
    running = {name for name in CONTROLLERS if settings.runs(name)}
    running |= {SCHEDULER} if settings.scheduler else set()
    running |= {KUBELET} if settings.nodes else set()
    return frozenset(running)
