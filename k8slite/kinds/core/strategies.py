"""How the kinds of group `core` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.claim_validation import validate_claim, validate_claim_status
from k8slite.kinds.core.controller_validation import (
    validate_replica_status,
    validate_replication_controller,
    validate_stored_template,
)
from k8slite.kinds.core.data_validation import validate_config_map, validate_secret
from k8slite.kinds.core.endpoints_validation import validate_endpoints
from k8slite.kinds.core.event_validation import validate_event
from k8slite.kinds.core.limit_validation import validate_limit_range
from k8slite.kinds.core.node_validation import (
    validate_namespace,
    validate_namespace_status,
    validate_node,
    validate_node_status,
)
from k8slite.kinds.core.object_defaults import (
    default_claim,
    default_endpoints,
    default_event,
    default_limit_range,
    default_namespace,
    default_node,
    default_quota,
    default_replication_controller,
    default_secret,
    default_stored_template,
    default_volume,
    prepare_claim,
    prepare_namespace,
    prepare_node,
    prepare_volume,
)
from k8slite.kinds.core.persistent_volume_validation import validate_volume
from k8slite.kinds.core.pod_defaults import default_pod, prepare_pod, prepare_pod_status
from k8slite.kinds.core.pod_status_validation import validate_pod_status
from k8slite.kinds.core.pod_validation import validate_pod, validate_pod_part
from k8slite.kinds.core.pod_warnings import warn_endpoints, warn_pod
from k8slite.kinds.core.quota_validation import validate_quota, validate_quota_status
from k8slite.kinds.core.service_defaults import default_service, prepare_service
from k8slite.kinds.core.service_update_validation import validate_service_status
from k8slite.kinds.core.service_validation import validate_service
from k8slite.kinds.core.service_warnings import warn_service
from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "bindings": Strategy(),
    "componentstatuses": Strategy(),
    "configmaps": Strategy(validate=validate_config_map),
    "endpoints": Strategy(
        default=default_endpoints,
        validate=validate_endpoints,
        warn=warn_endpoints,
        create_on_update=True,
    ),
    "events": Strategy(
        default=default_event, validate=validate_event, name_rule="path", create_on_update=True
    ),
    "limitranges": Strategy(
        default=default_limit_range, validate=validate_limit_range, create_on_update=True
    ),
    "namespaces": Strategy(
        default=default_namespace,
        prepare=prepare_namespace,
        validate=validate_namespace,
        validate_status=validate_namespace_status,
        name_rule="label",
        status=True,
    ),
    "nodes": Strategy(
        default=default_node,
        prepare=prepare_node,
        validate=validate_node,
        validate_status=validate_node_status,
        status=True,
    ),
    "persistentvolumeclaims": Strategy(
        default=default_claim,
        prepare=prepare_claim,
        validate=validate_claim,
        validate_status=validate_claim_status,
        status=True,
    ),
    "persistentvolumes": Strategy(
        default=default_volume, prepare=prepare_volume, validate=validate_volume, status=True
    ),
    "pods": Strategy(
        default=default_pod,
        prepare=prepare_pod,
        prepare_status=prepare_pod_status,
        validate=validate_pod,
        validate_status=validate_pod_status,
        validate_part=validate_pod_part,
        warn=warn_pod,
        status=True,
        generation=True,
    ),
    "podtemplates": Strategy(
        default=default_stored_template,
        validate=validate_stored_template,
        generation=True,
        generation_fields=("template",),
    ),
    "replicationcontrollers": Strategy(
        default=default_replication_controller,
        prepare=keep_status,
        validate=validate_replication_controller,
        validate_status=validate_replica_status,
        status=True,
        generation=True,
        orphan_by_default=True,
    ),
    "resourcequotas": Strategy(
        default=default_quota,
        prepare=keep_status,
        validate=validate_quota,
        validate_status=validate_quota_status,
        status=True,
    ),
    "secrets": Strategy(default=default_secret, validate=validate_secret),
    "serviceaccounts": Strategy(),
    "services": Strategy(
        default=default_service,
        prepare=prepare_service,
        validate=validate_service,
        validate_status=validate_service_status,
        warn=warn_service,
        name_rule="label",
        status=True,
        create_on_update=True,
    ),
}
