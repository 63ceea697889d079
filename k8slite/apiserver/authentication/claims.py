"""From the claims of another issuer's token to a user, by the rules of its configuration.

Mirrors `apiserver/plugin/pkg/authenticator/token/oidc` (getUsername, getGroups, getUID, getExtra),
with its messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, frozen

from k8slite.apiserver.authentication.authenticator import BadToken
from k8slite.messages import User
from k8slite.objects.cel.environment import Expression, Failed
from k8slite.objects.cel.values import Optional, type_of

Json = dict[str, Any]

_CREDENTIAL: Final = "authentication.kubernetes.io/credential-id"
_NOT_TEXTS: Final = "expression must return a string or a list of strings"


@frozen
class Mapped:
    """Where a part of a user comes from: a claim, or an expression over all claims."""

    claim: str = ""
    prefix: str = ""
    expression: Expression | None = None


@frozen
class Rule:
    """What must be true, and what is said where it is not."""

    expression: Expression
    message: str = ""


@frozen
class ClaimRules:
    """What one issuer's claims must be, and what they mean."""

    username: Mapped
    groups: Mapped = Mapped()
    uid: Mapped = Mapped()
    extra: tuple[tuple[str, Expression], ...] = ()
    required: tuple[tuple[str, str], ...] = ()  # a claim, and what it must say
    claim_rules: tuple[Rule, ...] = ()
    user_rules: tuple[Rule, ...] = ()

    def user(self, claims: Json) -> User:
        """Whom the claims are about. Raises BadToken."""
        found = User(self._username(claims), self._groups(claims), self._uid(claims))
        found = evolve(found, extra=self._extra(claims))
        for claim, wanted in self.required:
            if claim not in claims:
                raise BadToken(f"oidc: required claim {claim} not present in ID token")
            said = _text(claims, claim, f"oidc: parse claim {claim}")
            if said != wanted:
                raise BadToken(
                    f"oidc: required claim {claim} value does not match. Got = {said}, "
                    f"want = {wanted}"
                )
        _hold(self.claim_rules, {"claims": claims}, "claim validation expression")
        _hold(self.user_rules, {"user": _as_object(found)}, "user info validation rule")
        return found

    def _username(self, claims: Json) -> str:
        mapped = self.username
        if mapped.expression is not None:
            found = _text_of(mapped.expression, claims, "username")
        else:
            found = _text(claims, mapped.claim, f'oidc: parse username claims "{mapped.claim}"')
            if mapped.claim == "email" and "email_verified" in claims:
                _check_verified(claims["email_verified"])
        if not found:
            raise BadToken("oidc: the username must not be empty")
        return mapped.prefix + found

    def _groups(self, claims: Json) -> tuple[str, ...]:
        mapped = self.groups
        if mapped.expression is not None:
            told = "oidc: error evaluating group claim expression"
            return _texts(_value(mapped.expression, {"claims": claims}, told), told)
        if not mapped.claim or mapped.claim not in claims:
            return ()
        said = claims[mapped.claim]
        listed = said if isinstance(said, list) else [said]
        for one in listed:
            if not isinstance(one, str):
                why = f"json: cannot unmarshal {_sort(one)} into Go value of type string"
                raise BadToken(f'oidc: parse groups claim "{mapped.claim}": {why}')
        return tuple(mapped.prefix + one for one in listed)

    def _uid(self, claims: Json) -> str:
        if self.uid.expression is not None:
            return _text_of(self.uid.expression, claims, "uid")
        if not self.uid.claim:
            return ""
        return _text(claims, self.uid.claim, f'oidc: parse uid claim "{self.uid.claim}"')

    def _extra(self, claims: Json) -> Mapping[str, tuple[str, ...]]:
        found = {}
        for key, expression in self.extra:
            told = f"oidc: error evaluating extra claim expression: {expression.text}"
            values = _texts(_value(expression, {"claims": claims}, told), told)
            if values:
                found[key] = values
        if "jti" in claims:
            identifier = _text(claims, "jti", "oidc: parse jti claim")
            if identifier:
                found[_CREDENTIAL] = (f"JTI={identifier}",)
        return found


def _check_verified(said: Any) -> None:
    if not isinstance(said, bool):
        why = f"json: cannot unmarshal {_sort(said)} into Go value of type bool"
        raise BadToken(f"oidc: parse 'email_verified' claim: {why}")
    if not said:
        raise BadToken("oidc: email not verified")


def _hold(rules: tuple[Rule, ...], variables: Json, what: str) -> None:
    told = f"oidc: error evaluating {what}"
    for rule in rules:
        value = _value(rule.expression, variables, told)
        if not isinstance(value, bool):
            raise BadToken(f"{told}: validation expression must return a boolean")
        if not value:
            raise BadToken(
                f"{told}: validation expression '{rule.expression.text}' failed: {rule.message}"
            )


def _value(expression: Expression, variables: Json, told: str) -> Any:
    try:
        value = expression.evaluate(variables)
    except Failed as error:
        raise BadToken(
            f"{told}: expression '{expression.text}' resulted in error: {error}"
        ) from None
    if isinstance(value, Optional):
        raise BadToken(f"{told}: {_NOT_TEXTS}")
    return value


def _text_of(expression: Expression, claims: Json, part: str) -> str:
    told = f"oidc: error evaluating {part} claim expression"
    value = _value(expression, {"claims": claims}, told)
    if type_of(value).name != "string" or not isinstance(value, str):
        raise BadToken(f"{told}: {part} claim expression must return a string")
    return value


def _texts(value: Any, told: str) -> tuple[str, ...]:
    """A text or several; empty ones count as absent."""
    if value is None:
        return ()
    listed = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(one, str) for one in listed):
        raise BadToken(f"{told}: {_NOT_TEXTS}")
    return tuple(one for one in listed if one)


def _text(claims: Json, claim: str, told: str) -> str:
    if claim not in claims:
        raise BadToken(f"{told}: claim not present")
    said = claims[claim]
    if said is None:
        return ""
    if not isinstance(said, str):
        raise BadToken(f"{told}: json: cannot unmarshal {_sort(said)} into Go value of type string")
    return said


def _sort(value: Any) -> str:
    """What Go's decoder calls a value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    for type_, name in ((str, "string"), (dict, "object"), (list, "array")):
        if isinstance(value, type_):
            return name
    return "null"


def _as_object(user: User) -> Json:
    return {
        "username": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
    }
