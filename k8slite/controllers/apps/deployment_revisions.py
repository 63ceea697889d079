"""Which ReplicaSet is the current one, and which revisions the others were. Pure.

A set belongs to the deployment's template if its own template is the same but for the label
`pod-template-hash`; its revision is an annotation that rises whenever it becomes current again
(upstream: `deployment_util.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from k8slite.controllers.apps.deployment_rolling import created
from k8slite.controllers.apps.name_hash import name_hash
from k8slite.kinds.apps.models import Deployment, ReplicaSet

Json = dict[str, Any]

REVISION: Final = "deployment.kubernetes.io/revision"
REVISION_HISTORY: Final = "deployment.kubernetes.io/revision-history"
HASH_LABEL: Final = "pod-template-hash"
HISTORY_CHARACTERS: Final = 2000  # of the revision history; the oldest go first (as upstream)

_NOT_COPIED: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.rollback-to",
)


def same_template(one: Json, other: Json) -> bool:
    """Whether two pod templates differ at most in the hash label."""
    return _plain(one) == _plain(other)


def template_hash(template: Json, collision_count: int | None) -> str:
    """A name for a template, other after each collision (upstream: `ComputeHash`)."""
    return name_hash(_plain(template), collision_count)


def revision(replica_set: ReplicaSet) -> int:
    """A set's revision; 0 if it says none that can be read."""
    return _number(replica_set.metadata.annotations.get(REVISION, ""))


def next_revision(old: Iterable[ReplicaSet]) -> int:
    """The revision of the new set, given the others."""
    return max((revision(one) for one in old), default=0) + 1


def new_set_annotations(
    deployment: Deployment, existing: Mapping[str, str], revision_number: int
) -> dict[str, str]:
    """The annotations that the new set should have: the deployment's own, the revision, and those
    it was before (upstream: `SetNewReplicaSetAnnotations`)."""
    found = dict(existing)
    for key, value in deployment.metadata.annotations.items():
        if key not in _NOT_COPIED:
            found[key] = value
    before = existing.get(REVISION)
    if _number(before or "") < revision_number:
        found[REVISION] = str(revision_number)
        if before is not None:
            found[REVISION_HISTORY] = _history(existing.get(REVISION_HISTORY, ""), before)
    return found


def to_forget(deployment: Deployment, old: Sequence[ReplicaSet]) -> list[ReplicaSet]:
    """Old sets beyond `revisionHistoryLimit`, those in use excepted (upstream:
    `cleanupDeployment`)."""
    limit = deployment.spec.revision_history_limit
    if limit is None:
        return []
    alive = [one for one in old if one.metadata.deletion_timestamp is None]
    surplus = len(alive) - limit
    if surplus <= 0:
        return []
    alive.sort(key=lambda one: (revision(one), created(one)))
    return [
        one
        for one in alive[:surplus]
        if not one.status.replicas
        and not one.spec.replicas
        and one.metadata.generation <= one.status.observed_generation
    ]


def _plain(template: Json) -> Json:
    """A template without the hash label and without nulls at the places that upstream fills."""
    metadata = {k: v for k, v in (template.get("metadata") or {}).items() if v}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _history(known: str, before: str) -> str:
    revisions = [*(known.split(",") if known else ()), before]
    while len(revisions) > 1 and len(",".join(revisions)) > HISTORY_CHARACTERS:
        del revisions[0]
    return ",".join(revisions)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0
