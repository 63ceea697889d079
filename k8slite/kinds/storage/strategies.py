"""How the kinds of group `storage` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy
from k8slite.kinds.storage.attachment_validation import (
    validate_attachment,
    validate_attachment_status,
    validate_attributes_class,
    validate_capacity,
)
from k8slite.kinds.storage.class_defaults import (
    default_attachment,
    default_driver,
    default_node,
    default_storage_class,
)
from k8slite.kinds.storage.class_validation import validate_storage_class
from k8slite.kinds.storage.driver_validation import validate_csi_node, validate_driver

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "csidrivers": Strategy(
        default=default_driver, validate=validate_driver, unconditional_update=False
    ),
    "csinodes": Strategy(
        default=default_node, validate=validate_csi_node, unconditional_update=False
    ),
    "csistoragecapacities": Strategy(validate=validate_capacity, unconditional_update=False),
    "storageclasses": Strategy(default=default_storage_class, validate=validate_storage_class),
    "volumeattachments": Strategy(
        default=default_attachment,
        prepare=keep_status,
        validate=validate_attachment,
        validate_status=validate_attachment_status,
        status=True,
        unconditional_update=False,
    ),
    "volumeattributesclasses": Strategy(validate=validate_attributes_class),
}
