"""An API server put together: storage below, admission and verbs over it, everything else beside.

In: a store, the world, the settings, and what is asked of the cluster around it. Out: an ApiServer
that nobody else has parts of, so that a crashed one is replaced by simply making another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from k8slite.apiserver.admission.matching import Matcher
from k8slite.apiserver.admission.plugins import Parts, every_plugin
from k8slite.apiserver.aggregation.aggregation import Aggregation
from k8slite.apiserver.allocation import Allocations
from k8slite.apiserver.auditing.auditor import Auditor
from k8slite.apiserver.authentication.issuer_documents import IssuerDocuments
from k8slite.apiserver.authentication.sorts import authentication
from k8slite.apiserver.authorization.authorizer import Authorizer
from k8slite.apiserver.authorization.node import NodeAuthorizer
from k8slite.apiserver.authorization.node_graph import NodeGraph
from k8slite.apiserver.authorization.rbac import Rbac
from k8slite.apiserver.bootstrap import default_rules
from k8slite.apiserver.calling.services import Services
from k8slite.apiserver.calling.webhook import Caller
from k8slite.apiserver.custom import CustomResources
from k8slite.apiserver.decoding import Decoder
from k8slite.apiserver.deletion import Deletion
from k8slite.apiserver.discovery import Discovery
from k8slite.apiserver.field_management import FieldManagement
from k8slite.apiserver.gauges import server_families
from k8slite.apiserver.health import Check, Health
from k8slite.apiserver.metrics import Metrics
from k8slite.apiserver.openapi import OpenApi
from k8slite.apiserver.registry import Registry
from k8slite.apiserver.resource_metrics import ResourceMetrics
from k8slite.apiserver.reviews import Reviews
from k8slite.apiserver.server import ApiServer
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.subresources.proxy import Proxying, ToPod
from k8slite.apiserver.subresources.table import Subresources
from k8slite.apiserver.verbs import Verbs
from k8slite.apiserver.versions import Versions
from k8slite.cluster.settings import Settings
from k8slite.kinds.metrics import KINDS as MEASURED_KINDS
from k8slite.kinds.table import Kinds
from k8slite.messages import Handler
from k8slite.objects.meta import Name
from k8slite.objects.schema import Schemas
from k8slite.store.store import Store
from k8slite.world import World


@frozen
class Neighbours:
    """What an API server asks of the cluster around it."""

    kubelet: Handler  # raises ConnectionRefusedError where there is none
    starting: Check  # why the components are not all there yet
    stopping: Check  # why nobody should come any more
    pods: ToPod  # to what listens at the address of an imagined pod
    listening: Callable[[Name], str]  # where a pod's program really listens; "": as it says
    token_used: Callable[[dict[str, Any]], None]  # told of each Secret whose token was shown


def api_server(store: Store, world: World, settings: Settings, neighbours: Neighbours) -> ApiServer:
    """An API server over a store; it keeps what it has learnt to itself."""
    kinds, schemas = Kinds.of(settings.minor), Schemas.load(settings.minor)
    measured = settings.metrics and settings.nodes > 0
    if measured:
        kinds = kinds.joined(MEASURED_KINDS)
    storage = Storage(store, kinds)
    management = FieldManagement(schemas, storage, world)
    nodes = NodeAuthorizer(NodeGraph(storage), default_rules("system:node"))
    authorizer = Authorizer(Rbac(storage), nodes)
    decoder = Decoder(schemas)
    services = Services(storage, neighbours.listening)
    caller = Caller(services, settings.webhooks)
    versions = Versions(caller, world)
    matcher = Matcher(storage, versions)
    metrics = Metrics(lambda info: storage.kinds.find(info.group, info.version, info.resource))
    plugins = every_plugin(
        Parts(storage, authorizer, decoder, management, matcher, caller, world, metrics)
    )
    allocations = Allocations(storage, world)
    registry = Registry(storage, world, plugins, allocations, management, versions, metrics)
    verbs = Verbs(registry, Deletion(registry), decoder)
    address = f"{settings.address}:{settings.port}"
    discovery = Discovery(kinds, settings.minor, address)
    openapi = OpenApi(kinds.all(), schemas)
    tokens, authenticator = authentication(
        storage,
        world,
        settings.token_key,
        settings.static_tokens,
        neighbours.token_used,
        settings.believed,
        settings.remote_tokens,
    )
    kubelet = neighbours.kubelet if settings.nodes else None
    proxying = Proxying(verbs, services, settings.webhooks, kubelet, neighbours.pods)
    server = ApiServer(
        storage,
        authenticator,
        authorizer,
        verbs,
        Subresources(verbs, kubelet, tokens, proxying),
        Reviews(verbs, authenticator, authorizer),
        discovery,
        openapi,
        _health(store, neighbours),
        IssuerDocuments(tokens, address) if tokens else None,
        CustomResources(storage, schemas, decoder, management, discovery, openapi),
        Aggregation(storage, services, settings.webhooks, settings.minor, discovery, openapi),
        settings.minor,
        metrics=metrics,
    )
    if measured:
        server.resource_metrics = ResourceMetrics(storage, world, neighbours.kubelet)
    if settings.audit is not None:
        server.auditor = Auditor(settings.audit, world)
    server.cross_origin = settings.cross_origin
    metrics.others.append(lambda: server_families(server))
    return server


def _health(store: Store, neighbours: Neighbours) -> Health:
    alive: dict[str, Check] = {
        "ping": lambda: None,
        "log": lambda: None,
        "etcd": lambda: store.failure or None,
    }
    ready = {
        "informer-sync": neighbours.starting,
        "shutdown": neighbours.stopping,
        "poststarthook/rbac/bootstrap-roles": neighbours.starting,
    }
    return Health(alive, ready)
