"""Expressions of policies and of match conditions, compiled when they are written.

Upstream: `pkg/apis/admissionregistration/validation` (validateValidation and others).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from k8slite.objects.errors import Cause
from k8slite.objects.expressions import Uncompilable, compile_expression
from k8slite.objects.fields import invalid

Json = dict[str, Any]

VARIABLES: Final = (
    "object",
    "oldObject",
    "request",
    "params",
    "namespaceObject",
    "variables",
)


def policy_complaints(spec: Json) -> Iterator[Cause]:
    """A ValidatingAdmissionPolicy's expressions."""
    for name in ("validations", "matchConditions", "variables"):
        for number, one in enumerate(spec.get(name) or ()):
            at = f"spec.{name}[{number}]"
            of = "" if name == "variables" else "bool"
            yield from expression_complaints(one.get("expression", ""), f"{at}.expression", of)
            message = one.get("messageExpression", "")
            yield from expression_complaints(message, f"{at}.messageExpression", "string")


def condition_complaints(conditions: Iterable[Json], at: str) -> Iterator[Cause]:
    """A webhook's match conditions."""
    for number, one in enumerate(conditions):
        where = f"{at}[{number}].expression"
        yield from expression_complaints(one.get("expression", ""), where, "bool")


def expression_complaints(text: str, path: str, wanted: str) -> Iterator[Cause]:
    """What is wrong with an expression; nothing is wrong with none at all."""
    if not text.strip():
        return
    try:
        found = compile_expression(text, VARIABLES)
    except Uncompilable as error:
        yield invalid(path, text, f"compilation failed: {error}")
        return
    if wanted and found.result not in (wanted, "dyn"):
        yield invalid(path, text, f"must evaluate to {wanted}")
