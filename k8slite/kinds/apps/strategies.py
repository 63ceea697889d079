"""How the kinds of group `apps` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.apps.stateful_validation import (
    validate_stateful_set,
    validate_stateful_set_status,
)
from k8slite.kinds.apps.workload_defaults import (
    default_daemon_set,
    default_deployment,
    default_replica_set,
    default_stateful_set,
    prepare_daemon_set,
)
from k8slite.kinds.apps.workload_validation import (
    validate_controller_revision,
    validate_daemon_set,
    validate_daemon_set_status,
    validate_deployment,
    validate_deployment_status,
    validate_replica_set,
)
from k8slite.kinds.core.controller_validation import validate_replica_status
from k8slite.kinds.core.status_defaults import keep_labels, keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "controllerrevisions": Strategy(validate=validate_controller_revision),
    "daemonsets": Strategy(
        default=default_daemon_set,
        prepare=prepare_daemon_set,
        validate=validate_daemon_set,
        validate_status=validate_daemon_set_status,
        generation=True,
        status=True,
    ),
    "deployments": Strategy(
        default=default_deployment,
        prepare=keep_status,
        validate=validate_deployment,
        prepare_status=keep_labels,
        validate_status=validate_deployment_status,
        generation=True,
        status=True,
    ),
    "replicasets": Strategy(
        default=default_replica_set,
        prepare=keep_status,
        validate=validate_replica_set,
        validate_status=validate_replica_status,
        generation=True,
        status=True,
    ),
    "statefulsets": Strategy(
        default=default_stateful_set,
        prepare=keep_status,
        validate=validate_stateful_set,
        validate_status=validate_stateful_set_status,
        name_rule="label",
        generation=True,
        status=True,
    ),
}
