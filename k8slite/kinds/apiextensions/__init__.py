"""Custom resource definitions."""

from __future__ import annotations

from typing import Final

from k8slite.kinds.apiextensions.strategies import STRATEGIES
from k8slite.kinds.entry import entry, status
from k8slite.kinds.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    entry(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        strategies=STRATEGIES,
        namespaced=False,
        categories=("api-extensions",),
        short_names=("crd", "crds"),
        storage="apiextensions.k8s.io/v1beta1",
        subresources=(status("CustomResourceDefinition"),),
    ),
)
