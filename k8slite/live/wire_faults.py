"""Faults on the sockets of a live cluster: `k8slite up --faults PLAN`, or sent to it later.

    GET /k8slite/faults      what has struck, what every client has done since the plan was armed
    PUT /k8slite/faults      a plan, in YAML or JSON, in the place of the one before; counts begin
    DELETE /k8slite/faults   all is healed

Clients are called as `client_faults` says. The cluster's own components use no sockets and are
not struck; what needs an imagined disk or clock is refused. Without a plan a request passes by at
the price of one comparison.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import trio
from attrs import define, field

from k8slite.client.resource import Resource
from k8slite.cluster import API_SERVER, CONTROLLER_MANAGER, KUBELET, SCHEDULER, Cluster
from k8slite.faults.deletion import anew
from k8slite.faults.files import read_plan
from k8slite.faults.lasting import cut_off, last_on
from k8slite.faults.noise import silent_commit
from k8slite.faults.plan import (
    CrashStore,
    DeleteObject,
    FailContainer,
    Fault,
    PartitionNode,
    Pause,
    Plan,
    SkewClock,
    StaleReads,
)
from k8slite.faults.storm import Storm
from k8slite.faults.way import Way
from k8slite.live.client_faults import RemoteClient
from k8slite.messages import Handler, Request, Response
from k8slite.objects.codec import dumps
from k8slite.objects.errors import ApiError, BadRequest, MethodNotAllowed
from k8slite.objects.meta import timestamp
from k8slite.store.store import Watch

Json = dict[str, Any]

PATH: Final = "/k8slite/faults"
_OWN: Final = (API_SERVER, CONTROLLER_MANAGER, SCHEDULER, KUBELET)
# Clients that are told of, beside those that the plan names: a plan is written by their counts.
CLIENTS_MOST: Final = 100

log = logging.getLogger("k8slite.faults")


def playable(plan: Plan) -> Plan:
    """The plan, if it can strike a live cluster. Raises ValueError."""
    for fault in plan.faults:
        if isinstance(fault, SkewClock | CrashStore | FailContainer):
            raise ValueError(f"{fault.name} strikes in a simulation only (k8slite fuzz --replay)")
        process = getattr(fault, "process", "")
        if process in _OWN:
            raise ValueError(
                f"{process} is a part of k8slite and uses no socket: "
                f"{fault.name} can strike it in a simulation only"
            )
    return plan


@define(eq=False)
class _Armed:
    """A plan at work, and the clients since it began; also the Server of their ways."""

    plan: Plan
    storm: Storm
    clients: dict[str, RemoteClient] = field(factory=dict)
    struck: list[Json] = field(factory=list)
    commits: int = 0
    scope: trio.CancelScope = field(factory=trio.CancelScope)

    def connect(self) -> None:
        """There is always a server."""

    def connection(self) -> Callable[[], None]:
        """And always the same."""
        return self.connect

    def client(self, name: str) -> RemoteClient:
        """A client, known or new."""
        if name not in self.clients:
            self.clients[name] = RemoteClient(name)
        return self.clients[name]


class WireFaults:
    """Stands between the sockets and the API; `handle` is what the sockets call."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._armed: _Armed | None = None
        self._nursery: trio.Nursery | None = None
        cluster.api.own_paths[PATH] = self.answer

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carry out what is armed, until cancelled; started when plans can be armed."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    def arm(self, plan: Plan) -> None:
        """Heal what there is, and begin with a plan. Raises ValueError if it cannot strike here."""
        playable(plan)
        self.heal()
        armed = _Armed(plan, Storm(self._struck))
        for fault in plan.faults:
            if process := getattr(fault, "process", ""):
                armed.client(process)
        armed.storm.arm(plan)
        self._armed = armed
        assert self._nursery is not None, "it is run"
        # From this very moment commits are counted.
        store = self._cluster.store
        self._nursery.start_soon(self._strike, armed, store.watch("", after=store.revision))

    def heal(self) -> None:
        """End all faults, and forget the plan."""
        armed, self._armed = self._armed, None
        if armed is None:
            return
        armed.storm.heal()
        for client in armed.clients.values():
            client.heal()
        armed.scope.cancel()

    def report(self) -> Json:
        """The plan, what of it has struck, and what each client has done since."""
        armed = self._armed
        if armed is None:
            return {"plan": [], "struck": [], "clients": []}
        clients = [
            {"name": one.name, "writes": one.writes, "events": one.events}
            for one in armed.clients.values()
        ]
        found = {"plan": armed.plan.dump(), "struck": armed.struck, "clients": clients}
        return {**found, "commits": armed.commits}

    async def handle(self, request: Request) -> Response:
        """Answer a request, or what the plan makes of it."""
        armed = self._armed
        if armed is None or request.path == PATH:
            return await self._cluster.handler(request)
        handler = self._cluster.handler
        for client in self._clients(armed, request):
            handler = _struck(handler, client, armed)
        return await handler(request)

    async def answer(self, request: Request) -> Response:
        """GET, PUT and DELETE of PATH. Raises ApiError."""
        if request.method in ("PUT", "POST"):
            try:
                self.arm(read_plan(request.body))
            except ValueError as error:
                raise BadRequest(f"the plan of faults: {error}") from None
        elif request.method == "DELETE":
            self.heal()
        elif request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("faults are read, put and deleted", details={})
        return Response(200, dumps(self.report()))

    def _clients(self, armed: _Armed, request: Request) -> list[RemoteClient]:
        """Whoever of the plan sends a request; else the client as it calls itself."""
        agent = request.headers.get("user-agent", "")
        product = agent.partition("/")[0]
        names = dict.fromkeys([product, agent, self._user(request)])
        found = [armed.clients[name] for name in names if name in armed.clients]
        if not found and product and len(armed.clients) < CLIENTS_MOST:
            found = [armed.client(product)]
        return found

    def _user(self, request: Request) -> str:
        try:
            return self._cluster.api.authenticator.user(request).name
        except ApiError:
            return ""  # nobody: the API says so itself

    def _struck(self, fault: Fault, what: str) -> None:
        log.warning("%s: %s", fault.name, what)
        if self._armed is not None:
            moment = timestamp(self._cluster.world.now())
            self._armed.struck.append({"fault": fault.name, "what": what, "time": moment})

    async def _strike(self, armed: _Armed, commits: Watch) -> None:
        """Count commits and carry out the faults that they bring, until healed."""
        with armed.scope, closing(commits):
            async with trio.open_nursery() as nursery:
                await nursery.start(armed.storm.run, _Target(self._cluster, armed))
                while True:
                    for event in await commits.receive():
                        if not silent_commit(event):
                            armed.commits += 1
                            armed.storm.committed(armed.commits, event.revision)


def _struck(handler: Handler, client: RemoteClient, armed: _Armed) -> Handler:
    async def send(request: Request, repeated: bool) -> Response:
        return await handler(request)

    way = Way(send, client, client.number, armed.storm, armed)

    async def through(request: Request) -> Response:
        return await client.through(way, request)

    return through


@define(eq=False)
class _Target:
    """Carries out the faults of commits; a `storm.Target`."""

    _cluster: Cluster
    _armed: _Armed

    async def carry_out(self, fault: Fault) -> None:
        """Do what a fault says, and undo it when it is over."""
        if isinstance(fault, Pause | StaleReads):
            await last_on(self._armed.client(fault.process), fault, self._armed.storm)
        elif isinstance(fault, PartitionNode):
            await cut_off(lambda: self._cluster.fleet, fault, self._armed.storm)
        elif isinstance(fault, DeleteObject):
            await self._delete(fault)

    async def _delete(self, fault: DeleteObject) -> None:
        """As a user would: an object that is not there is no reason to stop."""
        plural, _, group = fault.resource.partition(".")
        what = "/".join(filter(None, (fault.resource, fault.namespace, fault.object_name)))
        storage, client = self._cluster.api.storage, self._cluster.client("user")
        try:
            kind = storage.preferred(group, plural)
            resource = Resource(group, kind.version, plural, kind.kind, kind.namespaced)
            known = await client.get(resource, fault.object_name, fault.namespace)
            store = self._cluster.store
            watch = store.watch(kind.key(fault.namespace, fault.object_name), after=store.revision)
            with closing(watch):
                self._armed.storm.strike(fault, f"a user deletes {what}")
                await client.delete(resource, fault.object_name, fault.namespace)
                if fault.recreate:
                    while all(event.now is not None for event in await watch.receive()):
                        continue
                    await client.create(resource, anew(known), fault.namespace)
        except (KeyError, ApiError) as error:
            log.warning("%s: %s cannot be deleted: %s", fault.name, what, error)
