"""The expressions of one policy, compiled: its variables build on one another.

Upstream: `apiserver/pkg/admission/plugin/cel` (composition, compile).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field

from k8slite.kinds.admissionregistration.policy_types import (
    JSON_PATCH,
    OBJECT,
    patch_type,
    variables_of,
)
from k8slite.objects.cel.environment import Environment, Expression, Uncompilable
from k8slite.objects.cel.types import BOOL, DYN, NULL, STRING, Type, list_of

Json = dict[str, Any]

# What an expression must give, by what it is for; nothing: anything.
CONDITION: Final = (BOOL,)
MESSAGE: Final = (STRING,)
ANNOTATION: Final = (STRING, NULL)
APPLY: Final = (Type(OBJECT),)
PATCH: Final = (list_of(Type(JSON_PATCH)),)


@define(eq=False)
class Composition:
    """Compiles expressions over the variables that were added."""

    params: Type | None  # None: the policy has none
    is_composed: bool = True  # whether there is `variables` at all
    watched: Type = DYN  # the type of `object`
    fields: dict[str, Type] = field(factory=dict)
    # Why a variable cannot be compiled, or what it is.
    compiled: dict[str, Expression | Uncompilable] = field(factory=dict)
    _environments: dict[tuple[bool, bool], Environment] = field(factory=dict)

    @classmethod
    def of(cls, spec: Json) -> Composition:
        """With all variables of a policy."""
        found = cls(DYN if spec.get("paramKind") else None)
        for variable in spec.get("variables") or ():
            try:
                found.add(variable["name"], variable["expression"])
            except Uncompilable:
                pass  # whoever asks for it is told
        return found

    def add(self, name: str, text: str) -> Expression:
        """One more variable. Raises Uncompilable; others may name it all the same."""
        try:
            found = self.compile(text)
        except Uncompilable as error:
            self.compiled[name] = error
            self.fields[name] = DYN
            self._environments.clear()
            raise
        self.compiled[name] = found
        self.fields[name] = found.type
        self._environments.clear()
        return found

    def compile(
        self,
        text: str,
        wanted: Sequence[Type] = (),
        *,
        authorizer: bool = True,
        patches: bool = False,
    ) -> Expression:
        """Raises Uncompilable with upstream's message."""
        found = self._environment(authorizer, patches).compile(text)
        if wanted and found.type not in wanted:
            names = [_named(one) for one in wanted]
            shown = names[0] if len(names) == 1 else f"one of [{' '.join(names)}]"
            raise Mistyped(f"must evaluate to {shown} but got {_named(found.type)}")
        return found

    def _environment(self, authorizer: bool, patches: bool) -> Environment:
        found = self._environments.get((authorizer, patches))
        if found is None:
            variables = variables_of(
                params=self.params,
                authorizer=authorizer,
                composed=dict(self.fields) if self.is_composed else None,
                watched=self.watched,
            )
            found = Environment(variables, patch_type) if patches else Environment(variables)
            self._environments[authorizer, patches] = found
        return found


class Mistyped(Uncompilable):
    """An expression that gives something else than is wanted."""


def _named(type_: Type) -> str:
    """A type as Go's String method writes it."""
    if type_.parameters and type_.name != "type":
        return f"{type_.name}({', '.join(map(_named, type_.parameters))})"
    return type_.name
