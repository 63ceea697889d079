"""Patches: how a document changes an object. One type a file; pure functions on plain dicts.

    apply(patch, obj, definition) -> new object

In: the decoded patch, the object in the version of the request, and its published schema (None
for a custom resource). Out: a new object that shares what did not change with the old one, or
with the patch; neither is ever written to. A patch that cannot be applied is an API error.
Never here: server-side apply, which needs to know who owns what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from k8slite.apiserver.patches import json_patch, merge_patch, strategic
from k8slite.objects.schema import Schema

Apply = Callable[[Any, dict[str, Any], Schema | None], dict[str, Any]]

PATCHES: Final[Mapping[str, Apply]] = {
    "application/json-patch+json": json_patch.apply,
    "application/merge-patch+json": merge_patch.apply,
    "application/strategic-merge-patch+json": strategic.apply,
}
