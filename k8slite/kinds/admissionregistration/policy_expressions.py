"""Expressions of policies and of match conditions, compiled when they are written.

Upstream: `pkg/apis/admissionregistration/validation` (validateValidation and others).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from k8slite.kinds.admissionregistration.policy_composition import (
    ANNOTATION,
    APPLY,
    CONDITION,
    MESSAGE,
    PATCH,
    Composition,
    Mistyped,
)
from k8slite.objects.cel.environment import Uncompilable
from k8slite.objects.cel.lexer import is_identifier
from k8slite.objects.cel.types import DYN, Type
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, forbidden, invalid, not_supported, required, too_many
from k8slite.objects.metadata_validation import each
from k8slite.objects.names import is_qualified_name

Json = dict[str, Any]

_CONDITIONS_MOST: Final = 64
_ANNOTATIONS_MOST: Final = 20
_ANNOTATION_BYTES_MOST: Final = 5 * 1024
_REASONS: Final = ("Forbidden", "Invalid", "RequestEntityTooLarge")


def condition_complaints(
    conditions: Sequence[Json], at: str, *, params: Type | None = None
) -> Iterator[Cause]:
    """Match conditions of a webhook or a policy."""
    if len(conditions) > _CONDITIONS_MOST:
        yield too_many(at, len(conditions), _CONDITIONS_MOST)
    composition = Composition(params, is_composed=False)
    names: list[str] = []
    for number, one in enumerate(conditions):
        where, name = f"{at}[{number}]", one.get("name", "")
        text = one.get("expression", "").strip()
        if not text:
            yield required(f"{where}.expression")
        else:
            yield from _wrong(composition, text, CONDITION, f"{where}.expression")
        if not name:
            yield required(f"{where}.name")
            continue
        yield from each(f"{where}.name", name, is_qualified_name(name))
        if name in names:
            yield duplicate(f"{where}.name", name)
        names.append(name)


def variable_complaints(composition: Composition, variables: Iterable[Json]) -> Iterator[Cause]:
    """The variables of a policy, which are added to its composition."""
    for number, one in enumerate(variables):
        at, name = f"spec.variables[{number}]", one.get("name", "")
        if not name.strip():
            yield required(f"{at}.name", "name is not specified")
        elif not is_identifier(name):
            yield invalid(f"{at}.name", name, "name is not a valid CEL identifier")
        text = one.get("expression", "")
        if not text.strip():
            yield required(f"{at}.expression", "expression is not specified")
            continue
        try:
            composition.add(name, text)
        except Uncompilable as error:
            yield _told(f"{at}.expression", text, error)


def validation_complaints(composition: Composition, spec: Json, name: str) -> Iterator[Cause]:
    """The validations and audit annotations of a policy."""
    for number, one in enumerate(spec.get("validations") or ()):
        yield from _validation(composition, one, f"spec.validations[{number}]")
    annotations = spec.get("auditAnnotations") or ()
    if len(annotations) > _ANNOTATIONS_MOST:
        text = f"must not have more than {_ANNOTATIONS_MOST} auditAnnotations"
        yield invalid("spec.auditAnnotations", annotations, text)
    keys: list[str] = []
    for number, one in enumerate(annotations):
        at, key = f"spec.auditAnnotations[{number}]", one.get("key", "")
        if name:
            full = f"{name}/{key}"
            yield from each(f"{at}.key", full, is_qualified_name(full))
        else:
            yield invalid(f"{at}.key", key, "requires metadata.name be non-empty")
        text = one.get("valueExpression", "").strip()
        if not text:
            yield required(f"{at}.valueExpression", "valueExpression is not specified")
        elif len(text.encode()) > _ANNOTATION_BYTES_MOST:
            said = f"must not exceed {_ANNOTATION_BYTES_MOST} bytes in length"
            yield required(f"{at}.valueExpression", said)
        else:
            yield from _wrong(composition, text, ANNOTATION, f"{at}.valueExpression")
        if key in keys:
            yield duplicate(f"{at}.key", key)
        keys.append(key)


def mutation_complaints(composition: Composition, mutations: Iterable[Json]) -> Iterator[Cause]:
    """The mutations of a policy."""
    for number, one in enumerate(mutations):
        at, kind = f"spec.mutations[{number}]", one.get("patchType", "")
        if not kind:
            yield required(f"{at}.patchType")
            continue
        if kind not in _MUTATIONS:
            yield not_supported(f"{at}.patchType", kind, _MUTATIONS)
            continue
        for other, (name, wanted) in _MUTATIONS.items():
            given = one.get(name)
            where = f"{at}.{name}"
            if other != kind:
                if given is not None:
                    text = f"must not be specified when patchType is {kind}"
                    yield forbidden(where, text)
            elif given is None:
                yield required(where, f"must be specified when patchType is {kind}")
            elif not given.get("expression", "").strip():
                yield required(f"{where}.expression", "expression is not specified")
            else:
                text = given["expression"]
                yield from _wrong(composition, text, wanted, f"{where}.expression", patches=True)


def composition_for(spec: Json) -> Composition:
    """What the expressions of a policy that is written are compiled with."""
    params = DYN if spec.get("paramKind") else None
    return Composition(params, is_composed=bool(spec.get("variables")))


def _validation(composition: Composition, one: Json, at: str) -> Iterator[Cause]:
    text = one.get("expression", "")
    if not text.strip():
        yield required(f"{at}.expression", "expression is not specified")
    else:
        yield from _wrong(composition, text, CONDITION, f"{at}.expression")
    told = one.get("messageExpression", "")
    where = f"{at}.messageExpression"
    if told and not told.strip():
        yield invalid(where, told, "must be non-empty if specified")
    elif told:
        yield from _wrong(composition, told, MESSAGE, where, authorizer=False)
    message = one.get("message", "")
    if message and not message.strip():
        yield invalid(f"{at}.message", message, "message must be non-empty if specified")
    elif "\n" in message.strip() or "\r" in message.strip():
        yield invalid(f"{at}.message", message, "message must not contain line breaks")
    reason = one.get("reason")
    if reason is not None and reason not in _REASONS:
        yield not_supported(f"{at}.reason", reason, _REASONS)


def _wrong(
    composition: Composition,
    text: str,
    wanted: Sequence[Type],
    at: str,
    *,
    authorizer: bool = True,
    patches: bool = False,
) -> Iterator[Cause]:
    try:
        composition.compile(text, wanted, authorizer=authorizer, patches=patches)
    except Uncompilable as error:
        yield _told(at, text, error)


def _told(at: str, text: str, error: Uncompilable) -> Cause:
    said = str(error) if isinstance(error, Mistyped) else f"compilation failed: {error}"
    return invalid(at, text, said)


_MUTATIONS: Final = {
    "ApplyConfiguration": ("applyConfiguration", APPLY),
    "JSONPatch": ("jsonPatch", PATCH),
}
