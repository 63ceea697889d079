"""k8slite: the instant, embeddable, testable Kubernetes.

One request's walk. A client's bytes reach `wire`, which makes a Request of them and calls the API
server's Handler. `apiserver` finds out who asks and whether they may, decodes the body by the
published schemas, and hands a change to the registry, whose one write loop reads, changes, admits,
fills in, checks and puts. `store` gives the write its revision, makes it durable, publishes it.
Watchers wake: a component's mirror (`client`) takes the new state and queues a key; a controller,
the scheduler or the fleet of kubelets reconciles it and writes again, through the same Handler,
without a socket. `cluster` says who exists; `live` gives it files, sockets and the time of day,
`sim` imagines them.

To write a controller, begin with the docstring of `k8slite.Controller`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from k8slite.client.client import JSON_PATCH as JSON_PATCH
    from k8slite.client.client import MERGE_PATCH as MERGE_PATCH
    from k8slite.client.client import STRATEGIC_MERGE_PATCH as STRATEGIC_MERGE_PATCH
    from k8slite.client.client import Client as Client
    from k8slite.client.resource import CERTIFICATE_SIGNING_REQUESTS as CERTIFICATE_SIGNING_REQUESTS
    from k8slite.client.resource import CLUSTER_ROLE_BINDINGS as CLUSTER_ROLE_BINDINGS
    from k8slite.client.resource import CLUSTER_ROLES as CLUSTER_ROLES
    from k8slite.client.resource import CONFIG_MAPS as CONFIG_MAPS
    from k8slite.client.resource import CONTROLLER_REVISIONS as CONTROLLER_REVISIONS
    from k8slite.client.resource import CRON_JOBS as CRON_JOBS
    from k8slite.client.resource import CSI_DRIVERS as CSI_DRIVERS
    from k8slite.client.resource import CSI_NODES as CSI_NODES
    from k8slite.client.resource import CUSTOM_RESOURCE_DEFINITIONS as CUSTOM_RESOURCE_DEFINITIONS
    from k8slite.client.resource import DAEMON_SETS as DAEMON_SETS
    from k8slite.client.resource import DEPLOYMENTS as DEPLOYMENTS
    from k8slite.client.resource import ENDPOINT_SLICES as ENDPOINT_SLICES
    from k8slite.client.resource import ENDPOINTS as ENDPOINTS
    from k8slite.client.resource import EVENTS as EVENTS
    from k8slite.client.resource import HORIZONTAL_POD_AUTOSCALERS as HORIZONTAL_POD_AUTOSCALERS
    from k8slite.client.resource import INGRESS_CLASSES as INGRESS_CLASSES
    from k8slite.client.resource import INGRESSES as INGRESSES
    from k8slite.client.resource import JOBS as JOBS
    from k8slite.client.resource import LEASES as LEASES
    from k8slite.client.resource import LIMIT_RANGES as LIMIT_RANGES
    from k8slite.client.resource import (
        MUTATING_WEBHOOK_CONFIGURATIONS as MUTATING_WEBHOOK_CONFIGURATIONS,
    )
    from k8slite.client.resource import NAMESPACES as NAMESPACES
    from k8slite.client.resource import NETWORK_POLICIES as NETWORK_POLICIES
    from k8slite.client.resource import NODES as NODES
    from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS as PERSISTENT_VOLUME_CLAIMS
    from k8slite.client.resource import PERSISTENT_VOLUMES as PERSISTENT_VOLUMES
    from k8slite.client.resource import POD_DISRUPTION_BUDGETS as POD_DISRUPTION_BUDGETS
    from k8slite.client.resource import POD_TEMPLATES as POD_TEMPLATES
    from k8slite.client.resource import PODS as PODS
    from k8slite.client.resource import PRIORITY_CLASSES as PRIORITY_CLASSES
    from k8slite.client.resource import REPLICA_SETS as REPLICA_SETS
    from k8slite.client.resource import REPLICATION_CONTROLLERS as REPLICATION_CONTROLLERS
    from k8slite.client.resource import RESOURCE_QUOTAS as RESOURCE_QUOTAS
    from k8slite.client.resource import ROLE_BINDINGS as ROLE_BINDINGS
    from k8slite.client.resource import ROLES as ROLES
    from k8slite.client.resource import RUNTIME_CLASSES as RUNTIME_CLASSES
    from k8slite.client.resource import SECRETS as SECRETS
    from k8slite.client.resource import SERVICE_ACCOUNTS as SERVICE_ACCOUNTS
    from k8slite.client.resource import SERVICES as SERVICES
    from k8slite.client.resource import STATEFUL_SETS as STATEFUL_SETS
    from k8slite.client.resource import STORAGE_CLASSES as STORAGE_CLASSES
    from k8slite.client.resource import (
        VALIDATING_ADMISSION_POLICIES as VALIDATING_ADMISSION_POLICIES,
    )
    from k8slite.client.resource import (
        VALIDATING_WEBHOOK_CONFIGURATIONS as VALIDATING_WEBHOOK_CONFIGURATIONS,
    )
    from k8slite.client.resource import VOLUME_ATTACHMENTS as VOLUME_ATTACHMENTS
    from k8slite.client.resource import Resource as Resource
    from k8slite.controllers.cache import Cache as Cache
    from k8slite.controllers.controller import Context as Context
    from k8slite.controllers.custom import Controller as Controller
    from k8slite.controllers.custom import NotCached as NotCached
    from k8slite.objects.errors import AlreadyExists as AlreadyExists
    from k8slite.objects.errors import ApiError as ApiError
    from k8slite.objects.errors import Conflict as Conflict
    from k8slite.objects.errors import Expired as Expired
    from k8slite.objects.errors import Forbidden as Forbidden
    from k8slite.objects.errors import Invalid as Invalid
    from k8slite.objects.errors import NotFound as NotFound
    from k8slite.objects.meta import Name as Name
    from k8slite.objects.meta import find_condition as find_condition
    from k8slite.objects.meta import parse_timestamp as parse_timestamp
    from k8slite.objects.meta import timestamp as timestamp


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: a command needs but few of them."""
    home = _HOMES.get(name)
    if home is None and name.isupper():
        home = _RESOURCES
    if home is None or not hasattr(import_module(home), name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(home), name)
    return found


_RESOURCES: Final = "k8slite.client.resource"
_HOMES: Final = {
    name: home
    for home, names in {
        "k8slite.client.client": "Client JSON_PATCH MERGE_PATCH STRATEGIC_MERGE_PATCH",
        _RESOURCES: "Resource",
        "k8slite.controllers.cache": "Cache",
        "k8slite.controllers.controller": "Context",
        "k8slite.controllers.custom": "Controller NotCached",
        "k8slite.objects.errors": (
            "AlreadyExists ApiError Conflict Expired Forbidden Invalid NotFound"
        ),
        "k8slite.objects.meta": "Name find_condition parse_timestamp timestamp",
    }.items()
    for name in names.split()
}
