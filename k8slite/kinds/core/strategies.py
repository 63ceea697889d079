"""How the kinds of group `core` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.core.status_defaults import keep_status
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "configmaps": Strategy(),
    "endpoints": Strategy(create_on_update=True),
    "events": Strategy(create_on_update=True, name_rule="path"),
    "limitranges": Strategy(create_on_update=True),
    "namespaces": Strategy(status=True, prepare=keep_status, name_rule="label"),
    "nodes": Strategy(status=True, prepare=keep_status),
    "persistentvolumeclaims": Strategy(status=True, prepare=keep_status),
    "persistentvolumes": Strategy(status=True, prepare=keep_status),
    "pods": Strategy(status=True, prepare=keep_status, generation=True),
    "podtemplates": Strategy(generation=True, generation_fields=("template",)),
    "replicationcontrollers": Strategy(
        status=True, prepare=keep_status, generation=True, orphan_by_default=True
    ),
    "resourcequotas": Strategy(status=True, prepare=keep_status),
    "secrets": Strategy(),
    "serviceaccounts": Strategy(),
    "services": Strategy(
        status=True, prepare=keep_status, name_rule="label", create_on_update=True
    ),
    "bindings": Strategy(),
    "componentstatuses": Strategy(),
}
