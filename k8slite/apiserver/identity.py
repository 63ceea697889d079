"""What no write changes of an object: its identity, and what only the server says of it."""

from __future__ import annotations

from typing import Any, Final

from k8slite.kinds.kind import Kind
from k8slite.objects.errors import Conflict

Json = dict[str, Any]

# What a client may send and the server never takes from it.
SERVER_OWNED: Final = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "generation",
    "resourceVersion",
)


def keep(new: Json, old: Json, part: str) -> None:
    """Have a part as it was, or not at all."""
    if part in old:
        new[part] = old[part]
    else:
        new.pop(part, None)


def keep_identity(kind: Kind, new: Json, old: Json) -> None:
    """What no update changes comes from the stored object (upstream: `rest.BeforeUpdate`).

    Raises Conflict where the client means another object of the same name.
    """
    metadata, known = new.setdefault("metadata", {}), old["metadata"]
    if metadata.get("uid") and metadata["uid"] != known["uid"]:
        raise other_uid(kind, known, metadata["uid"])
    for name in (*SERVER_OWNED, "generateName"):
        keep(metadata, known, name)
    for name in ("name", "namespace"):
        if not metadata.get(name):
            keep(metadata, known, name)
    new.pop("kind", None)
    new.pop("apiVersion", None)


def other_uid(kind: Kind, known: Json, meant: str) -> Conflict:
    """Upstream's conflict for an object that is not the one that was meant."""
    return Conflict(
        f'Operation cannot be fulfilled on {kind.group_resource} "{known["name"]}": '
        f"Precondition failed: UID in precondition: {meant}, UID in object meta: {known['uid']}",
        details=named(kind, known["name"]),
    )


def named(kind: Kind, name: str) -> Json:
    """The details of a Status about one object."""
    details = {"name": name, "kind": kind.plural}
    return {**details, "group": kind.group} if kind.group else details
