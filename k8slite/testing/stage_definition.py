"""The definition of KWOK's Stages, for clusters that are given Stages without it."""

from __future__ import annotations

from typing import Any, Final

NAMED: Final = ("kwok.x-k8s.io/v1alpha1", "Stage")  # how an object says that it is one

_ANYTHING: Final[dict[str, Any]] = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
}
DEFINITION: Final[dict[str, Any]] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "stages.kwok.x-k8s.io"},
    "spec": {
        "group": "kwok.x-k8s.io",
        "scope": "Cluster",
        "names": {
            "plural": "stages",
            "singular": "stage",
            "kind": "Stage",
            "listKind": "StageList",
        },
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {"spec": _ANYTHING, "status": _ANYTHING},
                    }
                },
                "subresources": {"status": {}},
            }
        ],
    },
}
