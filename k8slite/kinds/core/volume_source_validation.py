"""Sources of volumes: what Pods and PersistentVolumes have in common, and what differs.

Mirrors the functions `validate...VolumeSource` of `pkg/apis/core/validation`. Most of these drivers
work nowhere any more; their fields are still held to upstream's rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from k8slite.kinds.core.path_validation import validate_descending_path, validate_no_backsteps
from k8slite.objects.errors import Cause
from k8slite.objects.fields import forbidden, invalid, not_supported, required, too_long
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import in_range, is_dns1123_label, is_dns1123_subdomain

Json = dict[str, Any]
Check = Callable[[Json, str], list[Cause]]

_DRIVER_NAME_LIMIT: Final = 63
_TENANT_LIMIT: Final = 65
_PORTAL_LIMIT_BYTES: Final = 64
_PORTAL_TOO_LONG: Final = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
    "iscsi.initiatorName is specified."
)


def validate_sources(
    owner: Json, path: str, checks: Mapping[str, Check], order: tuple[str, ...]
) -> list[Cause]:
    """The one source that `owner` has: in upstream's order, a second one is one too many."""
    found: list[Cause] = []
    given = [kind for kind in order if owner.get(kind) is not None]
    for i, kind in enumerate(given):
        if i:
            at = f"{path}.{_MISSPELT.get(kind, kind)}"
            found.append(forbidden(at, "may not specify more than 1 volume type"))
        elif kind in checks:
            found += checks[kind](owner[kind], f"{path}.{_CHECKED_AS.get(kind, kind)}")
    if not given:
        found.append(required(path, "must specify a volume type"))
    return found


def validate_driver_name(name: str, path: str) -> list[Cause]:
    """The name of a CSI driver, which drivers of other resources are named like."""
    if not name:
        return [required(path)]
    found = [too_long(path, _DRIVER_NAME_LIMIT)] if len(name) > _DRIVER_NAME_LIMIT else []
    return found + each(path, name, is_dns1123_subdomain(name.lower()))


def validate_portal_length(source: Json, volume: str, path: str, shown: str) -> list[Cause]:
    """A disk with an initiator is called after its volume and its portal."""
    name = f"{volume}:{source.get('targetPortal', '')}"
    if source.get("initiatorName") is None or len(name.encode()) <= _PORTAL_LIMIT_BYTES:
        return []
    return [invalid(path, shown, _PORTAL_TOO_LONG)]


def _iscsi(source: Json, path: str, *, persistent: bool = False) -> list[Cause]:
    hint = "" if persistent else " starting with iqn, eui, or naa"
    found = _needed(source, path, "targetPortal")
    wrong = "must be valid format"
    name = source.get("iqn", "")
    if not name:
        found.append(required(f"{path}.iqn"))
    elif not name.startswith(_INITIATOR_KINDS):
        found.append(invalid(f"{path}.iqn", name, wrong + hint))
    elif not _is_initiator(name):
        found.append(invalid(f"{path}.iqn", name, wrong))
    lun = source.get("lun", 0)
    found += each(f"{path}.lun", lun, in_range(lun, 0, 255))
    secret = source.get("secretRef")
    if secret is None and (source.get("chapAuthDiscovery") or source.get("chapAuthSession")):
        found.append(required(f"{path}.secretRef"))
    if secret is not None and persistent:
        found += _needed(secret, f"{path}.secretRef", "name")
    initiator = source.get("initiatorName")
    if initiator is not None:
        # Upstream writes the field in small letters.
        at = f"{path}.initiatorname"
        if not initiator.startswith(_INITIATOR_KINDS):
            found.append(invalid(at, initiator, wrong + hint))
        elif not _is_initiator(initiator):
            found.append(invalid(at, initiator, wrong))
    return found


def _is_initiator(name: str) -> bool:
    return any(pattern.search(name) for kind, pattern in _INITIATORS if name.startswith(kind))


def _needed(source: Json, path: str, *fields: str) -> list[Cause]:
    return [required(f"{path}.{field}") for field in fields if not source.get(field)]


def _needs(*fields: str) -> Check:
    """A source that only has to have these."""
    return lambda source, path: _needed(source, path, *fields)


def _secret(source: Json, path: str, *fields: str) -> list[Cause]:
    secret = source.get("secretRef")
    return [] if secret is None else _needed(secret, f"{path}.secretRef", *fields)


def _host_path(source: Json, path: str) -> list[Cause]:
    target = source.get("path", "")
    if not target:
        return [required(f"{path}.path")]
    found = validate_no_backsteps(target, f"{path}.path")
    kind = source.get("type")
    if kind is not None and kind not in _HOST_PATH_TYPES:
        found.append(not_supported(f"{path}.type", kind, _HOST_PATH_TYPES))
    return found


def _git_repo(source: Json, path: str) -> list[Cause]:
    found = _needed(source, path, "repository")
    return found + validate_descending_path(source.get("directory", ""), f"{path}.directory")


def _disk(name: str) -> Check:
    def check(source: Json, path: str) -> list[Cause]:
        partition = source.get("partition", 0)
        wrong = in_range(partition, 0, 255) and in_range(partition, 1, 255)
        return _needed(source, path, name) + each(f"{path}.partition", partition, wrong)

    return check


def _nfs(source: Json, path: str) -> list[Cause]:
    found = _needed(source, path, "server", "path")
    if not source.get("path", "").startswith("/"):
        found.append(invalid(f"{path}.path", source.get("path", ""), "must be an absolute path"))
    return found


def _persistent_iscsi(source: Json, path: str) -> list[Cause]:
    return _iscsi(source, path, persistent=True)


def _fibre_channel(source: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    targets, at = source.get("targetWWNs"), f"{path}.targetWWNs"
    if not targets and not source.get("wwids"):
        found.append(required(at, "must specify either targetWWNs or wwids, but not both"))
    if targets and source.get("wwids"):
        text = "targetWWNs and wwids can not be specified simultaneously"
        found.append(invalid(at, targets, text))
    if targets:
        lun = source.get("lun")
        if lun is None:
            found.append(required(f"{path}.lun", "lun is required if targetWWNs is specified"))
        else:
            found += each(f"{path}.lun", lun, in_range(lun, 0, 255))
    return found


def _quobyte(source: Json, path: str) -> list[Cause]:
    registry = source.get("registry", "")
    pairs = "must be a host:port pair or multiple pairs separated by commas"
    found: list[Cause] = []
    if not registry:
        found.append(required(f"{path}.registry", pairs))
    elif len(source.get("tenant", "")) >= _TENANT_LIMIT:
        text = "must be a UUID and may not exceed a length of 64 characters"
        found.append(required(f"{path}.tenant", text))
    else:
        for pair in registry.split(","):
            if not _HOST_AND_PORT.fullmatch(pair):
                found.append(invalid(f"{path}.registry", registry, pairs))
    return found + _needed(source, path, "volume")


def _persistent_glusterfs(source: Json, path: str) -> list[Cause]:
    found = _needed(source, path, "endpoints", "path")
    namespace, at = source.get("endpointsNamespace"), f"{path}.endpointsNamespace"
    if namespace == "":
        text = "if the endpointnamespace is set, it must be a valid namespace name"
        found.append(invalid(at, namespace, text))
    elif namespace is not None:
        found += each(at, namespace, is_dns1123_label(namespace))
    return found


def _flocker(source: Json, path: str) -> list[Cause]:
    name, uuid = source.get("datasetName", ""), source.get("datasetUUID", "")
    found: list[Cause] = []
    if not name and not uuid:
        found.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        text = "datasetName and datasetUUID can not be specified simultaneously"
        found.append(invalid(path, "resource", text))
    if "/" in name:
        found.append(invalid(f"{path}.datasetName", name, "must not contain '/'"))
    return found


def _cinder(source: Json, path: str) -> list[Cause]:
    return _needed(source, path, "volumeID") + _secret(source, path, "name")


def _persistent_cinder(source: Json, path: str) -> list[Cause]:
    return _needed(source, path, "volumeID") + _secret(source, path, "name", "namespace")


def _flex(source: Json, path: str) -> list[Cause]:
    found = _needed(source, path, "driver")
    for key in sorted(source.get("options") or ()):
        if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            text = "kubernetes.io and k8s.io namespaces are reserved"
            found.append(invalid(f"{path}.options[{key}]", key, text))
    return found


def _persistent_azure_file(source: Json, path: str) -> list[Cause]:
    found = _needed(source, path, "secretName", "shareName")
    if source.get("secretNamespace") == "":
        found.append(required(f"{path}.secretNamespace"))
    return found


def _azure_disk(source: Json, path: str) -> list[Cause]:
    found = _needed(source, path, "diskName", "diskURI")
    for field, known in (("cachingMode", _CACHING_MODES), ("kind", _DISK_KINDS)):
        value = source.get(field)
        if value is not None and value not in known:
            found.append(not_supported(f"{path}.{field}", value, known))
    kind, uri = source.get("kind"), source.get("diskURI", "")
    if kind is not None:
        start, form = _MANAGED_DISK if kind == "Managed" else _BLOB_DISK
        if not uri.startswith(start):
            found.append(not_supported(f"{path}.diskURI", uri, (form,)))
    return found


def _storage_os(*secret: str) -> Check:
    def check(source: Json, path: str) -> list[Cause]:
        found = _needed(source, path, "volumeName")
        for field in ("volumeName", "volumeNamespace"):
            value = source.get(field)
            if value:
                found += each(f"{path}.{field}", value, is_dns1123_label(value))
        return found + _secret(source, path, *secret)

    return check


def _local(source: Json, path: str) -> list[Cause]:
    if not source.get("path"):
        return [required(f"{path}.path")]
    return validate_no_backsteps(source["path"], f"{path}.path")


def _csi(source: Json, path: str) -> list[Cause]:
    found = validate_driver_name(source.get("driver", ""), f"{path}.driver")
    secret = source.get("nodePublishSecretRef")
    if secret is not None:
        name = secret.get("name", "")
        if not name:
            found.append(required(f"{path}.nodePublishSecretRef.name"))
        else:
            # Upstream leaves the reference out of this path.
            found += each(f"{path}.name", name, is_dns1123_subdomain(name))
    return found


def _persistent_csi(source: Json, path: str) -> list[Cause]:
    found = validate_driver_name(source.get("driver", ""), f"{path}.driver")
    found += _needed(source, path, "volumeHandle")
    for field in _CSI_SECRETS:
        secret = source.get(field)
        if secret is None:
            continue
        for part, rule in (("name", is_dns1123_subdomain), ("namespace", is_dns1123_label)):
            value, at = secret.get(part, ""), f"{path}.{field}.{part}"
            found += each(at, value, rule(value)) if value else [required(at)]
    return found


_INITIATOR_KINDS: Final = ("iqn", "eui", "naa")
_INITIATORS: Final = (
    ("iqn", re.compile(r"iqn\.[0-9]{4}-[0-9]{2}\.([0-9A-Za-z.-]+)(:[^,;*&$| \t\n\f\r]+)\Z")),
    ("eui", re.compile(r"\Aeui.[0-9A-Za-z]{16}\Z")),
    ("naa", re.compile(r"\Anaa.[0-9A-Za-z]{32}\Z")),
)
_HOST_AND_PORT: Final = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*):[^\[\]:]*")
_HOST_PATH_TYPES: Final = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_CACHING_MODES: Final = ("None", "ReadOnly", "ReadWrite")
_DISK_KINDS: Final = ("Dedicated", "Managed", "Shared")
_MANAGED_DISK: Final = (
    "/subscriptions/",
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/"
    "{disk-id}",
)
_BLOB_DISK: Final = (
    "https://",
    "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",
)
_CSI_SECRETS: Final = (
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)
# Paths that upstream writes otherwise: in complaints about one source too many, and in all others.
_MISSPELT: Final = {"downwardAPI": "downwarAPI", "cephfs": "cephFS"}
_CHECKED_AS: Final = {"gcePersistentDisk": "persistentDisk"}

_EITHER: Final[Mapping[str, Check]] = {
    "awsElasticBlockStore": _disk("volumeID"),
    "azureDisk": _azure_disk,
    "cephfs": _needs("monitors"),
    "fc": _fibre_channel,
    "flexVolume": _flex,
    "flocker": _flocker,
    "gcePersistentDisk": _disk("pdName"),
    "hostPath": _host_path,
    "nfs": _nfs,
    "photonPersistentDisk": _needs("pdID"),
    "portworxVolume": _needs("volumeID"),
    "quobyte": _quobyte,
    "rbd": _needs("monitors", "image"),
    "scaleIO": _needs("gateway", "system", "volumeName"),
    "vsphereVolume": _needs("volumePath"),
}
# What a Pod may name, but for the sources that only Pods have.
POD_SOURCES: Final[Mapping[str, Check]] = {
    **_EITHER,
    "azureFile": _needs("secretName", "shareName"),
    "cinder": _cinder,
    "csi": _csi,
    "gitRepo": _git_repo,
    "glusterfs": _needs("endpoints", "path"),
    "iscsi": _iscsi,
    "storageos": _storage_os("name"),
}
PERSISTENT_SOURCES: Final[Mapping[str, Check]] = {
    **_EITHER,
    "azureFile": _persistent_azure_file,
    "cinder": _persistent_cinder,
    "csi": _persistent_csi,
    "glusterfs": _persistent_glusterfs,
    "iscsi": _persistent_iscsi,
    "local": _local,
    "storageos": _storage_os("name", "namespace"),
}
