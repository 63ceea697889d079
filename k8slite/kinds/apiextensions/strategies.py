"""How the kinds of group `apiextensions` are filled in, checked and protected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8slite.kinds.apiextensions.conversion_validation import validate_stored_versions
from k8slite.kinds.apiextensions.definition_defaults import (
    begin_termination,
    default_definition,
    prepare_definition,
)
from k8slite.kinds.apiextensions.definition_validation import validate_definition
from k8slite.kinds.kind import Strategy

STRATEGIES: Final[Mapping[str, Strategy]] = {
    "customresourcedefinitions": Strategy(
        default=default_definition,
        prepare=prepare_definition,
        validate=validate_definition,
        validate_status=validate_stored_versions,
        prepare_delete=begin_termination,
        name_rule="path",
        generation=True,
        status=True,
        unconditional_update=False,
        plain_finalizers=True,
    ),
}
