"""Rules for volumes: every source of Pods and PersistentVolumes, claims and their updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.kinds.oracle_cases import created, strategies
from tests.kinds.test_validation_rules import new, shown, updated

Json = dict[str, Any]

IQN = "iqn.2001-04.com.example:storage.kube.sys1.xyz"
VOLUME: Json = {
    "accessModes": ["ReadWriteOnce"],
    "capacity": {"storage": "1Gi"},
    "hostPath": {"path": "/a"},
}
CLAIM: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
ZONE: Json = {"key": "failure-domain.beta.kubernetes.io/zone", "operator": "In", "values": ["a"]}
PLACED: Json = {"required": {"nodeSelectorTerms": [{"matchExpressions": [ZONE]}]}}


def persistent(**spec: Any) -> Json:
    return {k: v for k, v in {**VOLUME, "hostPath": None, **spec}.items() if v is not None}


# One source of a Pod's volume, and the complaints below `spec.volumes[0].`.
IN_PODS: list[tuple[Json, list[str]]] = [
    ({"gitRepo": {"repository": "", "directory": "/a"}}, [
        "gitRepo.repository: Required value",
        'gitRepo.directory: Invalid value: "/a": must be a relative path',
    ]),
    ({"gcePersistentDisk": {"partition": 256}}, [
        "persistentDisk.pdName: Required value",
        "persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive",
    ]),
    ({"awsElasticBlockStore": {"volumeID": "v", "partition": 0}}, []),
    ({"iscsi": {"targetPortal": "a:1", "iqn": IQN, "lun": 0}}, []),
    ({"iscsi": {"iqn": "x", "lun": 256, "chapAuthSession": True}}, [
        "iscsi.targetPortal: Required value",
        'iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
        "iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive",
        "iscsi.secretRef: Required value",
    ]),
    ({"iscsi": {"targetPortal": "a" * 70, "iqn": IQN, "lun": 0, "initiatorName": "eui.1"}}, [
        'iscsi.initiatorname: Invalid value: "eui.1": must be valid format',
        'name: Invalid value: "v": Total length of <volume name>:<iscsi.targetPortal> must be',
    ]),
    ({"glusterfs": {}}, ["glusterfs.endpoints: Required", "glusterfs.path: Required value"]),
    ({"flocker": {}}, ["flocker: Required value: one of datasetName and datasetUUID is required"]),
    ({"flocker": {"datasetName": "a/b", "datasetUUID": "u"}}, [
        'flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified',
        "flocker.datasetName: Invalid value: \"a/b\": must not contain '/'",
    ]),
    ({"rbd": {}}, ["rbd.monitors: Required value", "rbd.image: Required value"]),
    ({"cinder": {"secretRef": {}}}, [
        "cinder.volumeID: Required value", "cinder.secretRef.name: Required value"
    ]),
    ({"cephfs": {}}, ["cephfs.monitors: Required value"]),
    ({"quobyte": {"registry": "a:1,b", "volume": ""}}, [
        'quobyte.registry: Invalid value: "a:1,b": must be a host:port pair or multiple pairs',
        "quobyte.volume: Required value",
    ]),
    ({"quobyte": {"registry": "a:1", "tenant": "t" * 65, "volume": "v"}}, [
        "quobyte.tenant: Required value: must be a UUID and may not exceed a length of 64"
    ]),
    ({"fc": {}}, ["fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but"]),
    ({"fc": {"targetWWNs": ["a"], "wwids": ["b"]}}, [
        'fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified simul',
        "fc.lun: Required value: lun is required if targetWWNs is specified",
    ]),
    ({"flexVolume": {"options": {"a.K8s.io/b": "c", "d": "e"}}}, [
        "flexVolume.driver: Required value",
        'flexVolume.options[a.K8s.io/b]: Invalid value: "a.K8s.io/b": kubernetes.io and k8s.io',
    ]),
    ({"azureFile": {}}, ["azureFile.secretName: Required", "azureFile.shareName: Required"]),
    ({"vsphereVolume": {}}, ["vsphereVolume.volumePath: Required value"]),
    ({"photonPersistentDisk": {}}, ["photonPersistentDisk.pdID: Required value"]),
    ({"portworxVolume": {}}, ["portworxVolume.volumeID: Required value"]),
    ({"azureDisk": {"diskName": "d", "diskURI": "x", "cachingMode": "No", "kind": "Managed"}}, [
        'azureDisk.cachingMode: Unsupported value: "No": supported values: "None", "ReadOnly", ',
        'azureDisk.diskURI: Unsupported value: "x": supported values: "/subscriptions/{sub-id}',
    ]),
    ({"storageos": {"volumeNamespace": "A"}}, [
        "storageos.volumeName: Required value",
        'storageos.volumeNamespace: Invalid value: "A": a lowercase RFC 1123 label',
    ]),
    ({"scaleIO": {}}, [
        "scaleIO.gateway: Required value",
        "scaleIO.system: Required value",
        "scaleIO.volumeName: Required value",
    ]),
    ({"csi": {"driver": "a" * 64, "nodePublishSecretRef": {}}}, [
        "csi.driver: Too long: may not be more than 63 bytes",
        "csi.nodePublishSecretRef.name: Required value",
    ]),
    ({"csi": {"driver": "d", "nodePublishSecretRef": {"name": "A"}}}, [
        'csi.name: Invalid value: "A": a lowercase RFC 1123 subdomain'
    ]),
    ({"ephemeral": {}}, ["ephemeral.volumeClaimTemplate: Required value"]),
    ({"ephemeral": {"volumeClaimTemplate": {"metadata": {"name": "n", "uid": "u"}, "spec": {}}}}, [
        "ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set",
        "ephemeral.volumeClaimTemplate.metadata.uID: Forbidden: cannot be set",
        "ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 access mode",
        "ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value",
    ]),
    ({"image": {"pullPolicy": "Maybe"}}, [
        'image.pullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent"',
        "image.reference: Required value",
    ]),
    ({"projected": {"sources": [{"serviceAccountToken": {"path": "../x", "audience": "a"}}]}}, [
        "projected.path: Invalid value: \"../x\": must not contain '..'"
    ]),
    ({"projected": {"sources": [{"serviceAccountToken": {"expirationSeconds": 1}}]}}, [
        "projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1: may not",
        "projected.path: Required value",
    ]),
    ({"projected": {"sources": [{"secret": {"name": "s"}, "configMap": {"name": "m"}}]}}, [
        "projected.sources[0]: Forbidden: may not specify more than 1 volume type per source"
    ]),
    ({"emptyDir": {}, "downwardAPI": {}, "cephfs": {}}, [
        "cephFS: Forbidden: may not specify more than 1 volume type",
        "downwarAPI: Forbidden: may not specify more than 1 volume type",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), IN_PODS)
def test_a_source_of_a_pods_volume(source: Json, expected: list[str]) -> None:
    container = {"name": "c", "image": "x"}
    spec = {"containers": [container], "volumes": [{"name": "v", **source}]}
    spec["serviceAccountName"] = "default"
    _match(new("core", "pods", spec=spec), [f"spec.volumes[0].{text}" for text in expected])


# The spec of a PersistentVolume, and the complaints about it.
PERSISTENT: list[tuple[Json, list[str]]] = [
    (VOLUME, []),
    ({}, [
        "spec.accessModes: Required value",
        "spec.capacity: Required value",
        'spec.capacity: Unsupported value: null: supported values: "storage"',
        "spec: Required value: must specify a volume type",
    ]),
    (persistent(nfs={"server": "s", "path": "p"}, csi={"driver": "d"}), [
        'spec.nfs.path: Invalid value: "p": must be an absolute path',
        "spec.csi: Forbidden: may not specify more than 1 volume type",
    ]),
    (persistent(local={"path": "/a/../b"}), [
        "spec.local.path: Invalid value: \"/a/../b\": must not contain '..'",
        "spec.nodeAffinity: Required value: Local volume requires node affinity",
    ]),
    (persistent(local={"path": "/a"}, nodeAffinity={}), [
        "spec.nodeAffinity.required: Required value: must specify required node constraints"
    ]),
    (persistent(csi={"driver": "d", "nodeStageSecretRef": {}, "nodeExpandSecretRef": {}}), [
        "spec.csi.volumeHandle: Required value",
        "spec.csi.nodeExpandSecretRef.name: Required value",
        "spec.csi.nodeExpandSecretRef.namespace: Required value",
    ]),
    (persistent(iscsi={"targetPortal": "a:1", "iqn": "x", "lun": 0, "secretRef": {}}), [
        'spec.iscsi.iqn: Invalid value: "x": must be valid format',
        "spec.iscsi.secretRef.name: Required value",
    ]),
    (persistent(cinder={"volumeID": "v", "secretRef": {"name": "n"}}), [
        "spec.cinder.secretRef.namespace: Required value"
    ]),
    (persistent(glusterfs={"endpoints": "e", "path": "p", "endpointsNamespace": ""}), [
        'spec.glusterfs.endpointsNamespace: Invalid value: "": if the endpointnamespace is set'
    ]),
    (persistent(azureFile={"secretName": "s", "shareName": "s", "secretNamespace": ""}), [
        "spec.azureFile.secretNamespace: Required value"
    ]),
    (
        {**VOLUME, "hostPath": {"path": "//"}, "persistentVolumeReclaimPolicy": "Recycle"},
        ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath"],
    ),
    ({**VOLUME, "volumeAttributesClassName": ""}, [
        "spec.volumeAttributesClassName: Required value: an empty string is disallowed",
        "spec.csi: Required value: has to be specified when using volumeAttributesClassName",
    ]),
    ({**VOLUME, "capacity": {"storage": "-1"}, "accessModes": ["ReadWriteOncePod", "X"]}, [
        'spec.accessModes: Unsupported value: "X": supported values: "ReadOnlyMany", "ReadWr',
        "spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
        'spec.capacity[storage]: Invalid value: "-1": must be greater than zero',
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), PERSISTENT)
def test_a_persistent_volume(spec: Json, expected: list[str]) -> None:
    _match(new("core", "persistentvolumes", spec=spec), expected)


CLAIMS: list[tuple[Json, list[str]]] = [
    (CLAIM, []),
    ({**CLAIM, "dataSource": {"kind": "PersistentVolumeClaim", "name": "c"}}, []),
    ({**CLAIM, "dataSourceRef": {"kind": "Foo", "name": "", "apiGroup": "A", "namespace": "B"}}, [
        "spec.dataSourceRef.name: Required value",
        'spec.dataSourceRef.apiGroup: Invalid value: "A": a lowercase RFC 1123 subdomain',
        'spec.dataSourceRef.namespace: Invalid value: "B": a lowercase RFC 1123 label',
    ]),
    ({**CLAIM, "dataSourceRef": {"kind": "Foo", "name": "n"}}, [
        "spec.dataSource: Invalid value: \"Foo\": must be 'PersistentVolumeClaim' when",
        "spec.dataSourceRef: Invalid value: \"Foo\": must be 'PersistentVolumeClaim' when",
    ]),
    (
        {
            **CLAIM,
            "dataSource": {"kind": "PersistentVolumeClaim", "name": "c"},
            "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "d"},
        },
        ["spec: Invalid value: {}: must match dataSourceRef"],
    ),
    ({**CLAIM, "volumeAttributesClassName": "A"}, [
        'spec.volumeAttributesClassName: Invalid value: "A": a lowercase RFC 1123 subdomain'
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), CLAIMS)
def test_a_claim(spec: Json, expected: list[str]) -> None:
    _match(new("core", "persistentvolumeclaims", spec=spec), expected)


def test_the_two_sources_of_a_claims_data_say_the_same() -> None:
    source = {"kind": "PersistentVolumeClaim", "name": "c", "apiGroup": None}
    garbage = {"kind": "Foo", "name": "c", "apiGroup": None}
    for asked, kept in (
        ({"dataSource": source}, {"dataSource": source, "dataSourceRef": source}),
        ({"dataSourceRef": source}, {"dataSource": source, "dataSourceRef": source}),
        ({"dataSource": garbage}, {}),
    ):
        strategy = strategies("core")["persistentvolumeclaims"]
        body = {"metadata": {"name": "x"}, "spec": {**CLAIM, **asked}}
        claim, _ = created(strategy, body, True)
        assert {k: v for k, v in claim["spec"].items() if k.startswith("dataS")} == kept


def setting(*path: str, to: Any) -> Callable[[Json], None]:
    def change(obj: Json) -> None:
        for step in path[:-1]:
            obj = obj.setdefault(step, {})
        obj[path[-1]] = to

    return change


SIZE = ("spec", "resources", "requests", "storage")
CHANGES: list[tuple[str, Json, Callable[[Json], None], list[str]]] = [
    ("persistentvolumes", VOLUME, setting("spec", "capacity", "storage", to="2Gi"), []),
    ("persistentvolumes", VOLUME, setting("spec", "hostPath", "path", to="/b"), [
        "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after"
    ]),
    ("persistentvolumes", VOLUME, setting("spec", "volumeMode", to="Block"), [
        'volumeMode: Invalid value: "Block": field is immutable'
    ]),
    (
        "persistentvolumes",
        persistent(csi={"driver": "d", "volumeHandle": "h"}),
        setting("spec", "csi", "controllerExpandSecretRef", to={"name": "n", "namespace": "n"}),
        [],
    ),
    (
        "persistentvolumes",
        {**VOLUME, "nodeAffinity": PLACED},
        setting("spec", "nodeAffinity", to={"required": {"nodeSelectorTerms": [
            {"matchExpressions": [{**ZONE, "key": "topology.kubernetes.io/zone"}]}
        ]}}),
        [],
    ),
    (
        "persistentvolumes",
        {**VOLUME, "nodeAffinity": PLACED},
        setting("spec", "nodeAffinity", to=None),
        ["nodeAffinity: Invalid value: null: field is immutable, except for updating from beta"],
    ),
    ("persistentvolumeclaims", CLAIM, setting("spec", "volumeName", to="v"), []),
    ("persistentvolumeclaims", CLAIM, setting("spec", "storageClassName", to="c"), []),
    ("persistentvolumeclaims", CLAIM, setting(*SIZE, to="2Gi"), [
        "spec: Forbidden: spec is immutable after creation except resources.requests and volum"
    ]),
    (
        "persistentvolumeclaims",
        {**CLAIM, "storageClassName": "c"},
        setting("spec", "storageClassName", to="d"),
        ["spec: Forbidden: spec is immutable after creation except resources.requests"],
    ),
    (
        "persistentvolumeclaims",
        CLAIM,
        setting("metadata", "annotations", to={"volume.beta.kubernetes.io/storage-class": "c"}),
        [
            "metadata.annotations[volume.beta.kubernetes.io/storage-class]: Invalid value: "
            '"c": field is immutable'
        ],
    ),
    (
        "persistentvolumeclaims",
        {**CLAIM, "volumeAttributesClassName": "gold"},
        setting("spec", "volumeAttributesClassName", to=""),
        [
            "spec: Forbidden: spec is immutable after creation",
            "spec.volumeAttributesClassName: Forbidden: update from non-nil value to an empty",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("plural", "spec", "change", "expected"), CHANGES)
def test_a_change(
    plural: str, spec: Json, change: Callable[[Json], None], expected: list[str]
) -> None:
    _match(updated("core", plural, change, spec=spec), expected)


def test_a_bound_claim_grows_and_shrinks_no_further_than_it_is() -> None:
    strategy = strategies("core")["persistentvolumeclaims"]
    status = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
    resources = {"requests": {"storage": "3Gi"}}
    old = {"metadata": {}, "spec": {**CLAIM, "resources": resources}, "status": status}

    def resized(size: str) -> list[str]:
        spec = {**CLAIM, "resources": {"requests": {"storage": size}}}
        return shown(strategy.validate({**old, "spec": spec}, old))

    assert resized("4Gi") == resized("2Gi") == []
    assert resized("1Gi") == [
        "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"
    ]


def test_the_status_of_a_claim() -> None:
    status = {
        "capacity": {"storage": "-1"},
        "allocatedResourceStatuses": {"cpu": "Odd", "storage": "NodeResizePending"},
        "allocatedResources": {"example.com/x": "1", "cpu": "1"},
    }
    strategy = strategies("core")["persistentvolumeclaims"]
    _match(shown(strategy.validate_status({"spec": CLAIM, "status": status}, None)), [
        "status.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
        'status.allocatedResourceStatus: Unsupported value: "cpu": supported values: "storage"',
        'status.allocatedResourceStatus: Unsupported value: "cpu": supported values: "Controll',
        'status.allocatedResources: Unsupported value: "cpu": supported values: "storage"',
    ])  # fmt: skip


def test_a_volume_that_stands_in_an_attachment() -> None:
    inline = {**VOLUME, "persistentVolumeReclaimPolicy": "Delete", "storageClassName": "c"}
    spec = {"attacher": "d", "nodeName": "n", "source": {"inlineVolumeSpec": inline}}
    at = "spec.source.inlineVolumeSpec"
    _match(new("storage", "volumeattachments", spec=spec), [
        f"{at}.capacity: Forbidden: may not be specified in the context of inline volumes",
        f"{at}.csi: Required value: has to be specified in the context of inline volumes",
        f"{at}.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of",
        f"{at}.storageClassName: Forbidden: may not be specified in the context of inline volu",
    ])  # fmt: skip


def _match(found: list[str], expected: list[str]) -> None:
    assert len(found) == len(expected), found
    for told, wanted in zip(found, expected, strict=True):
        assert told.startswith(wanted), (told, wanted)
