"""How objects of a custom resource are filled in and checked.

Upstream: `apiextensions-apiserver/pkg/registry/customresource` (strategy, validator).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from k8slite.kinds.apiextensions.custom_rules import rules_in_turns
from k8slite.kinds.kind import Strategy
from k8slite.objects.embedded_validation import validate_embedded
from k8slite.objects.errors import Cause
from k8slite.objects.fields import invalid
from k8slite.objects.meta import has_condition
from k8slite.objects.structural import Structural
from k8slite.objects.structural_validation import validate_values

Json = dict[str, Any]

# Complaints after which the rules cannot be asked.
_BLOCKING: Final = (
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
)
_UNCHECKED: Final = invalid(
    "<nil>",
    "null",
    "some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation",
)
_TERMINATING: Final = "create not allowed while custom resource definition is terminating"


def strategy_of(definition: Json, schema: Structural, *, has_status: bool) -> Strategy:
    """The strategy of one version."""

    def validate(new: Json, old: Json | None) -> list[Cause]:
        return [*validate_values(schema, new, old), *validate_embedded(schema, new)]

    def validate_in_turns(
        new: Json, old: Json | None, found: Sequence[Cause]
    ) -> Iterator[Cause | None]:
        if schema.has_rules and any(cause.reason in _BLOCKING for cause in found):
            return iter((_UNCHECKED,))
        return rules_in_turns(schema, new, old)

    def prepare(new: Json, old: Json | None) -> None:
        if has_status and old is None:
            new.pop("status", None)

    is_closed = has_condition(definition, "Terminating")
    return Strategy(
        default=schema.default,
        prepare=prepare,
        validate=validate,
        validate_status=validate,
        validate_in_turns=validate_in_turns,
        generation=True,
        status=has_status,
        unconditional_update=False,
        generation_fields=(),
        plain_finalizers=True,
        closed=_TERMINATING if is_closed else "",
    )
