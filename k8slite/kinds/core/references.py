"""Which other objects of its namespace a pod needs. Pure, on plain dicts.

Mirrors `pkg/api/v1/pod/util.go` (`VisitPodSecretNames`, `VisitPodConfigmapNames`),
`persistentvolume/util.go` and `dynamic-resource-allocation/resourceclaim.Name`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = dict[str, Any]

# Marks a pod that stands for one which its node runs by itself.
MIRROR: Final = "kubernetes.io/config.mirror"
_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
# Volumes that name a Secret by a reference, and where.
_SECRET_REFERENCES: Final = (
    ("azureFile", "secretName"),
    ("cephfs", "secretRef"),
    ("cinder", "secretRef"),
    ("flexVolume", "secretRef"),
    ("rbd", "secretRef"),
    ("secret", "secretName"),
    ("scaleIO", "secretRef"),
    ("iscsi", "secretRef"),
    ("storageos", "secretRef"),
    ("csi", "nodePublishSecretRef"),
)
# Secrets of a persistent volume that its node reads (`kubeletVisible`).
_VOLUME_SECRETS: Final = (
    *(reference for reference in _SECRET_REFERENCES if reference[0] not in ("secret", "csi")),
    ("csi", "nodePublishSecretRef"),
    ("csi", "nodeStageSecretRef"),
    ("csi", "nodeExpandSecretRef"),
)


def secret_names(spec: Json) -> Iterator[str]:
    """The Secrets that a pod's spec names; some perhaps several times."""
    yield from _names(one.get("name") for one in spec.get("imagePullSecrets") or ())
    yield from _environment(spec, "secretRef", "secretKeyRef")
    for volume in spec.get("volumes") or ():
        for source, part in _SECRET_REFERENCES:
            yield from _names([_referred(volume.get(source) or {}, part)])
        for one in _projected(volume):
            yield from _names([(one.get("secret") or {}).get("name")])


def config_map_names(spec: Json) -> Iterator[str]:
    """The ConfigMaps that a pod's spec names; some perhaps several times."""
    yield from _environment(spec, "configMapRef", "configMapKeyRef")
    for volume in spec.get("volumes") or ():
        yield from _names([(volume.get("configMap") or {}).get("name")])
        for one in _projected(volume):
            yield from _names([(one.get("configMap") or {}).get("name")])


def claim_names(pod: Json) -> Iterator[str]:
    """The PersistentVolumeClaims of a pod, those that are made for it included."""
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            yield str(volume["persistentVolumeClaim"].get("claimName", ""))
        elif "ephemeral" in volume:
            yield f"{pod['metadata']['name']}-{volume['name']}"


def resource_claim_names(pod: Json) -> Iterator[str]:
    """The ResourceClaims of a pod, as far as they are known yet."""
    status = pod.get("status") or {}
    made = {
        one["name"]: one.get("resourceClaimName")
        for one in status.get("resourceClaimStatuses") or ()
    }
    for claim in pod["spec"].get("resourceClaims") or ():
        yield from _names([claim.get("resourceClaimName") or made.get(claim["name"])])
    yield from _names([(status.get("extendedResourceClaimStatus") or {}).get("resourceClaimName")])


def volume_secrets(volume: Json) -> Iterator[tuple[str, str]]:
    """Namespace and name of the Secrets that a node needs for a PersistentVolume."""
    spec = volume["spec"]
    home = (spec.get("claimRef") or {}).get("namespace", "")
    for source, part in _VOLUME_SECRETS:
        found = spec.get(source) or {}
        name = _referred(found, part)
        reference = found.get(part)
        named = reference.get("namespace") if isinstance(reference, Mapping) else None
        if name:
            yield named or found.get("secretNamespace") or home, name


def projected_tokens(spec: Json) -> Iterator[Json]:
    """The service account tokens that a pod's volumes are made of."""
    for volume in spec.get("volumes") or ():
        for one in _projected(volume):
            if "serviceAccountToken" in one:
                yield one["serviceAccountToken"]


def containers_of(spec: Json) -> Iterator[Json]:
    """All containers of a pod's spec, of whatever sort."""
    return (one for part in _CONTAINERS for one in spec.get(part) or ())


def _environment(spec: Json, whole: str, key: str) -> Iterator[str]:
    for container in containers_of(spec):
        for one in container.get("envFrom") or ():
            yield from _names([(one.get(whole) or {}).get("name")])
        for one in container.get("env") or ():
            source = (one.get("valueFrom") or {}).get(key) or {}
            yield from _names([source.get("name")])


def _projected(volume: Json) -> Iterator[Json]:
    yield from (volume.get("projected") or {}).get("sources") or ()


def _referred(source: Json, part: str) -> str | None:
    found = source.get(part)
    return found.get("name") if isinstance(found, Mapping) else found


def _names(found: Any) -> Iterator[str]:
    yield from (name for name in found if name)
