"""Who exists in a cluster, and who may call whom.

    store <- API server <- (Links) <- controllers, scheduler, fleet of nodes

Everything is an actor under one supervisor; the only way from a component to the API server is a
Link that carries its identity. What is outside (files, sockets, time) is handed in by `live` or
`sim`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import trio
from attrs import define, field, frozen
from cryptography.hazmat.primitives.asymmetric import ec

from k8slite.actors import Actor, Link, Supervisor
from k8slite.apiserver.admission.chain import Chain
from k8slite.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from k8slite.apiserver.admission.priority import Priority
from k8slite.apiserver.admission.service_account import ServiceAccount
from k8slite.apiserver.admission.taint_nodes import TaintNodesByCondition
from k8slite.apiserver.admission.toleration import DefaultTolerationSeconds
from k8slite.apiserver.allocation import Allocations
from k8slite.apiserver.authentication.authenticator import Authenticator
from k8slite.apiserver.authentication.service_account_tokens import TokenIssuer
from k8slite.apiserver.bootstrap import Bootstrap
from k8slite.apiserver.decoding import Decoder
from k8slite.apiserver.deletion import Deletion
from k8slite.apiserver.discovery import Discovery
from k8slite.apiserver.event_expiry import EventExpiry
from k8slite.apiserver.health import Health
from k8slite.apiserver.metrics import Sample
from k8slite.apiserver.openapi import OpenApi
from k8slite.apiserver.registry import Registry
from k8slite.apiserver.reviews import Reviews
from k8slite.apiserver.server import ApiServer
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.subresources.table import Subresources
from k8slite.apiserver.verbs import Verbs
from k8slite.client.client import Client
from k8slite.client.informer import Mirrors
from k8slite.controllers import CONTROLLERS, Context, Controller
from k8slite.controllers.root_ca import RootCaPublisher
from k8slite.kinds.table import Kinds
from k8slite.kubelet.kubelet import NodeFleet
from k8slite.messages import Handler, Peer, Request, Response, User
from k8slite.objects.schema import Schemas
from k8slite.scheduler.scheduler import Scheduler
from k8slite.store.compactor import Compactor
from k8slite.store.store import Store
from k8slite.world import World

DEFAULT_MINOR: Final = 37
_MASTERS: Final = ("system:masters",)


@frozen
class Settings:
    """What can be chosen about a cluster."""

    minor: int = DEFAULT_MINOR  # of the Kubernetes version that it speaks
    nodes: int = 3
    address: str = "127.0.0.1"
    port: int = 6443
    ca_bundle: str = ""  # PEM, for kube-root-ca.crt
    static_tokens: Mapping[str, User] = field(factory=dict)
    token_key: ec.EllipticCurvePrivateKey | None = None
    controllers: bool = True
    scheduler: bool = True


@define(eq=False)
class Cluster:
    """A whole cluster over a store; `run` is its life, `handler` its API."""

    store: Store
    world: World
    settings: Settings
    supervisor: Supervisor = field(factory=Supervisor)
    api: ApiServer = field(init=False)
    fleet: NodeFleet | None = field(init=False, default=None)
    ready: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        if self.settings.nodes:
            self.fleet = NodeFleet(
                self.client("kubelet", "system:nodes"),
                self.world,
                self.settings.nodes,
                kubernetes_version=f"v1.{self.settings.minor}.0",
            )
        self.api = self._api_server()

    @property
    def handler(self) -> Handler:
        """The API, for a transport that knows its peers."""
        return self.api.handle

    def client(self, name: str, *groups: str) -> Client:
        """A client for a component in this process, under an identity of its own."""
        user = User(f"system:{name}", groups or _MASTERS)

        async def handle(request: Request) -> Response:
            # Looked up at each call: the fleet gets its client before there is an API server.
            return await self.api.handle(request)

        return Client(Link(handle, Peer("in-process", user)), name)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Live until cancelled; started when every component has synced."""
        storage = self.api.storage
        await Bootstrap(storage, self.world, self.settings.address, self.settings.port).run()
        async with trio.open_nursery() as nursery:
            for actor in self._actors():
                await nursery.start(self.supervisor.keep, actor)
            self.ready = True
            task_status.started()

    def _actors(self) -> list[Actor]:
        actors: list[Actor] = [Compactor(self.store), EventExpiry(self.store)]
        if self.settings.controllers:
            mirrors = Mirrors(
                self.client("kube-controller-manager"), self.world, "controller-mirrors"
            )
            context = Context(self._controller_client, self.world, mirrors)
            controllers = [self._controller(one, context) for one in CONTROLLERS.values()]
            actors += [mirrors, *controllers]
        if self.settings.scheduler:
            actors.append(Scheduler(self.client("kube-scheduler"), self.world))
        if self.fleet is not None:
            actors.append(self.fleet)
        return actors

    def _controller(self, controller: type[Controller], context: Context) -> Controller:
        if issubclass(controller, RootCaPublisher):
            return controller(context, self.settings.ca_bundle)
        return controller(context)

    def _controller_client(self, name: str) -> Client:
        return self.client(f"controller:{name}")

    def _api_server(self) -> ApiServer:
        settings = self.settings
        kinds, schemas = Kinds.of(settings.minor), Schemas.load(settings.minor)
        storage = Storage(self.store, kinds)
        chain = Chain(
            (
                NamespaceLifecycle(storage),
                TaintNodesByCondition(),
                Priority(storage),
                DefaultTolerationSeconds(),
                ServiceAccount(storage, self.world),
            )
        )
        registry = Registry(storage, self.world, chain, Allocations(storage, self.world))
        verbs = Verbs(registry, Deletion(registry), Decoder(schemas))
        tokens = (
            TokenIssuer(settings.token_key, storage, self.world) if settings.token_key else None
        )
        authenticator = Authenticator(settings.static_tokens, (tokens,) if tokens else ())
        server = ApiServer(
            storage,
            authenticator,
            verbs,
            Subresources(verbs, self.fleet.handle if self.fleet else None, tokens),
            Reviews(verbs, authenticator),
            Discovery(kinds, settings.minor, f"{settings.address}:{settings.port}"),
            OpenApi(kinds.all(), schemas),
            Health(
                {"ping": _fine, "log": _fine, "etcd": self._store_check},
                {
                    "informer-sync": self._ready_check,
                    "poststarthook/rbac/bootstrap-roles": self._ready_check,
                },
            ),
            settings.minor,
        )
        server.metrics.gauges += [
            ("k8slite_component_restarts", "How often a component was restarted.", self._restarts),
            ("k8slite_component_running", "Whether a component runs.", self._running),
            ("apiserver_storage_objects", "Number of stored objects by resource.", self._objects),
        ]
        return server

    def _ready_check(self) -> str | None:
        return None if self.ready else "components are starting"

    def _store_check(self) -> str | None:
        return self.store.failure or None

    def _restarts(self) -> list[Sample]:
        conditions = self.supervisor.conditions
        return [((("component", name),), float(c.restarts)) for name, c in conditions.items()]

    def _running(self) -> list[Sample]:
        conditions = self.supervisor.conditions
        return [((("component", name),), float(c.running)) for name, c in conditions.items()]

    def _objects(self) -> list[Sample]:
        kinds = self.api.storage.kinds.all()
        counted = {kind.group_resource: kind.prefix for kind in kinds if "list" in kind.verbs}
        return [
            ((("resource", name),), float(self.store.count(prefix)))
            for name, prefix in sorted(counted.items())
        ]


def _fine() -> str | None:
    return None
