"""A whole cluster: an API server, and the processes that work through it.

What lives and dies together is a process: its actors share mirrors, and nothing else knows their
memory. Live, all of them run under one supervisor; a simulation may end one of them at any moment
and make it anew. The only way from a component to the API server is a Link that carries its
identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import trio
from attrs import define, field, frozen

from k8slite.actors import Actor, Link, Supervisor
from k8slite.apiserver.authentication.authenticator import AUTHENTICATED
from k8slite.apiserver.authentication.legacy_tokens import LegacyTokens
from k8slite.apiserver.authentication.web_tokens import WebTokens
from k8slite.apiserver.bootstrap import Bootstrap
from k8slite.apiserver.calling.endpoint import reach_of
from k8slite.apiserver.event_expiry import EventExpiry
from k8slite.apiserver.server import ApiServer
from k8slite.client.client import Client
from k8slite.client.elected import Elected
from k8slite.client.mirrors import Mirrors
from k8slite.client.workqueue import WorkQueue
from k8slite.cluster.measures import queued, supervised
from k8slite.cluster.server import Neighbours, api_server
from k8slite.cluster.settings import Settings
from k8slite.cluster.surroundings import (
    API_SERVER,
    CONTROLLER_MANAGER,
    KUBELET,
    SCHEDULER,
    Surroundings,
    Undisturbed,
)
from k8slite.controllers import CONTROLLERS, Context, Controller
from k8slite.controllers.identity.authentication_trust import AuthenticationTrustController
from k8slite.controllers.identity.certificate_signing import CertificateSigningController
from k8slite.controllers.identity.legacy_token_cleaner import LegacyTokenCleaner
from k8slite.controllers.identity.legacy_token_tracking import LegacyTokenTracking
from k8slite.controllers.identity.root_ca import RootCaPublisher
from k8slite.controllers.identity.tokens import MakeToken, TokensController
from k8slite.controllers.machinery.api_service_availability import ApiServiceAvailabilityController
from k8slite.controllers.machinery.custom_resource_definition import (
    CustomResourceDefinitionController,
)
from k8slite.controllers.machinery.flow_schema_status import FlowSchemaStatusController
from k8slite.controllers.networking.service_ip_repair import ServiceIpRepair
from k8slite.kubelet.addresses import LastAddresses
from k8slite.kubelet.kubelet import NodeFleet
from k8slite.kubelet.runtimes.fake import FakeRuntime
from k8slite.kubelet.timers import Timers
from k8slite.messages import IN_PROCESS, Handler, Peer, Request, Response, User
from k8slite.objects.measures import Counter, Family
from k8slite.objects.meta import Name
from k8slite.scheduler.scheduler import Scheduler
from k8slite.store.compactor import Compactor
from k8slite.store.store import Store
from k8slite.world import World

Json = dict[str, Any]

_MASTERS: Final = ("system:masters",)


@frozen
class Process:
    """What lives and dies together. `actors` makes them, knowing nothing; in order of start."""

    name: str
    actors: Callable[[], list[Actor]]


@define(eq=False)
class Cluster:
    """A whole cluster over a store; `run` is its life, `handler` its API."""

    store: Store
    world: World
    settings: Settings
    supervisor: Supervisor = field(factory=Supervisor)
    surroundings: Surroundings = field()
    api: ApiServer = field(init=False)
    fleet: NodeFleet | None = field(init=False, default=None)
    # On the nodes' disks: it outlives their kubelets.
    _last_addresses: LastAddresses = field(init=False, factory=LastAddresses)
    usable: trio.Event = field(init=False, factory=trio.Event)  # the nodes are there
    ready: bool = field(init=False, default=False)
    stopping: bool = field(init=False, default=False)  # said to who asks whether we are ready
    queues: dict[str, WorkQueue] = field(init=False, factory=dict)  # by controllers' names
    # Notes which tokens in Secrets are used; the API server's newest life has it.
    _tracking: LegacyTokenTracking | None = field(init=False, default=None)
    # What components of this process have asked for.
    _asked: Counter = field(
        init=False,
        factory=partial(
            Counter,
            "rest_client_requests_total",
            "[ALPHA] Number of HTTP requests, partitioned by status code, method, and host.",
            ("code", "host", "method"),
        ),
    )
    # What components measure themselves, by their names.
    measures: dict[str, Callable[[], Iterable[Family]]] = field(init=False, factory=dict)

    @surroundings.default
    def _undisturbed(self) -> Surroundings:
        return Undisturbed(self.world)

    def __attrs_post_init__(self) -> None:
        self.api = self._api_server()

    @property
    def handler(self) -> Handler:
        """The API, for a transport that knows its peers."""
        return self.api.handle

    def client(self, name: str, *groups: str, process: str = "") -> Client:
        """A client for a component of a process here, under an identity of its own."""
        # As authentication would make it of another one, at each request.
        user = User(f"system:{name}", (*(groups or _MASTERS), AUTHENTICATED))
        way = self.surroundings.way(process or name, self._handle)
        return Client(Link(way, Peer(IN_PROCESS, user)), process or name, wired=False)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Live until cancelled; started when every component has synced.

        The nodes come first: with them a cluster is `usable`, by whoever need not wait for all.
        """
        await self.bootstrap()
        processes = self.processes()
        nodes = [one for one in processes if one.name == KUBELET]
        async with trio.open_nursery() as nursery:
            for process in nodes:
                await self._start(process, nursery)
            self.usable.set()
            for process in processes:
                if process not in nodes:
                    await self._start(process, nursery)
            self.ready = True
            task_status.started()

    async def _start(self, process: Process, nursery: trio.Nursery) -> None:
        for actor in process.actors():
            await nursery.start(self.supervisor.keep, actor)

    async def bootstrap(self) -> None:
        """Write what a fresh cluster holds, where it is not there yet."""
        storage = self.api.storage
        await Bootstrap(storage, self.world, self.settings.address, self.settings.port).run()

    def processes(self) -> list[Process]:
        """Everything that runs, in order of start."""
        found = [Process(API_SERVER, self._api_server_actors)]
        if any(self.settings.runs(name) for name in CONTROLLERS):
            found.append(self._process(CONTROLLER_MANAGER, self._controllers))
        if self.settings.scheduler:
            found.append(self._process(SCHEDULER, self._schedulers))
        if self.settings.nodes:
            found.append(Process(KUBELET, self._kubelets))
        return found

    def _process(self, name: str, actors: Callable[[], list[Actor]]) -> Process:
        """One that works only while it leads, if that is asked for."""
        if not self.settings.leader_elect:
            return Process(name, actors)
        client, world = self.client(name), self.surroundings.world_of(name)

        def elected() -> list[Actor]:
            one = Elected(client, world, name, actors, self.supervisor)
            self.measures[f"{name} election"] = one.measures
            return [one]

        return Process(name, elected)

    def replace(self, store: Store) -> None:
        """Have a new API server, over another store, in the place of the one that there is."""
        self.store = store
        self.api = self._api_server()

    async def _handle(self, request: Request) -> Response:
        # Looked up at each call: a server that was restarted is another one.
        response = await self.api.handle(request)
        self._asked.add(str(response.status), self._host, request.method)
        return response

    @property
    def _host(self) -> str:
        return f"{self.settings.address}:{self.settings.port}"

    async def _check_server(self, service: Json) -> str:
        return await self.api.aggregation.check(service)

    def _token_used(self, secret: Json) -> None:
        if self._tracking is not None:
            self._tracking.use(secret)

    async def _ask_kubelet(self, request: Request) -> Response:
        if self.fleet is None:
            raise ConnectionRefusedError("there is no kubelet")
        return await self.fleet.server.handle(request)

    async def _ask_pod(self, address: str, port: int, tls: bool, request: Request) -> Response:
        if self.fleet is None:
            raise ConnectionRefusedError(f"dial tcp {address}:{port}: connect: connection refused")
        return await self.fleet.runtime.request(address, port, request, tls=tls)

    def _api_server_actors(self) -> list[Actor]:
        world = self.surroundings.world_of(API_SERVER)
        mirrors = Mirrors(self.client(API_SERVER), world, "apiserver-mirrors")
        context = Context(lambda _: self.client("apiserver", process=API_SERVER), world, mirrors)
        availability = ApiServiceAvailabilityController(context, self._check_server)
        self.measures[availability.name] = availability.measures
        controllers: list[Actor] = [CustomResourceDefinitionController(context), availability]
        controllers.append(FlowSchemaStatusController(context))
        if self.settings.token_key is not None:  # who signs none is shown none
            self._tracking = LegacyTokenTracking(context)
            controllers.append(self._tracking)
        if ServiceIpRepair.since <= self.settings.minor:
            controllers.append(ServiceIpRepair(context))
        if self.settings.front_proxy is not None:
            controllers.append(AuthenticationTrustController(context, self.settings.front_proxy))
        return [Compactor(self.store), EventExpiry(self.store), mirrors, *controllers]

    def _controllers(self) -> list[Actor]:
        world = self.surroundings.world_of(CONTROLLER_MANAGER)
        mirrors = Mirrors(self.client(CONTROLLER_MANAGER), world, "controller-mirrors")
        context = Context(self._controller_client, world, mirrors, self.settings.minor)
        wanted = [
            one
            for name, one in CONTROLLERS.items()
            if self.settings.runs(name) and one.since <= self.settings.minor
        ]
        controllers = [self._controller(one, context) for one in wanted]
        self.queues.update((one.name, one.queue) for one in controllers)
        self.measures.update((one.name, one.measures) for one in controllers)
        return [mirrors, *controllers]

    def _controller(self, controller: type[Controller], context: Context) -> Controller:
        if issubclass(controller, RootCaPublisher):
            return controller(context, self.settings.ca_bundle)
        if issubclass(controller, CertificateSigningController):
            return controller(context, self.settings.sign)
        if issubclass(controller, LegacyTokenCleaner):
            return controller(context, self.settings.legacy_tokens_unused)
        if issubclass(controller, TokensController):
            return controller(context, self._make_token, self.settings.ca_bundle)
        return controller(context)

    @property
    def _make_token(self) -> MakeToken | None:
        """How the tokens are made that Secrets hold; None without a key."""
        key = self.settings.token_key
        return LegacyTokens(WebTokens(key), self.api.storage).issue if key else None

    def _controller_client(self, name: str) -> Client:
        return self.client(f"controller:{name}", process=CONTROLLER_MANAGER)

    def _schedulers(self) -> list[Actor]:
        settings, world = self.settings, self.surroundings.world_of(SCHEDULER)
        reach = reach_of(settings.webhooks)
        client, configuration = self.client(SCHEDULER), settings.scheduler_configuration
        scheduler = Scheduler(client, world, configuration, reach, minor=settings.minor)
        self.measures[SCHEDULER] = scheduler.measured.families
        return [scheduler]

    def _kubelets(self) -> list[Actor]:
        world = self.surroundings.world_of(KUBELET)
        timers = Timers(world)
        self.fleet = NodeFleet(
            self.client(KUBELET, "system:nodes", *_MASTERS),
            world,
            self.settings.nodes,
            kubernetes_version=f"v1.{self.settings.minor}.0",
            timers=timers,
            runtime=FakeRuntime(timers, scripting=self.surroundings.behaviour),
            last_addresses=self._last_addresses,
        )
        return [self.fleet]

    def _api_server(self) -> ApiServer:
        neighbours = Neighbours(
            self._ask_kubelet,
            self._starting,
            self._shutting_down,
            self._ask_pod,
            self._listening,
            self._token_used,
        )
        server = api_server(self.store, self.world, self.settings, neighbours)
        server.metrics.others += [
            lambda: supervised(self.supervisor),
            lambda: queued(self.queues),
            lambda: (self._asked,),
            lambda: [one for families in self.measures.values() for one in families()],
        ]
        return server

    def _listening(self, pod: Name) -> str:
        return self.fleet.server.address_of(pod) if self.fleet is not None else ""

    def _starting(self) -> str | None:
        return None if self.ready else "components are starting"

    def _shutting_down(self) -> str | None:
        return "process is shutting down" if self.stopping else None
