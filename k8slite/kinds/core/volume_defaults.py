"""What a volume gets where its author said nothing.

Mirrors `SetDefaults_Volume` and the defaults of the volume sources in `pkg/apis/core/v1`. The same
sources, with a few more, are found in a PersistentVolume.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from k8slite.kinds.core.images import pull_policy

Json = dict[str, Any]

# 0644: everybody may read the files of these volumes.
FILE_MODE: Final = 0o644
TOKEN_EXPIRATION_SECONDS: Final = 3600


def default_volumes(volumes: Iterable[Json]) -> None:
    """Fill in the volumes of a Pod; one that names no source is an empty directory."""
    for volume in volumes:
        found = False
        for source in volume:
            if source != "name":
                found = True
                default = _SOURCES.get(source)
                if default is not None:
                    default(volume[source])
        if not found:
            volume["emptyDir"] = {}


def default_volume_source(spec: Json) -> None:
    """Fill in the source that a PersistentVolume's spec names."""
    for source, default in _SOURCES.items():
        if source in spec and isinstance(spec[source], dict):
            default(spec[source])


def default_claim_spec(spec: Json) -> None:
    """Fill in what a PersistentVolumeClaim asks for."""
    spec.setdefault("volumeMode", "Filesystem")
    spec.setdefault("resources", {})
    for key in ("dataSource", "dataSourceRef"):
        if spec.get(key) is not None:
            spec[key].setdefault("apiGroup", None)


def _secret(source: Json) -> None:
    source.setdefault("defaultMode", FILE_MODE)


def _downward(source: Json) -> None:
    source.setdefault("defaultMode", FILE_MODE)
    _downward_items(source)


def _downward_items(source: Json) -> None:
    for item in source.get("items", ()):
        field = item.get("fieldRef")
        if field is not None and not field.get("apiVersion"):
            field["apiVersion"] = "v1"
        resource = item.get("resourceFieldRef")
        if resource is not None:
            resource.setdefault("divisor", "0")


def _projected(source: Json) -> None:
    source.setdefault("defaultMode", FILE_MODE)
    for projection in source.get("sources", ()):
        token = projection.get("serviceAccountToken")
        if token is not None:
            token.setdefault("expirationSeconds", TOKEN_EXPIRATION_SECONDS)
        downward = projection.get("downwardAPI")
        if downward is not None:
            _downward_items(downward)


def _host_path(source: Json) -> None:
    source.setdefault("type", "")


def _iscsi(source: Json) -> None:
    if not source.get("iscsiInterface"):
        source["iscsiInterface"] = "default"


def _rbd(source: Json) -> None:
    for key, value in (("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")):
        if not source.get(key):
            source[key] = value


def _azure_disk(source: Json) -> None:
    source.setdefault("cachingMode", "ReadWrite")
    source.setdefault("kind", "Shared")
    source.setdefault("fsType", "ext4")
    source.setdefault("readOnly", False)


def _scale_io(source: Json) -> None:
    if not source.get("storageMode"):
        source["storageMode"] = "ThinProvisioned"
    if not source.get("fsType"):
        source["fsType"] = "xfs"


def _ephemeral(source: Json) -> None:
    template = source.get("volumeClaimTemplate")
    if template is not None:
        template.setdefault("metadata", {})
        default_claim_spec(template.setdefault("spec", {}))


def _image(source: Json) -> None:
    if not source.get("pullPolicy"):
        # Imported here because a Pod's defaults are built on a volume's.

        source["pullPolicy"] = pull_policy(source.get("reference", ""))


_SOURCES: Final = {
    "azureDisk": _azure_disk,
    "configMap": _secret,
    "downwardAPI": _downward,
    "ephemeral": _ephemeral,
    "hostPath": _host_path,
    "image": _image,
    "iscsi": _iscsi,
    "projected": _projected,
    "rbd": _rbd,
    "scaleIO": _scale_io,
    "secret": _secret,
}
