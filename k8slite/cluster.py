"""Who exists in a cluster, and who may call whom.

    store <- API server <- (Links) <- controllers, scheduler, fleet of nodes

What lives and dies together is a process: its actors share mirrors, and nothing else knows their
memory. Live, all of them run under one supervisor; a simulation may end one of them at any moment
and make it anew. The only way from a component to the API server is a Link that carries its
identity. What is outside (files, sockets, time) is handed in by `live` or `sim`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import trio
from attrs import define, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec

from k8slite.actors import Actor, Link, Supervisor
from k8slite.apiserver.admission.matching import Matcher
from k8slite.apiserver.admission.plugins import Parts, every_plugin
from k8slite.apiserver.aggregation.aggregation import Aggregation
from k8slite.apiserver.allocation import Allocations
from k8slite.apiserver.auditing.auditor import AuditLog, Auditor
from k8slite.apiserver.authentication.issuer_documents import IssuerDocuments
from k8slite.apiserver.authentication.legacy_tokens import LegacyTokens
from k8slite.apiserver.authentication.sorts import authentication
from k8slite.apiserver.authentication.web_tokens import WebTokens
from k8slite.apiserver.authorization.authorizer import Authorizer
from k8slite.apiserver.authorization.node import NodeAuthorizer
from k8slite.apiserver.authorization.node_graph import NodeGraph
from k8slite.apiserver.authorization.rbac import Rbac
from k8slite.apiserver.bootstrap import Bootstrap, default_rules
from k8slite.apiserver.calling.endpoint import Way, reach_of
from k8slite.apiserver.calling.services import Services
from k8slite.apiserver.calling.webhook import Caller
from k8slite.apiserver.custom import CustomResources
from k8slite.apiserver.decoding import Decoder
from k8slite.apiserver.deletion import Deletion
from k8slite.apiserver.discovery import Discovery
from k8slite.apiserver.event_expiry import EventExpiry
from k8slite.apiserver.field_management import FieldManagement
from k8slite.apiserver.gauges import (
    queue_counters,
    queue_gauges,
    server_counters,
    server_gauges,
)
from k8slite.apiserver.health import Health
from k8slite.apiserver.heartbeats import IN_PROCESS
from k8slite.apiserver.metrics import Sample
from k8slite.apiserver.openapi import OpenApi
from k8slite.apiserver.registry import Registry
from k8slite.apiserver.resource_metrics import ResourceMetrics
from k8slite.apiserver.reviews import Reviews
from k8slite.apiserver.server import ApiServer
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.subresources.proxy import Proxying
from k8slite.apiserver.subresources.table import Subresources
from k8slite.apiserver.verbs import Verbs
from k8slite.apiserver.versions import Versions
from k8slite.client.client import Client
from k8slite.client.elected import Elected
from k8slite.client.mirrors import Mirrors
from k8slite.client.workqueue import WorkQueue
from k8slite.controllers import CONTROLLERS, Context, Controller, chosen_controllers
from k8slite.controllers.api_service_availability import ApiServiceAvailabilityController
from k8slite.controllers.authentication_trust import AuthenticationTrustController, Trust
from k8slite.controllers.certificate_signing import CertificateSigningController, Sign
from k8slite.controllers.custom_resource_definition import CustomResourceDefinitionController
from k8slite.controllers.root_ca import RootCaPublisher
from k8slite.controllers.service_ip_repair import ServiceIpRepair
from k8slite.controllers.tokens import MakeToken, TokensController
from k8slite.kinds import metrics
from k8slite.kinds.table import Kinds
from k8slite.kubelet.kubelet import NodeFleet
from k8slite.kubelet.pod import Container, Pod
from k8slite.kubelet.runtimes.annotations import Behaviour, behaviour_of
from k8slite.kubelet.runtimes.fake import FakeRuntime
from k8slite.kubelet.timers import Timers
from k8slite.messages import Handler, Peer, Request, Response, User
from k8slite.objects.schema import Schemas
from k8slite.scheduler.configuration import Configuration
from k8slite.scheduler.scheduler import Scheduler
from k8slite.store.compactor import Compactor
from k8slite.store.store import Store
from k8slite.world import World

Json = dict[str, Any]

DEFAULT_MINOR: Final = 37
_MASTERS: Final = ("system:masters",)

# The processes of a cluster, as upstream calls them.
API_SERVER: Final = "kube-apiserver"
CONTROLLER_MANAGER: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"
KUBELET: Final = "kubelet"


@frozen
class Settings:
    """What can be chosen about a cluster."""

    minor: int = DEFAULT_MINOR  # of the Kubernetes version that it speaks
    nodes: int = 3
    address: str = "127.0.0.1"
    port: int = 6443
    ca_bundle: str = ""  # PEM, for kube-root-ca.crt
    webhooks: Way | None = None  # how webhooks and other API servers are reached
    front_proxy: Trust | None = None  # what extension API servers are to know of this one
    sign: Sign | None = None  # what makes certificates of approved requests
    static_tokens: Mapping[str, User] = field(factory=dict)
    token_key: ec.EllipticCurvePrivateKey | None = None
    # Which controllers run, see `controllers.selection`; raises ValueError for an unknown one.
    controllers: tuple[str, ...] = field(default=("*",), converter=chosen_controllers)
    scheduler: bool = True
    scheduler_configuration: Configuration = Configuration()
    leader_elect: bool = False  # whether controllers and scheduler work only with a lease
    metrics: bool = True  # metrics.k8s.io is served, where there are nodes to measure
    audit: AuditLog | None = None

    def runs(self, controller: str) -> bool:
        """Whether a controller is switched on."""
        on = controller in self.controllers or "*" in self.controllers
        return on and f"-{controller}" not in self.controllers


@frozen
class Process:
    """What lives and dies together. `actors` makes them, knowing nothing; in order of start."""

    name: str
    actors: Callable[[], list[Actor]]


class Surroundings(Protocol):
    """What the processes of a cluster have around them."""

    def world_of(self, process: str) -> World:
        """The World as a process sees it."""
        ...

    def way(self, process: str, handler: Handler) -> Handler:
        """A process' way to the API server."""
        ...

    def behaviour(self, pod: Pod, container: Container) -> Behaviour:
        """What a pretended container does."""
        ...


@frozen
class Undisturbed:
    """One world for everybody, and a way that nothing happens on."""

    of_all: World

    def world_of(self, process: str) -> World:
        return self.of_all

    def way(self, process: str, handler: Handler) -> Handler:
        return handler

    def behaviour(self, pod: Pod, container: Container) -> Behaviour:
        return behaviour_of(pod, container)


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
    ready: bool = field(init=False, default=False)
    stopping: bool = field(init=False, default=False)  # said to who asks whether we are ready
    queues: dict[str, WorkQueue] = field(init=False, factory=dict)  # by controllers' names

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
        user = User(f"system:{name}", groups or _MASTERS)
        way = self.surroundings.way(process or name, self._handle)
        return Client(Link(way, Peer(IN_PROCESS, user)), process or name)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Live until cancelled; started when every component has synced."""
        await self.bootstrap()
        async with trio.open_nursery() as nursery:
            for process in self.processes():
                for actor in process.actors():
                    await nursery.start(self.supervisor.keep, actor)
            self.ready = True
            task_status.started()

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
        return Process(name, lambda: [Elected(client, world, name, actors, self.supervisor)])

    def replace(self, store: Store) -> None:
        """Have a new API server, over another store, in the place of the one that there is."""
        self.store = store
        self.api = self._api_server()

    async def _handle(self, request: Request) -> Response:
        # Looked up at each call: a server that was restarted is another one.
        return await self.api.handle(request)

    async def _check_server(self, service: Json) -> str:
        return await self.api.aggregation.check(service)

    async def _ask_kubelet(self, request: Request) -> Response:
        if self.fleet is None:
            raise ConnectionRefusedError("there is no kubelet")
        return await self.fleet.handle(request)

    def _api_server_actors(self) -> list[Actor]:
        world = self.surroundings.world_of(API_SERVER)
        mirrors = Mirrors(self.client(API_SERVER), world, "apiserver-mirrors")
        context = Context(lambda _: self.client("apiserver", process=API_SERVER), world, mirrors)
        controllers: list[Actor] = [
            CustomResourceDefinitionController(context),
            ApiServiceAvailabilityController(context, self._check_server),
        ]
        if ServiceIpRepair.since <= self.settings.minor:
            controllers.append(ServiceIpRepair(context))
        if self.settings.front_proxy is not None:
            controllers.append(AuthenticationTrustController(context, self.settings.front_proxy))
        return [Compactor(self.store), EventExpiry(self.store), mirrors, *controllers]

    def _controllers(self) -> list[Actor]:
        world = self.surroundings.world_of(CONTROLLER_MANAGER)
        mirrors = Mirrors(self.client(CONTROLLER_MANAGER), world, "controller-mirrors")
        context = Context(self._controller_client, world, mirrors)
        wanted = [
            one
            for name, one in CONTROLLERS.items()
            if self.settings.runs(name) and one.since <= self.settings.minor
        ]
        controllers = [self._controller(one, context) for one in wanted]
        self.queues.update((one.name, one.queue) for one in controllers)
        return [mirrors, *controllers]

    def _controller(self, controller: type[Controller], context: Context) -> Controller:
        if issubclass(controller, RootCaPublisher):
            return controller(context, self.settings.ca_bundle)
        if issubclass(controller, CertificateSigningController):
            return controller(context, self.settings.sign)
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
        return [Scheduler(self.client(SCHEDULER), world, settings.scheduler_configuration, reach)]

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
        )
        return [self.fleet]

    def _api_server(self) -> ApiServer:
        settings = self.settings
        kinds, schemas = Kinds.of(settings.minor), Schemas.load(settings.minor)
        measured = settings.metrics and settings.nodes > 0
        if measured:
            kinds = kinds.joined(metrics.KINDS)
        storage = Storage(self.store, kinds)
        management = FieldManagement(schemas, storage, self.world)
        nodes = NodeAuthorizer(NodeGraph(storage), default_rules("system:node"))
        authorizer = Authorizer(Rbac(storage), nodes)
        decoder = Decoder(schemas)
        services = Services(storage)
        caller = Caller(services, settings.webhooks)
        versions = Versions(caller, self.world)
        matcher = Matcher(storage, versions)
        parts = Parts(storage, authorizer, decoder, management, matcher, caller, self.world)
        registry = Registry(
            storage,
            self.world,
            every_plugin(parts),
            Allocations(storage, self.world),
            management,
            versions,
        )
        verbs = Verbs(registry, Deletion(registry), decoder)
        address = f"{settings.address}:{settings.port}"
        discovery = Discovery(kinds, settings.minor, address)
        openapi = OpenApi(kinds.all(), schemas)
        tokens, authenticator = authentication(
            storage, self.world, settings.token_key, settings.static_tokens
        )
        kubelet = self._ask_kubelet if settings.nodes else None
        server = ApiServer(
            storage,
            authenticator,
            authorizer,
            verbs,
            Subresources(
                verbs, kubelet, tokens, Proxying(verbs, services, settings.webhooks, kubelet)
            ),
            Reviews(verbs, authenticator, authorizer),
            discovery,
            openapi,
            Health(
                {"ping": lambda: None, "log": lambda: None, "etcd": self._store_check},
                {
                    "informer-sync": self._ready_check,
                    "shutdown": self._shutdown_check,
                    "poststarthook/rbac/bootstrap-roles": self._ready_check,
                },
            ),
            IssuerDocuments(tokens, address) if tokens else None,
            CustomResources(storage, schemas, decoder, management, discovery, openapi),
            Aggregation(storage, services, settings.webhooks, settings.minor, discovery, openapi),
            settings.minor,
        )
        if measured:
            server.resource_metrics = ResourceMetrics(storage, self.world, self._ask_kubelet)
        if settings.audit is not None:
            server.auditor = Auditor(settings.audit, self.world)
        server.metrics.gauges += [
            ("k8slite_component_restarts", "How often a component was restarted.", self._restarts),
            ("k8slite_component_running", "Whether a component runs.", self._running),
            *server_gauges(server),
            *queue_gauges(self.queues),
        ]
        server.metrics.counters += [*server_counters(server), *queue_counters(self.queues)]
        return server

    def _ready_check(self) -> str | None:
        return None if self.ready else "components are starting"

    def _shutdown_check(self) -> str | None:
        return "process is shutting down" if self.stopping else None

    def _store_check(self) -> str | None:
        return self.store.failure or None

    def _restarts(self) -> list[Sample]:
        conditions = self.supervisor.conditions
        return [((("component", name),), float(c.restarts)) for name, c in conditions.items()]

    def _running(self) -> list[Sample]:
        conditions = self.supervisor.conditions
        return [((("component", name),), float(c.running)) for name, c in conditions.items()]
