"""What changed, as upstream tells it when it refuses a change.

    internal_diff("core/v1.PodSpec", old, new)

Upstream prints both as JSON of its internal types and shows the lines that differ, with three lines
around each (`apimachinery/pkg/util/diff`). Internal types have Go's names, all fields whether set
or not, and an order of their own where it matters; the facts about fields are those of protobuf.
The numbers of lines are ours: some fields of internal types are nowhere published.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from k8slite.objects.protobuf_messages import Field, Message, message

Json = dict[str, Any]

_CONTEXT_LINES: Final = 3


def internal_diff(type_name: str, old: Json, new: Json) -> str:
    """A unified diff of two objects of a type such as `core/v1.PodSpec`; "" if they are alike."""
    before, after = (_lines(type_name, one) for one in (old, new))
    found = difflib.unified_diff(before, after, n=_CONTEXT_LINES)
    return "".join(list(found)[2:])  # without the names of two files


def _lines(type_name: str, obj: Json) -> list[str]:
    described = message(type_name)
    assert described is not None, type_name
    text = json.dumps(internal_form(described, obj), indent=1, ensure_ascii=False)
    for one in "<>&":
        text = text.replace(one, f"\\u{ord(one):04x}")
    return [f"{line}\n" for line in text.split("\n")]


def internal_form(described: Message, obj: Mapping[str, Any]) -> Json:
    """An object of a type, as upstream's internal type shows in JSON."""
    found: Json = {}
    for field in _ordered(described):
        if f"{described.name}.{field.name}" in _YOUNG and field.name not in obj:
            continue
        if not field.name:
            found.update(internal_form(field.type, obj))
        elif described.name == "PodSpec" and field.name == "securityContext":
            found["SecurityContext"] = _pod_security(field.type, obj)
        else:
            found[_go_name(described, field.name)] = _value(field, obj.get(field.name))
    return found


def _ordered(described: Message) -> Iterator[Field]:
    """The fields in upstream's internal order, which is that of the numbers if not told here."""
    first = _ORDER.get(described.name, ())
    hidden = _SHARED if described.name == "PodSpec" else ()
    by_name = {field.name: field for field in described.fields if field.name not in hidden}
    yield from (by_name.pop(name) for name in first if name in by_name)
    yield from by_name.values()


def _pod_security(described: Message, spec: Mapping[str, Any]) -> Json | None:
    # What a Pod shares with its node stands beside its security context only in the API.
    context = spec.get("securityContext")
    if context is None:
        return None
    shared = {f"{name[0].upper()}{name[1:]}": spec.get(name) for name in _SHARED[1:]}
    for name in ("HostNetwork", "HostPID", "HostIPC"):
        shared[name] = bool(shared[name])
    return {**shared, **internal_form(described, context)}


def _value(field: Field, value: Any) -> Any:
    kind = field.type
    if field.label == "[]":
        return [_one(field, item) for item in value] if value else None
    if field.label == "{}":
        return {key: _one(field, value[key]) for key in sorted(value)} if value else None
    if value is None:
        if field.label == "*":
            return None
        return internal_form(kind, {}) if isinstance(kind, Message) else kind.zero
    return _one(field, value)


def _one(field: Field, value: Any) -> Any:
    kind = field.type
    if not isinstance(kind, Message):
        return value
    # What is everybody's own has one form only, with the names of the API.
    return value if field.type_name.startswith("meta/") else internal_form(kind, value)


def _go_name(described: Message, name: str) -> str:
    return (
        _NAMES_OF.get(f"{described.name}.{name}")
        or _NAMES.get(name)
        or f"{name[0].upper()}{name[1:]}"
    )


# Not shown at all, and shown in the security context.
_SHARED: Final = (
    "serviceAccount",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "shareProcessNamespace",
    "hostUsers",
)
# Fields of later versions than the oldest that shows differences: where they are set.
_YOUNG: Final = (
    "PodCertificateProjection.user",
    "PodSpec.evictionResponders",
    "PodSpec.schedulingGroup",
    "ProjectedVolumeSource.defaultUser",
    "VolumeMount.bindMountOptions",
)
_NAMES: Final = {
    "apiGroup": "APIGroup",
    "apiVersion": "APIVersion",
    "awsElasticBlockStore": "AWSElasticBlockStore",
    "cephfs": "CephFS",
    "chapAuthDiscovery": "DiscoveryCHAPAuth",
    "chapAuthSession": "SessionCHAPAuth",
    "csi": "CSI",
    "diskURI": "DataDiskURI",
    "dnsConfig": "DNSConfig",
    "dnsPolicy": "DNSPolicy",
    "endpoints": "EndpointsName",
    "fc": "FC",
    "fsGroup": "FSGroup",
    "fsGroupChangePolicy": "FSGroupChangePolicy",
    "fsType": "FSType",
    "gcePersistentDisk": "GCEPersistentDisk",
    "gmsaCredentialSpec": "GMSACredentialSpec",
    "gmsaCredentialSpecName": "GMSACredentialSpecName",
    "grpc": "GRPC",
    "hostIP": "HostIP",
    "httpGet": "HTTPGet",
    "httpHeaders": "HTTPHeaders",
    "ip": "IP",
    "iqn": "IQN",
    "iscsi": "ISCSI",
    "iscsiInterface": "ISCSIInterface",
    "nfs": "NFS",
    "os": "OS",
    "pdID": "PdID",
    "pdName": "PDName",
    "rbd": "RBD",
    "seLinuxChangePolicy": "SELinuxChangePolicy",
    "seLinuxOptions": "SELinuxOptions",
    "sslEnabled": "SSLEnabled",
    "storageos": "StorageOS",
    "targetWWNs": "TargetWWNs",
    "tcpSocket": "TCPSocket",
    "tty": "TTY",
    "uid": "UID",
    "wwids": "WWIDs",
}
_NAMES_OF: Final = {
    f"{owner}.{name}": told
    for owner in ("RBDVolumeSource", "RBDPersistentVolumeSource")
    for name, told in (
        ("image", "RBDImage"),
        ("monitors", "CephMonitors"),
        ("pool", "RBDPool"),
        ("user", "RadosUser"),
    )
}
_CONTAINER: Final = (
    *("name", "image", "command", "args", "workingDir", "ports", "envFrom", "env", "resources"),
    *("resizePolicy", "restartPolicy", "restartPolicyRules", "volumeMounts", "volumeDevices"),
    *("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "terminationMessagePath"),
    *("terminationMessagePolicy", "imagePullPolicy", "securityContext"),
)
_ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "Container": _CONTAINER,
    "EphemeralContainerCommon": _CONTAINER,
    "PersistentVolumeClaimSpec": ("accessModes", "selector", "resources"),
    "PersistentVolumeSource": (
        *("gcePersistentDisk", "awsElasticBlockStore", "hostPath", "glusterfs", "nfs", "rbd"),
        *("quobyte", "iscsi", "flexVolume", "cinder", "cephfs", "fc", "flocker"),
    ),
    "PodSecurityContext": (
        *("seLinuxOptions", "windowsOptions", "runAsUser", "runAsGroup", "runAsNonRoot"),
        *("supplementalGroups", "supplementalGroupsPolicy", "fsGroup", "fsGroupChangePolicy"),
    ),
    "PodSpec": (
        *("volumes", "initContainers", "containers", "ephemeralContainers", "restartPolicy"),
        *("terminationGracePeriodSeconds", "activeDeadlineSeconds", "dnsPolicy", "nodeSelector"),
        *("serviceAccountName", "automountServiceAccountToken", "nodeName", "securityContext"),
        *("imagePullSecrets", "hostname", "subdomain", "setHostnameAsFQDN", "affinity"),
        *("schedulerName", "tolerations", "hostAliases", "priorityClassName", "priority"),
        *("preemptionPolicy", "dnsConfig", "readinessGates", "runtimeClassName", "overhead"),
        *("enableServiceLinks", "topologySpreadConstraints"),
    ),
    "SecurityContext": (
        *("capabilities", "privileged", "seLinuxOptions", "windowsOptions", "runAsUser"),
        *("runAsGroup", "runAsNonRoot", "readOnlyRootFilesystem", "allowPrivilegeEscalation"),
    ),
    "VolumeSource": (
        *("hostPath", "emptyDir", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "secret"),
        *("nfs", "iscsi", "glusterfs", "persistentVolumeClaim", "rbd", "quobyte", "flexVolume"),
        *("cinder", "cephfs", "flocker", "downwardAPI", "fc", "azureFile", "configMap"),
        *("vsphereVolume", "azureDisk", "photonPersistentDisk", "projected", "portworxVolume"),
    ),
}
