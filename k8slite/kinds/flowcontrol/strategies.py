"""How the kinds of group `flowcontrol` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.flowcontrol.flow_defaults import default_flow_schema, default_priority_level
from k8slite.kinds.flowcontrol.level_validation import validate_priority_level
from k8slite.kinds.flowcontrol.schema_validation import validate_conditions, validate_flow_schema
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "flowschemas": Strategy(
        default=default_flow_schema,
        prepare=keep_status,
        validate=validate_flow_schema,
        validate_status=validate_conditions,
        generation=True,
        status=True,
    ),
    "prioritylevelconfigurations": Strategy(
        default=default_priority_level,
        prepare=keep_status,
        validate=validate_priority_level,
        validate_status=validate_conditions,
        generation=True,
        status=True,
    ),
}
