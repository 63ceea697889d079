"""Who is who among a StatefulSet's pods: ordinals, names, labels, claims. Pure.

Mirrors `stateful_set_utils.go`: a pod's identity is its ordinal, from which its name, its host name
and the names of its claims follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.client.resource import PERSISTENT_VOLUME_CLAIMS
from k8slite.controllers.apps.history import REVISION_HASH
from k8slite.controllers.ownership import Owner
from k8slite.controllers.pod_control import pod_of_template
from k8slite.kinds.apps.models import StatefulSet
from k8slite.kinds.core.models import Pod

Json = dict[str, Any]

POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
POD_INDEX: Final = "apps.kubernetes.io/pod-index"
_MEMBER: Final = re.compile(r"(.*)-([0-9]+)")


@frozen
class Replica:
    """An ordinal that a set wants, and its pod if there is one."""

    ordinal: int
    pod: Pod | None


def ordinal_of(pod: Pod) -> int:
    """A pod's ordinal, -1 if its name has none."""
    return _parsed(pod.metadata.name)[1]


def parent_of(pod_name: str) -> str:
    """The name of the set that gives a pod's name, "" if none does."""
    return _parsed(pod_name)[0]


def member(stateful_set: StatefulSet, pod: Pod) -> bool:
    """Whether a pod's name is one that the set gives."""
    return parent_of(pod.metadata.name) == stateful_set.metadata.name


def wanted(stateful_set: StatefulSet) -> range:
    """The ordinals that a set wants."""
    start = stateful_set.spec.ordinals.start
    return range(start, start + stateful_set.spec.replicas)


def replicas(stateful_set: StatefulSet, pods: Iterable[Pod]) -> list[Replica]:
    """The set's ordinals in order, each with its pod if there is one."""
    by_ordinal = {ordinal_of(pod): pod for pod in pods}
    return [Replica(ordinal, by_ordinal.get(ordinal)) for ordinal in wanted(stateful_set)]


def condemned(stateful_set: StatefulSet, pods: Iterable[Pod]) -> list[Pod]:
    """The pods whose ordinals are not wanted, the highest first."""
    ordinals = wanted(stateful_set)
    found = [pod for pod in pods if ordinal_of(pod) >= 0 and ordinal_of(pod) not in ordinals]
    return sorted(found, key=ordinal_of, reverse=True)


def revision_of(pod: Pod) -> str:
    """The name of the revision that a pod was made of."""
    return pod.metadata.labels.get(REVISION_HASH, "")


def made_of_current(stateful_set: StatefulSet, ordinal: int) -> bool:
    """Whether a new pod is made of the current revision, not of the one that is rolled out
    (upstream: `newVersionedStatefulSetPod`)."""
    strategy, start = stateful_set.spec.update_strategy, stateful_set.spec.ordinals.start
    if strategy.rolling_update is not None:
        return ordinal < start + strategy.rolling_update.partition
    return (
        strategy.type == "RollingUpdate" and ordinal < start + stateful_set.status.current_replicas
    )


def new_pod(document: Json, owner: Owner, ordinal: int, template: Json, revision: str) -> Json:
    """The pod of an ordinal; `document` is the set's, `template` its revision's."""
    name = f"{owner.metadata.name}-{ordinal}"
    pod = pod_of_template(template, owner)
    metadata = pod["metadata"]
    del metadata["generateName"]
    metadata["name"] = name
    metadata["labels"] = {
        **(metadata.get("labels") or {}),
        **identity_labels(name, ordinal),
        REVISION_HASH: revision,
    }
    pod["spec"] = {
        **pod["spec"],
        "hostname": name,
        "subdomain": document["spec"].get("serviceName", ""),
        "volumes": _volumes(document, ordinal, pod["spec"]),
    }
    return pod


def identity_labels(name: str, ordinal: int) -> dict[str, str]:
    """The labels by which a pod can be told from its siblings."""
    return {POD_NAME: name, POD_INDEX: str(ordinal)}


def identity_matches(pod: Pod) -> bool:
    """Whether a member has the label that says who it is."""
    return pod.metadata.labels.get(POD_NAME) == pod.metadata.name


def storage_matches(document: Json, pod: Json) -> bool:
    """Whether a pod (a document) has the volumes that its set's claims are for."""
    volumes = {one["name"]: one for one in pod["spec"].get("volumes") or ()}
    ordinal = _parsed(pod["metadata"]["name"])[1]
    for wanted_volume in _claim_volumes(document, ordinal):
        found = volumes.get(wanted_volume["name"], {}).get("persistentVolumeClaim") or {}
        if found.get("claimName") != wanted_volume["persistentVolumeClaim"]["claimName"]:
            return False
    return True


def with_claims(document: Json, pod: Json) -> list[Json]:
    """The volumes that a pod (a document) should have."""
    return _volumes(document, _parsed(pod["metadata"]["name"])[1], pod["spec"])


def claim_names(document: Json, ordinal: int) -> list[str]:
    """The names of an ordinal's claims, in order of the templates."""
    return [name for _, name in _claims(document, ordinal)]


def new_claims(document: Json, ordinal: int) -> Iterator[Json]:
    """The claims of an ordinal (upstream: `getPersistentVolumeClaims`)."""
    metadata, spec = document["metadata"], document["spec"]
    match_labels = (spec.get("selector") or {}).get("matchLabels") or {}
    for template, name in _claims(document, ordinal):
        described = template.get("metadata") or {}
        kept = {key: described[key] for key in ("annotations", "finalizers") if described.get(key)}
        yield {
            "apiVersion": PERSISTENT_VOLUME_CLAIMS.api_version,
            "kind": PERSISTENT_VOLUME_CLAIMS.kind,
            "metadata": {
                **kept,
                "name": name,
                "namespace": metadata["namespace"],
                "labels": {**(described.get("labels") or {}), **match_labels},
            },
            "spec": template["spec"],
        }


def _parsed(name: str) -> tuple[str, int]:
    found = _MEMBER.fullmatch(name)
    return (found[1], int(found[2])) if found else ("", -1)


def _claims(document: Json, ordinal: int) -> list[tuple[Json, str]]:
    name = document["metadata"]["name"]
    templates: Sequence[Json] = document["spec"].get("volumeClaimTemplates") or ()
    return [(one, f"{one['metadata']['name']}-{name}-{ordinal}") for one in templates]


def _claim_volumes(document: Json, ordinal: int) -> list[Json]:
    return [
        {"name": template["metadata"]["name"], "persistentVolumeClaim": {"claimName": name}}
        for template, name in _claims(document, ordinal)
    ]


def _volumes(document: Json, ordinal: int, spec: Json) -> list[Json]:
    claimed = _claim_volumes(document, ordinal)
    names = [one["name"] for one in claimed]
    return [*claimed, *(one for one in spec.get("volumes") or () if one["name"] not in names)]
