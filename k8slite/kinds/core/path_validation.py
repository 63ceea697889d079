"""Paths inside volumes: relative, and never out of the directory.

Mirrors `validateLocalDescendingPath` and `ValidateLocalNonReservedPath`.
"""

from __future__ import annotations

from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid


def validate_descending_path(target: str, path: str) -> list[Cause]:
    """A relative path that nowhere goes up."""
    found = [invalid(path, target, "must be a relative path")] if target.startswith("/") else []
    return found + validate_no_backsteps(target, path)


def validate_no_backsteps(target: str, path: str) -> list[Cause]:
    """A path of any kind that nowhere goes up."""
    if ".." in target and ".." in target.replace("\\", "/").split("/"):
        return [invalid(path, target, "must not contain '..'")]
    return []


def validate_file_path(target: str, path: str) -> list[Cause]:
    """A descending path whose name does not look like one of the volume's own links."""
    found = validate_descending_path(target, path)
    if target.startswith("..") and not target.startswith("../"):
        found.append(invalid(path, target, "must not start with '..'"))
    return found
