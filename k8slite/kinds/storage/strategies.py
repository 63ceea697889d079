"""How the kinds of group `storage` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy
from k8slite.kinds.storage.class_defaults import (
    default_attachment,
    default_driver,
    default_node,
    default_storage_class,
)
from k8slite.kinds.storage.class_validation import validate_storage_class

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "csidrivers": Strategy(default=default_driver, unconditional_update=False),
    "csinodes": Strategy(default=default_node, unconditional_update=False),
    "csistoragecapacities": Strategy(unconditional_update=False),
    "storageclasses": Strategy(default=default_storage_class, validate=validate_storage_class),
    "volumeattachments": Strategy(
        default=default_attachment, prepare=keep_status, status=True, unconditional_update=False
    ),
    "volumeattributesclasses": Strategy(),
}
