"""AuthenticationConfiguration: which issuers' tokens are believed, and who may ask as nobody.

Mirrors `apiserver/pkg/apis/apiserver/validation` (ValidateAuthenticationConfiguration), with its
messages, and `pkg/authentication/cel`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import define, field, frozen

from k8slite.apiserver.authentication.anonymous import Anonymous
from k8slite.apiserver.authentication.claims import ClaimRules, Mapped, Rule
from k8slite.apiserver.authentication.configured_expressions import (
    CLAIMS,
    USER,
    Wanted,
    compiled,
    uses,
)
from k8slite.apiserver.authentication.json_web_keys import ALGORITHMS
from k8slite.apiserver.strict_reading import read_strictly
from k8slite.objects.cel.environment import Expression
from k8slite.objects.errors import Cause
from k8slite.objects.fields import duplicate, invalid, required, too_many
from k8slite.objects.metadata_validation import domain_prefixed

Json = dict[str, Any]

_ISSUERS_MOST: Final = 64
_RESERVED: Final = re.compile(r"(?:.*\.)?(?:kubernetes|k8s)\.io")
_EMAIL: Final = (
    "claims.email_verified must be used in claimMappings.username.expression or "
    "claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when "
    "claims.email is used in claimMappings.username.expression"
)
_BOTH: Final = "claim and expression can't both be set"
_EITHER: Final = "claim or expression is required"
_PREFIX: Final = (
    "prefix is required when claim is set. It can be set to an empty string to disable prefixing"
)


@frozen
class Issuer:
    """Who signs tokens, for whom, and what they mean."""

    url: str
    audiences: tuple[str, ...]
    rules: ClaimRules
    discovery_url: str = ""
    certificate_authority: str = field(default="", repr=False)  # PEM; "": whom this machine trusts
    algorithms: tuple[str, ...] = tuple(ALGORITHMS)  # with which he may sign


@frozen
class Configuration:
    """What a file says."""

    issuers: tuple[Issuer, ...] = ()
    anonymous: Anonymous | None = None  # None: the file says nothing of it


def read_configuration(document: Any, own_issuers: Sequence[str] = ()) -> Configuration:
    """What an AuthenticationConfiguration says; `own_issuers` cannot be others'.

    Raises ValueError with all complaints.
    """
    found = read_strictly(document, "AuthenticationConfiguration", _VERSIONS, _SHAPE)
    reading = _Reading(tuple(own_issuers))
    listed = found.get("jwt") or []
    if len(listed) > _ISSUERS_MOST:
        raise ValueError(_told([too_many("jwt", len(listed), _ISSUERS_MOST)]))
    issuers = [reading.issuer(one or {}, f"jwt[{number}]") for number, one in enumerate(listed)]
    anonymous = reading.anonymous(found.get("anonymous"))
    if reading.causes:
        raise ValueError(_told(reading.causes))
    return Configuration(tuple(issuers), anonymous)


def _told(causes: Sequence[Cause]) -> str:
    texts = list(dict.fromkeys(f"{one.field}: {one.message}" for one in causes))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


@define
class _Reading:
    """What was found so far, and what is wrong with it."""

    own: tuple[str, ...]
    causes: list[Cause] = field(factory=list)
    _urls: dict[str, set[str]] = field(factory=dict)

    def anonymous(self, said: Json | None) -> Anonymous | None:
        if said is None:
            return None
        enabled, conditions = bool(said.get("enabled")), said.get("conditions") or []
        if conditions and not enabled:
            why = "enabled should be set to true when conditions are defined"
            self.causes.append(invalid("anonymous.conditions", conditions, why))
        return Anonymous(enabled, tuple((one or {}).get("path") or "" for one in conditions))

    def issuer(self, said: Json, path: str) -> Issuer:
        at, one = f"{path}.issuer", said.get("issuer") or {}
        url, discovery = one.get("url") or "", one.get("discoveryURL") or ""
        bundle = one.get("certificateAuthority") or ""
        if not url:
            self.causes.append(required(f"{at}.url"))
        else:
            self._url(url, f"{at}.url", self.own)
        if discovery:
            if url and url.rstrip("/") == discovery.rstrip("/"):
                why = "discoveryURL must be different from URL"
                self.causes.append(invalid(f"{at}.discoveryURL", discovery, why))
            self._url(discovery, f"{at}.discoveryURL")
        self._audiences(one, at)
        if bundle:
            self._bundle(bundle, f"{at}.certificateAuthority")
        selector = one.get("egressSelectorType") or ""
        if selector and selector not in ("controlplane", "cluster"):
            why = "egress selector must be either controlplane or cluster"
            self.causes.append(invalid(f"{at}.egressSelectorType", selector, why))
        rules = self._rules(said, path)
        self._once(url, f"{at}.url")
        if discovery:
            self._once(discovery, f"{at}.discoveryURL")
        return Issuer(url, tuple(one.get("audiences") or ()), rules, discovery, bundle)

    def _once(self, value: str, path: str) -> None:
        seen = self._urls.setdefault(path.rpartition(".")[2], set())
        if value in seen:
            self.causes.append(duplicate(path, value))
        seen.add(value)

    def _url(self, url: str, path: str, not_these: Sequence[str] = ()) -> None:
        if url in not_these:
            why = f"URL must not overlap with disallowed issuers: [{' '.join(sorted(not_these))}]"
            self.causes.append(invalid(path, url, why))
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError as error:
            self.causes.append(invalid(path, url, f"parse {url!r}: {error}"))
            return
        for wrong, why in (
            (parts.scheme != "https", "URL scheme must be https"),
            ("@" in parts.netloc, "URL must not contain a username or password"),
            (parts.query, "URL must not contain a query"),
            (parts.fragment, "URL must not contain a fragment"),
        ):
            if wrong:
                self.causes.append(invalid(path, url, why))

    def _audiences(self, one: Json, at: str) -> None:
        audiences, policy = one.get("audiences") or [], one.get("audienceMatchPolicy") or ""
        if not audiences:
            why = f"at least one {at}.audiences is required"
            self.causes.append(required(f"{at}.audiences", why))
            return
        seen: set[str] = set()
        for number, audience in enumerate(audiences):
            if not audience:
                self.causes.append(required(f"{at}.audiences[{number}]"))
            if audience in seen:
                self.causes.append(duplicate(f"{at}.audiences[{number}]", audience))
            seen.add(audience)
        if policy != "MatchAny" and (policy or len(audiences) > 1):
            several = "MatchAny for multiple audiences"
            why = several if len(audiences) > 1 else "empty or MatchAny for single audience"
            path = f"{at}.audienceMatchPolicy"
            self.causes.append(invalid(path, policy, f"audienceMatchPolicy must be {why}"))

    def _bundle(self, bundle: str, path: str) -> None:
        import ssl  # who names an authority

        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=bundle)
        except (ssl.SSLError, ValueError):
            why = "data does not contain any valid RSA or ECDSA certificates"
            self.causes.append(invalid(path, "<omitted>", why))

    def _rules(self, said: Json, path: str) -> ClaimRules:
        needed, claim_rules = self._claim_rules(said, f"{path}.claimValidationRules")
        mappings, at = said.get("claimMappings") or {}, f"{path}.claimMappings"
        username = self._mapped(mappings.get("username") or {}, f"{at}.username", needed=True)
        groups = self._mapped(mappings.get("groups") or {}, f"{at}.groups", needed=False)
        uid = self._uid(mappings.get("uid") or {}, f"{at}.uid")
        extra = self._extra(mappings.get("extra") or [], f"{at}.extra")
        name = username.expression
        if name is not None and uses(name, "claims", "email"):
            others = (name, *(one for _, one in extra), *(one.expression for one in claim_rules))
            if not any(uses(one, "claims", "email_verified") for one in others):
                self.causes.append(invalid(f"{at}.username.expression", name.text, _EMAIL))
        user_rules = self._user_rules(said, f"{path}.userValidationRules")
        return ClaimRules(username, groups, uid, extra, needed, claim_rules, user_rules)

    def _claim_rules(
        self, said: Json, path: str
    ) -> tuple[tuple[tuple[str, str], ...], tuple[Rule, ...]]:
        needed: dict[str, str] = {}
        rules: dict[str, Rule] = {}
        for number, one in enumerate(said.get("claimValidationRules") or []):
            at, rule = f"{path}[{number}]", one or {}
            claim, text = rule.get("claim") or "", rule.get("expression") or ""
            message, value = rule.get("message") or "", rule.get("requiredValue") or ""
            if claim and text:
                self.causes.append(invalid(at, claim, _BOTH))
            elif not claim and not text:
                self.causes.append(required(at, _EITHER))
            elif claim:
                if message:
                    why = "may not be specified when claim is set"
                    self.causes.append(invalid(f"{at}.message", message, why))
                if claim in needed:
                    self.causes.append(duplicate(f"{at}.claim", claim))
                needed[claim] = value
            else:
                if value:
                    why = "may not be specified when expression is set"
                    self.causes.append(invalid(f"{at}.requiredValue", value, why))
                if text in rules:
                    self.causes.append(duplicate(f"{at}.expression", text))
                    continue
                expression = self._compiled(text, f"{at}.expression", CLAIMS, truth=True)
                if expression is not None:
                    rules[text] = Rule(expression, message)
        return tuple(needed.items()), tuple(rules.values())

    def _user_rules(self, said: Json, path: str) -> tuple[Rule, ...]:
        rules: dict[str, Rule] = {}
        for number, one in enumerate(said.get("userValidationRules") or []):
            at, text = f"{path}[{number}].expression", (one or {}).get("expression") or ""
            if not text:
                self.causes.append(required(at))
            elif text in rules:
                self.causes.append(duplicate(at, text))
            else:
                expression = self._compiled(text, at, USER, truth=True)
                if expression is not None:
                    rules[text] = Rule(expression, one.get("message") or "")
        return tuple(rules.values())

    def _mapped(self, one: Json, at: str, *, needed: bool) -> Mapped:
        claim, text, prefix = one.get("claim") or "", one.get("expression") or "", one.get("prefix")
        expression = None
        if text and claim:
            self.causes.append(invalid(at, "", _BOTH))
        elif text:
            if prefix is not None:
                why = "may not be specified when expression is set"
                self.causes.append(invalid(f"{at}.prefix", prefix, why))
            expression = self._compiled(text, f"{at}.expression", CLAIMS)
        elif claim and prefix is None:
            self.causes.append(required(f"{at}.prefix", _PREFIX))
        elif not claim and needed:
            self.causes.append(required(at, _EITHER))
        return Mapped(claim, prefix or "", expression)

    def _uid(self, one: Json, at: str) -> Mapped:
        claim, text = one.get("claim") or "", one.get("expression") or ""
        if claim and text:
            self.causes.append(invalid(at, "", _BOTH))
        elif text:
            return Mapped(expression=self._compiled(text, f"{at}.expression", CLAIMS))
        return Mapped(claim)

    def _extra(self, listed: list[Json], path: str) -> tuple[tuple[str, Expression], ...]:
        found: dict[str, Expression] = {}
        seen: set[str] = set()
        for number, one in enumerate(listed):
            at, key = f"{path}[{number}]", (one or {}).get("key") or ""
            self.causes += domain_prefixed(f"{at}.key", key)
            if key != key.lower():
                self.causes.append(invalid(f"{at}.key", key, "must be lowercase"))
            if "/" in key and _RESERVED.fullmatch(key.partition("/")[0]):
                why = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use"
                self.causes.append(invalid(f"{at}.key", key, why))
            if key in seen:
                self.causes.append(duplicate(f"{at}.key", key))
                continue
            seen.add(key)
            text = (one or {}).get("valueExpression") or ""
            if not text:
                self.causes.append(required(f"{at}.valueExpression"))
                continue
            expression = self._compiled(text, f"{at}.valueExpression", CLAIMS)
            if expression is not None:
                found[key] = expression
        return tuple(found.items())

    def _compiled(
        self, text: str, path: str, wanted: Wanted, *, truth: bool = False
    ) -> Expression | None:
        found = compiled(text, wanted, truth=truth)
        if isinstance(found, str):
            self.causes.append(invalid(path, text, found))
            return None
        return found


_VERSIONS: Final = ("v1", "v1beta1", "v1alpha1")
_MAPPED: Final = {"claim": str, "prefix": str, "expression": str}
_RULE: Final = {"expression": str, "message": str}
_SHAPE: Final = {
    "anonymous": {"enabled": bool, "conditions": [{"path": str}]},
    "jwt": [
        {
            "issuer": {
                "url": str,
                "discoveryURL": str,
                "certificateAuthority": str,
                "audiences": [str],
                "audienceMatchPolicy": str,
                "egressSelectorType": str,
            },
            "claimValidationRules": [{**_RULE, "claim": str, "requiredValue": str}],
            "claimMappings": {
                "username": _MAPPED,
                "groups": _MAPPED,
                "uid": {"claim": str, "expression": str},
                "extra": [{"key": str, "valueExpression": str}],
            },
            "userValidationRules": [_RULE],
        }
    ],
}
