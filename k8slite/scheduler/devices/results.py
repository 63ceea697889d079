"""What was found for a claim, as its status.allocation says it (upstream: `Allocate`, its end)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from k8slite.kinds.core.affinity_models import NodeSelector
from k8slite.kinds.models import Requirement
from k8slite.kinds.resource.models import DeviceToleration, ResourceClaim
from k8slite.scheduler.devices.allocation import Taken

Json = dict[str, Any]


def allocation(claim: ResourceClaim, taken: Sequence[Taken], chance: random.Random) -> Json:
    """The devices, their configuration, and the nodes that a pod with them can be on.

    `chance` names the shares of devices that others may have, too.
    """
    devices: Json = {"results": [_result(one, chance) for one in taken]}
    config = [*_of_classes(claim, taken), *_of_claim(claim, taken)]
    if config:
        devices["config"] = config
    found: Json = {"devices": devices}
    selector = node_selector(taken)
    if selector is not None:
        found["nodeSelector"] = selector
    return found


def node_selector(taken: Sequence[Taken]) -> Json | None:
    """Where all of them can be had together; None: everywhere."""
    expressions: list[Json] = []
    fields: list[Json] = []
    for one in taken:
        if one.device.node_name:
            name = {"key": "metadata.name", "operator": "In", "values": [one.device.node_name]}
            return {"nodeSelectorTerms": [{"matchFields": [name]}]}
        selector = one.device.node_selector or NodeSelector()
        for term in selector.node_selector_terms[:1]:  # validation leaves no second one
            _add(fields, term.match_fields)
            _add(expressions, term.match_expressions)
    term_json: Json = {}
    if expressions:
        term_json["matchExpressions"] = expressions
    if fields:
        term_json["matchFields"] = fields
    return {"nodeSelectorTerms": [term_json]} if term_json else None


def _result(taken: Taken, chance: random.Random) -> Json:
    said, id_ = taken.demand.said, taken.device.id
    found: Json = {
        "request": taken.demand.result_name,
        "driver": id_.driver,
        "pool": id_.pool,
        "device": id_.device,
    }
    if said.admin_access:
        found["adminAccess"] = True
    if taken.consumed is not None:
        found["shareID"] = _uid(chance)
        if taken.consumed:
            found["consumedCapacity"] = dict(taken.consumed)
    if said.tolerations:
        found["tolerations"] = [_toleration(one) for one in said.tolerations]
    return found


def _uid(chance: random.Random) -> str:
    digits = f"{chance.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) % 4]
    parts = (digits[:8], digits[8:12], f"4{digits[13:16]}", f"{variant}{digits[17:20]}")
    return "-".join((*parts, digits[20:]))


def _toleration(toleration: DeviceToleration) -> Json:
    found: Json = {"operator": toleration.operator}
    for name in ("key", "value", "effect"):
        if getattr(toleration, name):
            found[name] = getattr(toleration, name)
    if toleration.toleration_seconds is not None:
        found["tolerationSeconds"] = toleration.toleration_seconds
    return found


def _of_classes(claim: ResourceClaim, taken: Sequence[Taken]) -> list[Json]:
    """The configuration of each class, once, for the requests that chose it."""
    requests: dict[str, dict[str, None]] = {}
    configs: dict[str, Sequence[Mapping[str, Any]]] = {}
    for one in taken:
        name = one.demand.device_class.metadata.name
        requests.setdefault(name, {})[one.demand.result_name] = None
        configs[name] = one.demand.device_class.spec.config
    return [
        _configured("FromClass", config, list(requests[name]), claim)
        for name, some in configs.items()
        for config in some
    ]


def _of_claim(claim: ResourceClaim, taken: Sequence[Taken]) -> list[Json]:
    """The claim's own configuration, as far as it is for what was chosen."""
    chosen = {name: None for one in taken for name in one.demand.names}
    return [
        _configured("FromClaim", config, list(config.get("requests") or ()), claim)
        for config in claim.spec.devices.config
        if not config.get("requests") or any(name in chosen for name in config["requests"])
    ]


def _configured(
    source: str, config: Mapping[str, Any], requests: list[str], claim: ResourceClaim
) -> Json:
    found: Json = {"source": source}
    # None named means all of them.
    if requests and len(requests) != len(claim.spec.devices.requests):
        found["requests"] = requests
    return found | {key: value for key, value in config.items() if key != "requests"}


def _add(known: list[Json], requirements: Sequence[Requirement]) -> None:
    for one in requirements:
        made: Json = {"key": one.key, "operator": one.operator}
        if one.values:
            made["values"] = list(one.values)
        if not any(_alike(made, other) for other in known):
            known.append(made)


def _alike(one: Json, other: Json) -> bool:
    parts = [(it["key"], it["operator"], sorted(it.get("values", ()))) for it in (one, other)]
    return parts[0] == parts[1]
