"""Volumes: their default class, their growth, and that they are not deleted while in use.

Mirrors upstream's plugins DefaultStorageClass, PersistentVolumeClaimResize and
StorageObjectInUseProtection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.admission.default_class import default_class
from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage
from k8slite.objects.quantity import nano

Json = dict[str, Any]

_CLASSES: Final = "storage.k8s.io.storageclasses/"
_DEFAULT: Final = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_BETA_CLASS: Final = "volume.beta.kubernetes.io/storage-class"
_FINALIZERS: Final = {
    "persistentvolumes": "kubernetes.io/pv-protection",
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
}


@frozen
class DefaultStorageClass:
    """A claim without a class gets the default one, the newest if there are several."""

    storage: Storage
    resources: Sequence[str] = ("persistentvolumeclaims",)
    operations: Sequence[str] = ("CREATE",)
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        claim = attributes.new
        assert claim is not None
        spec = claim.setdefault("spec", {})
        beta = _BETA_CLASS in (claim["metadata"].get("annotations") or {})
        if "storageClassName" in spec or beta:
            return
        found = default_class(self.storage, _CLASSES, _DEFAULT)
        if found is not None:
            spec["storageClassName"] = found["metadata"]["name"]


@frozen
class PersistentVolumeClaimResize:
    """A claim grows only when it is bound, and its class allows it."""

    storage: Storage
    resources: Sequence[str] = ("persistentvolumeclaims",)
    operations: Sequence[str] = ("UPDATE",)
    subresources: bool = False

    async def validate(self, attributes: Attributes) -> None:
        new, old = attributes.new, attributes.old
        assert new is not None and old is not None
        if _size(new) <= _size(old):
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise forbidden(attributes, "Only bound persistent volume claims can be expanded")
        name = _class_of(new)
        found = self.storage.find(_CLASSES, "", name) if name and name == _class_of(old) else None
        if found is None or not found.get("allowVolumeExpansion"):
            raise forbidden(
                attributes,
                "only dynamically provisioned pvc can be resized and the storageclass that "
                "provisions the pvc must support resize",
            )


@frozen
class StorageObjectInUseProtection:
    """A finalizer keeps volumes and claims until nobody uses them any more."""

    resources: Sequence[str] = tuple(_FINALIZERS)
    operations: Sequence[str] = ("CREATE",)
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        assert attributes.new is not None
        metadata = attributes.new["metadata"]
        finalizer = _FINALIZERS[attributes.asked.kind.plural]
        known = metadata.get("finalizers") or []
        if finalizer not in known:
            metadata["finalizers"] = [*known, finalizer]


def _size(claim: Json) -> int:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return nano(requests.get("storage", "0"))


def _class_of(claim: Json) -> str:
    annotations = claim["metadata"].get("annotations") or {}
    found: str = annotations.get(_BETA_CLASS) or claim["spec"].get("storageClassName") or ""
    return found
