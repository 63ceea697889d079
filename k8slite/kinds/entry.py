"""How a line of the table of kinds is written: what follows from the names is filled in.

    entry("apps", "v1", "Deployment", "deployments", short_names=("deploy",), ...)

The singular is the kind in lower case; the storage version's hash is computed as upstream does
(`apiserver/pkg/endpoints/discovery.StorageVersionHash`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from k8slite.kinds.kind import STATUS_VERBS, Json, Kind, Strategy, Subresource

# How many bytes of the digest discovery shows.
_HASH_BYTES: Final = 8

PROXY_VERBS: Final = ("create", "delete", "get", "patch", "update")


def entry(
    group: str,
    version: str,
    kind: str,
    plural: str,
    *,
    namespaced: bool = True,
    storage: str = "",
    strategies: Mapping[str, Strategy],
    **rest: Any,
) -> Kind:
    """One kind; `storage` is the group/version that its hash is of, where it is another one.

    A kind without its own strategy is plain: its status is protected where it has that path.
    """
    stored_in = storage or f"{group}/{version}"
    strategy = strategies.get(plural)
    if strategy is None:
        strategy = Strategy(status=any(s.name == "status" for s in rest.get("subresources", ())))
    return Kind(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        namespaced=namespaced,
        storage_version_hash=storage_version_hash(f"{stored_in}/{kind}"),
        strategy=strategy,
        **rest,
    )


def virtual(
    group: str,
    version: str,
    kind: str,
    plural: str,
    *,
    strategies: Mapping[str, Strategy],
    namespaced: bool = False,
    verbs: tuple[str, ...] = ("create",),
    **rest: Any,
) -> Kind:
    """A kind whose objects are answered and never kept: a review, a binding."""
    return Kind(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        namespaced=namespaced,
        verbs=verbs,
        strategy=strategies.get(plural, Strategy()),
        **rest,
    )


def status(kind: str) -> Subresource:
    """The path `status` of a kind."""
    return Subresource("status", kind)


def scale() -> Subresource:
    """The path `scale`, which takes autoscaling/v1 Scale whatever the kind."""
    return Subresource("scale", "Scale", STATUS_VERBS, "autoscaling", "v1")


def storage_version_hash(group_version_kind: str) -> str:
    """What discovery tells of the version that objects are kept in; "/v1/Pod" for core kinds."""
    digest = hashlib.sha256(group_version_kind.encode()).digest()
    return base64.b64encode(digest[:_HASH_BYTES]).decode()


def text_at(*path: str, default: str = "") -> Callable[[Json], str]:
    """A reader of one field for field selectors: numbers in decimal, booleans as in JSON."""

    def read(obj: Json) -> str:
        value: Any = obj
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return default
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    return read
