"""Rules for what becomes of Pods: changes, their status, /resize, annotations and profiles."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from k8slite.kinds.core.pod_validation import validate_pod_part
from tests.kinds.oracle_cases import created, strategies
from tests.kinds.test_validation_pods import changed, complaints, pod

Json = dict[str, Any]

APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/c"
SECCOMP = "container.seccomp.security.alpha.kubernetes.io/c"
MIRROR = "kubernetes.io/config.mirror"


def test_a_refused_change_tells_what_changed() -> None:
    (found,) = changed(lambda spec: spec.update(restartPolicy="Never", hostNetwork=True))
    head, *lines = found.split("\n")
    assert head.startswith("spec: Forbidden: pod updates may not change fields other than")
    assert lines[0].startswith("@@ -")
    assert [line for line in lines if line.startswith(("+", "-"))] == [
        '- "RestartPolicy": "Always",',
        '+ "RestartPolicy": "Never",',
        '-  "HostNetwork": false,',
        '+  "HostNetwork": true,',
    ]


def test_a_gated_pods_terms_only_get_more_exact() -> None:
    def affinity(*terms: Json) -> Json:
        hard = {"nodeSelectorTerms": list(terms)}
        return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": hard}}

    one = {"key": "a", "operator": "Exists"}
    other = {"key": "b", "operator": "Exists"}
    old = affinity({"matchExpressions": [one]})
    gated: Json = {"schedulingGates": [{"name": "g"}], "affinity": old}

    def told(*terms: Json) -> list[str]:
        return changed(lambda spec: spec.update(affinity=affinity(*terms)), **gated)

    assert told({"matchExpressions": [one, other]}) == []
    path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    assert told({"matchExpressions": [other]}) == [
        f"{path}.nodeSelectorTerms[0]: Invalid value: "
        '{"MatchExpressions":[{"Key":"b","Operator":"Exists","Values":null}],"MatchFields":null}'
        ": only additions are allowed (no mutations or deletions)"
    ]
    (found,) = told({"matchExpressions": [one]}, {"matchExpressions": [other]})
    assert found.startswith(f"{path}.nodeSelectorTerms: Invalid value: [{{")


STATUSES: list[tuple[Json, Json, list[str]]] = [
    ({}, {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}, []),
    (
        {},
        {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.1"}]},
        [
            'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.1"}]: may specify no',
            'status.podIPs[1]: Duplicate value: {"IP":"10.0.0.1"}',
        ],
    ),
    (
        {},
        {"hostIP": "10.0.0.1", "hostIPs": [{"ip": "10.0.0.2"}]},
        ['status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`'],
    ),
    (
        {"resourceClaims": [{"name": "r"}]},
        {"resourceClaimStatuses": [{"name": "r"}, {"name": "r"}, {"name": "s"}]},
        [
            'status.resourceClaimStatuses[1].name: Duplicate value: "r"',
            'status.resourceClaimStatuses[2].name: Invalid value: "s": must match the name of an',
        ],
    ),
    (
        {"os": {"name": "windows"}},
        {"containerStatuses": [{"name": "c", "user": {"linux": {"uid": 1, "gid": 1}}}]},
        ["status.containerStatuses[0].linux: Forbidden: cannot be set for a windows pod"],
    ),
    (
        {},
        {"containerStatuses": [{"name": "c", "user": {"linux": {"uid": -1, "gid": 1}}}]},
        ["status.containerStatuses[0].linux.uid: Invalid value: -1: must be between 0 and"],
    ),
    (
        {},
        {
            "containerStatuses": [
                {
                    "name": "c",
                    "allocatedResourcesStatus": [
                        {
                            "name": "x.y/z",
                            "resources": [
                                {"resourceID": "a", "health": "Healthy"},
                                {"resourceID": "a", "health": "Fine"},
                            ],
                        },
                        {"name": "claim:r"},
                    ],
                }
            ],
            "ephemeralContainerStatuses": [{"name": "e", "allocatedResourcesStatus": [{}]}],
        },
        [
            "status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: "
            '"x.y/z": must match one of the container\'s resource requests',
            "status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].health: Unsu",
            "status.containerStatuses[0].allocatedResourcesStatus[0].resources[1].resourceID: Dupl",
            "status.containerStatuses[0].allocatedResourcesStatus[1].name: Invalid value: "
            '"claim:r": must match one of the container\'s resource claims in a format',
            "status.ephemeralContainerStatuses[0].allocatedResourcesStatus: Forbidden: must not",
        ],
    ),
    (
        {},
        {"conditions": [{"type": "a b"}], "nominatedNodeName": "A"},
        [
            'metadata.conditions[0].Type: Invalid value: "a b": name part',
            'status.nominatedNodeName: Invalid value: "A": a lowercase RFC 1123 subdomain',
        ],
    ),
]


@pytest.mark.parametrize(("spec", "status", "expected"), STATUSES)
def test_a_status(spec: Json, status: Json, expected: list[str]) -> None:
    whole: Json = {"metadata": {}, "spec": {"containers": [{"name": "c"}], **spec}}
    new = {**whole, "status": status}
    found = strategies("core")["pods"].validate_status(new, {**whole, "status": {}})
    _match([f"{cause.field}: {cause.message}" for cause in found], expected)


def resized(change: Callable[[Json], None], **spec: Any) -> list[str]:
    container = {"resources": {"requests": {"cpu": "1", "x.y/z": "1"}, "limits": {"x.y/z": "1"}}}
    old, causes = created(strategies("core")["pods"], pod(container, **spec), True)
    assert not causes
    new = json.loads(json.dumps(old))
    change(new["spec"]["containers"][0])
    return [f"{cause.field}: {cause.message}" for cause in validate_pod_part(new, old, "resize")]


RESIZES: list[tuple[Callable[[Json], Any], list[str]]] = [
    (lambda c: c["resources"]["requests"].update(cpu="2", memory="1Gi"), []),
    (
        lambda c: c["resources"]["requests"].pop("cpu"),
        [
            'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resi',
            "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
        ],
    ),
    (
        lambda c: [c["resources"][part].update({"x.y/z": "2"}) for part in c["resources"]],
        ["spec: Forbidden: only cpu and memory resources are mutable"],
    ),
    (
        lambda c: c.update(image="y"),
        ["spec: Forbidden: only cpu and memory resources are mutable"],
    ),
]


@pytest.mark.parametrize(("change", "expected"), RESIZES)
def test_a_resize(change: Callable[[Json], None], expected: list[str]) -> None:
    _match(resized(change), expected)


def test_some_pods_are_not_resized_at_all() -> None:
    assert resized(lambda c: None, os={"name": "windows"}) == [
        "[]: Forbidden: windows pods cannot be resized"
    ]
    container = {"resources": {"requests": {"cpu": "1"}}}
    old, _ = created(strategies("core")["pods"], pod(container), True)
    old["metadata"]["annotations"] = {MIRROR: "x"}
    old["spec"]["nodeName"] = "n"
    assert validate_pod_part(old, old, "resize")[0].message.endswith(
        "static pods cannot be resized"
    )
    old["metadata"]["annotations"] = {}
    old["status"]["containerStatuses"] = [{"name": "c", "state": {"running": {}}}]
    assert validate_pod_part(old, old, "resize")[0].message == (
        "Forbidden: Pod running on node without support for resize"
    )


def secured(key: str, **profile: Any) -> Json:
    return {"securityContext": {key: profile}}


PROFILES: list[tuple[Json, Json, list[str]]] = [
    ({APP_ARMOR: "runtime/default"}, secured("appArmorProfile", type="RuntimeDefault"), []),
    (
        {APP_ARMOR: "unconfined"},
        secured("appArmorProfile", type="RuntimeDefault"),
        ["spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in"],
    ),
    (
        {SECCOMP: "localhost/a"},
        secured("seccompProfile", type="Localhost", localhostProfile="b"),
        [
            "spec.containers[0].securityContext.seccompProfile.localhostProfile: Forbidden: "
            "seccomp profile in annotation and field must match"
        ],
    ),
    (
        {SECCOMP: "odd", f"{APP_ARMOR}x": "odd"},
        {},
        [
            f'metadata.annotations.{SECCOMP}: Invalid value: "odd": must be a valid seccomp',
            f'metadata.annotations[{APP_ARMOR}x]: Invalid value: "cx": container not found',
            f'metadata.annotations[{APP_ARMOR}x]: Invalid value: "odd": invalid AppArmor profile '
            'name: "odd"',
        ],
    ),
]


@pytest.mark.parametrize(("annotations", "container", "expected"), PROFILES)
def test_profiles(annotations: Json, container: Json, expected: list[str]) -> None:
    body = pod(container)
    body["metadata"]["annotations"] = annotations
    _match(complaints(body), expected)


def test_annotations_of_mirrors_and_profiles_stay() -> None:
    old, _ = created(strategies("core")["pods"], pod(), True)
    new = json.loads(json.dumps(old))
    old["metadata"]["annotations"] = {APP_ARMOR: "unconfined"}
    new["metadata"]["annotations"] = {MIRROR: "x", APP_ARMOR: "runtime/default"}
    found = strategies("core")["pods"].validate_status(new, old)
    assert [f"{cause.field}: {cause.message}" for cause in found] == [
        f"metadata.annotations[{APP_ARMOR}]: Forbidden: may not remove or update AppArmor "
        "annotations",
        f"metadata.annotations[{MIRROR}]: Forbidden: may not add mirror pod annotation",
    ]


def _match(found: list[str], expected: list[str]) -> None:
    assert len(found) == len(expected), found
    for told, wanted in zip(found, expected, strict=True):
        assert told.startswith(wanted), (told, wanted)
