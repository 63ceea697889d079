"""Volumes of a Pod, and the sources that only Pods have.

Mirrors `ValidateVolumes` and `validateVolumeSource` of `pkg/apis/core/validation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from k8slite.kinds.core.claim_validation import validate_claim_template
from k8slite.kinds.core.environment_validation import (
    validate_field_reference,
    validate_resource_reference,
)
from k8slite.kinds.core.path_validation import validate_file_path
from k8slite.kinds.core.volume_source_validation import (
    POD_SOURCES,
    Check,
    validate_portal_length,
    validate_sources,
)
from k8slite.objects import quantity
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, not_supported, required
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_dns1123_label, is_dns1123_subdomain

Json = dict[str, Any]

_FILE_MODE: Final = "must be a number between 0 and 0777 (octal), both inclusive"
_TOKEN_LEAST_SECONDS: Final = 600
_TOKEN_MOST_SECONDS: Final = 1 << 32


def validate_volumes(
    volumes: list[Json], pod_name: str, path: str
) -> tuple[Mapping[str, Json], list[Cause]]:
    """The good volumes by their name, and the complaints about the others.

    `pod_name` is "" for a template; it is needed for claims that are made for the Pod.
    """
    found: list[Cause] = []
    good: dict[str, Json] = {}
    claims = [f"{pod_name}-{v.get('name', '')}" for v in volumes if pod_name and "ephemeral" in v]
    for i, volume in enumerate(volumes):
        at = f"{path}[{i}]"
        name = volume.get("name", "")
        wrong = _source(volume, at, pod_name)
        if not name:
            wrong.append(required(f"{at}.name"))
        else:
            wrong += each(f"{at}.name", name, is_dns1123_label(name))
        if name in good:
            wrong.append(duplicate(f"{at}.name", name))
        if wrong:
            found += wrong
        else:
            good[name] = volume
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim in claims:
            text = "must not reference a PVC that gets created for an ephemeral volume"
            found.append(invalid(f"{at}.persistentVolumeClaim.claimName", claim, text))
    return good, found


def _source(volume: Json, path: str, pod_name: str) -> list[Cause]:
    found = validate_sources(volume, path, _SOURCES, _ORDER)
    name = volume.get("name", "")
    iscsi = volume.get("iscsi")
    if iscsi is not None:
        found += validate_portal_length(iscsi, name, f"{path}.name", name)
    if volume.get("ephemeral") is not None and pod_name and name:
        claim = f"{pod_name}-{name}"
        for text in is_dns1123_subdomain(claim):
            found.append(invalid(f"{path}.name", name, f'PVC name "{claim}": {text}'))
    image = volume.get("image")
    if image is not None and pod_name and not image.get("reference"):
        found.append(required(f"{path}.image.reference"))
    return found


def _empty_dir(source: Json, path: str) -> list[Cause]:
    limit = source.get("sizeLimit")
    if limit is not None and quantity.nano(limit) < 0:
        text = "SizeLimit field must be a valid resource quantity"
        return [forbidden(f"{path}.sizeLimit", text)]
    return []


def _secret(source: Json, path: str) -> list[Cause]:
    found = [] if source.get("secretName") else [required(f"{path}.secretName")]
    return found + _mode(source, "defaultMode", path) + _items(source, path)


def _config_map(source: Json, path: str) -> list[Cause]:
    found = [] if source.get("name") else [required(f"{path}.name")]
    return found + _mode(source, "defaultMode", path) + _items(source, path)


def _claim(source: Json, path: str) -> list[Cause]:
    return [] if source.get("claimName") else [required(f"{path}.claimName")]


def _downward(source: Json, path: str) -> list[Cause]:
    found = _mode(source, "defaultMode", path)
    # Upstream leaves the index out of these paths.
    for item in source.get("items", ()):
        found += _downward_file(item, path)
    return found


def _downward_file(item: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    if not item.get("path"):
        found.append(required(f"{path}.path"))
    found += validate_file_path(item.get("path", ""), f"{path}.path")
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if field is not None:
        found += validate_field_reference(field, _VOLUME_FIELDS, f"{path}.fieldRef")
        if resource is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            found.append(invalid(path, "resource", text))
    elif resource is not None:
        at = f"{path}.resourceFieldRef"
        found += validate_resource_reference(resource, at, in_volume=True)
    else:
        found.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return found + _mode(item, "mode", path)


def _projected(source: Json, path: str) -> list[Cause]:
    found = _mode(source, "defaultMode", path)
    paths: list[str] = []
    for i, projection in enumerate(source.get("sources", ())):
        at = f"{path}.sources[{i}]"
        kinds = [kind for kind in _PROJECTIONS if projection.get(kind) is not None]
        for kind in kinds:
            part = projection[kind]
            if kind == "serviceAccountToken":
                found += _token(part, f"{at}.{kind}", path)
                continue
            found += _projection(kind, part, f"{at}.{kind}")
            for item in part.get("items", ()):
                if not item.get("path"):
                    continue
                if item["path"] in paths:
                    shown = part.get("name", "") if kind != "downwardAPI" else item["path"]
                    found.append(invalid(path, shown, "conflicting duplicate paths"))
                paths.append(item["path"])
        if len(kinds) > 1:
            found.append(forbidden(at, "may not specify more than 1 volume type per source"))
    return found


def _projection(kind: str, part: Json, path: str) -> list[Cause]:
    if kind in ("secret", "configMap"):
        found = [] if part.get("name") else [required(f"{path}.name")]
        return found + _items(part, path)
    if kind == "downwardAPI":
        found = []
        for item in part.get("items", ()):
            found += _downward_file(item, path)
        return found
    return []


def _token(part: Json, path: str, volume_path: str) -> list[Cause]:
    """An account's token; complaints about its file are upstream's about the whole volume."""
    found: list[Cause] = []
    seconds, at = part.get("expirationSeconds", 0), f"{path}.expirationSeconds"
    if seconds < _TOKEN_LEAST_SECONDS:
        found.append(invalid(at, seconds, "may not specify a duration less than 10 minutes"))
    if seconds > _TOKEN_MOST_SECONDS:
        text = "may not specify a duration larger than 2^32 seconds"
        found.append(invalid(at, seconds, text))
    if not part.get("path"):
        return [*found, required(f"{volume_path}.path")]
    return found + validate_file_path(part["path"], f"{volume_path}.path")


def _ephemeral(source: Json, path: str) -> list[Cause]:
    at = f"{path}.volumeClaimTemplate"
    template = source.get("volumeClaimTemplate")
    return [required(at)] if template is None else validate_claim_template(template, at)


def _image(source: Json, path: str) -> list[Cause]:
    policy, at = source.get("pullPolicy", ""), f"{path}.pullPolicy"
    if policy in _PULL_POLICIES:
        return []
    return [not_supported(at, policy, _PULL_POLICIES) if policy else required(at)]


def _items(source: Json, path: str) -> list[Cause]:
    found: list[Cause] = []
    for i, item in enumerate(source.get("items", ())):
        at = f"{path}.items[{i}]"
        found += [required(f"{at}.{key}") for key in ("key", "path") if not item.get(key)]
        found += validate_file_path(item.get("path", ""), f"{at}.path")
        found += _mode(item, "mode", at)
    return found


def _mode(source: Json, key: str, path: str) -> list[Cause]:
    mode = source.get(key)
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [invalid(f"{path}.{key}", mode, _FILE_MODE)]


_PROJECTIONS: Final = (
    "secret",
    "configMap",
    "downwardAPI",
    "serviceAccountToken",
    "clusterTrustBundle",
    "podCertificate",
)
_VOLUME_FIELDS: Final = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_SOURCES: Final[Mapping[str, Check]] = {
    **POD_SOURCES,
    "configMap": _config_map,
    "downwardAPI": _downward,
    "emptyDir": _empty_dir,
    "ephemeral": _ephemeral,
    "image": _image,
    "persistentVolumeClaim": _claim,
    "projected": _projected,
    "secret": _secret,
}
# The order in which upstream looks at the sources of a volume.
_ORDER: Final = (
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
)
