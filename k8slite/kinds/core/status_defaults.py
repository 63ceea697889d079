"""Status as only its subresource may write it.

On creation what a client says about the status is dropped (upstream: each strategy's
`PrepareForCreate`); on an ordinary update the stored status is kept (`PrepareForUpdate`).
"""

from __future__ import annotations

from typing import Any

from k8slite.kinds.kind import Prepare

Json = dict[str, Any]


def keep_status(new: Json, old: Json | None) -> None:
    """Drop the client's status on creation, keep the stored one on update."""
    if old is not None and "status" in old:
        new["status"] = old["status"]
    else:
        new.pop("status", None)


def keep_labels(new: Json, old: Json | None) -> None:
    """A write of the status that leaves the labels alone."""
    new["metadata"].pop("labels", None)
    if old is not None and "labels" in old["metadata"]:
        new["metadata"]["labels"] = old["metadata"]["labels"]


def and_then(*steps: Prepare) -> Prepare:
    """One preparation made of several, in their order."""

    def prepare(new: Json, old: Json | None) -> None:
        for step in steps:
            step(new, old)

    return prepare


def empty_status(new: Json) -> None:
    """An empty status is printed, not left out (in Go it is a struct, not a pointer)."""
    new.setdefault("status", {})
