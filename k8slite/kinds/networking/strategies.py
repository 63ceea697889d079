"""How the kinds of group `networking` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy
from k8slite.kinds.networking.address_validation import validate_address, validate_service_cidr
from k8slite.kinds.networking.ingress_validation import validate_ingress, validate_ingress_status
from k8slite.kinds.networking.network_defaults import (
    default_ingress,
    default_ingress_class,
    default_network_policy,
    default_service_cidr,
)
from k8slite.kinds.networking.network_validation import (
    validate_ingress_class,
    validate_network_policy,
)

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "ingressclasses": Strategy(
        default=default_ingress_class, validate=validate_ingress_class, generation=True
    ),
    "ingresses": Strategy(
        default=default_ingress,
        prepare=keep_status,
        validate=validate_ingress,
        validate_status=validate_ingress_status,
        generation=True,
        status=True,
    ),
    "ipaddresses": Strategy(name_rule="path", validate=validate_address, create_on_update=True),
    "networkpolicies": Strategy(
        default=default_network_policy, validate=validate_network_policy, generation=True
    ),
    "servicecidrs": Strategy(
        default=default_service_cidr,
        prepare=keep_status,
        validate=validate_service_cidr,
        status=True,
    ),
}
