"""What storage classes and CSI drivers get where nothing was said.

Mirrors `pkg/apis/storage/v1/defaults.go`.
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]


def default_storage_class(storage_class: Json) -> None:
    """Volumes are deleted with their claim and bound at once."""
    storage_class.setdefault("reclaimPolicy", "Delete")
    storage_class.setdefault("volumeBindingMode", "Immediate")


def default_driver(driver: Json) -> None:
    """Fill in a CSIDriver."""
    spec = driver.setdefault("spec", {})
    for key, value in _DRIVER:
        spec.setdefault(key, value)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def default_node(node: Json) -> None:
    """The list of drivers is printed though empty."""
    node.setdefault("spec", {}).setdefault("drivers", None)


def default_attachment(attachment: Json) -> None:
    """Whether it is attached is always said."""
    attachment.setdefault("spec", {}).setdefault("source", {})
    attachment.setdefault("status", {}).setdefault("attached", False)


_DRIVER: Final = (
    ("attachRequired", True),
    ("podInfoOnMount", False),
    ("storageCapacity", False),
    ("fsGroupPolicy", "ReadWriteOnceWithFSType"),
    ("requiresRepublish", False),
    ("seLinuxMount", False),
)
