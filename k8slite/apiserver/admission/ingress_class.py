"""An Ingress without a class gets the default one.

Mirrors upstream's plugin DefaultIngressClass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.admission.default_class import default_class
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.storage import Storage

Json = dict[str, Any]

_CLASSES: Final = "networking.k8s.io.ingressclasses/"
_DEFAULT: Final = ("ingressclass.kubernetes.io/is-default-class",)
_OLD_ANNOTATION: Final = "kubernetes.io/ingress.class"


@frozen
class DefaultIngressClass:
    """Upstream's plugin of that name."""

    storage: Storage
    resources: Sequence[str] = ("ingresses.networking.k8s.io",)
    operations: Sequence[str] = ("CREATE",)
    subresources: bool = False

    async def mutate(self, attributes: Attributes) -> None:
        ingress = attributes.new
        assert ingress is not None
        spec = ingress.setdefault("spec", {})
        annotations = ingress["metadata"].get("annotations") or {}
        if "ingressClassName" in spec or _OLD_ANNOTATION in annotations:
            return
        found = default_class(self.storage, _CLASSES, _DEFAULT)
        if found is not None:
            spec["ingressClassName"] = found["metadata"]["name"]
