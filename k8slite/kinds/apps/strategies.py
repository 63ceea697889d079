"""How the kinds of group `apps` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.apps.workload_defaults import (
    default_daemon_set,
    default_deployment,
    default_replica_set,
    default_stateful_set,
    prepare_daemon_set,
)
from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "controllerrevisions": Strategy(),
    "daemonsets": Strategy(
        default=default_daemon_set, prepare=prepare_daemon_set, generation=True, status=True
    ),
    "deployments": Strategy(
        default=default_deployment, prepare=keep_status, generation=True, status=True
    ),
    "replicasets": Strategy(
        default=default_replica_set, prepare=keep_status, generation=True, status=True
    ),
    "statefulsets": Strategy(
        default=default_stateful_set, prepare=keep_status, generation=True, status=True
    ),
}
