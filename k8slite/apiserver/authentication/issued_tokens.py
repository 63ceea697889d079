"""Tokens of other issuers (OpenID Connect), as an AuthenticationConfiguration names them.

An issuer is asked for its keys when one of its tokens comes, and again when a token comes that none
of them has signed; whoever shows forged tokens cannot have it asked more often than once a second.
Upstream: `apiserver/plugin/pkg/authenticator/token/oidc` over `github.com/coreos/go-oidc`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, Final
from urllib.parse import urlsplit

import trio
from attrs import define, field

from k8slite.apiserver.authentication.anonymous import Anonymous
from k8slite.apiserver.authentication.authenticator import BadToken, Recognized, of_the_api
from k8slite.apiserver.authentication.configuration import Configuration, Issuer
from k8slite.apiserver.authentication.json_web_keys import (
    Key,
    Token,
    Unreadable,
    Unsigned,
    read_keys,
    read_token,
)
from k8slite.apiserver.calling.endpoint import Endpoint, Way
from k8slite.messages import Request, read_all
from k8slite.objects.codec import loads
from k8slite.world import World

log = logging.getLogger(__name__)
Json = dict[str, Any]

SECONDS: Final = 30.0  # that an issuer may take to answer
DISCOVERY_AGAIN_SECONDS: Final = 10.0
KEYS_AGAIN_SECONDS: Final = 1.0
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_NBF_LEEWAY_SECONDS: Final = 60.0
_GOOGLE: Final = "accounts.google.com"  # names itself without a scheme
_REMEMBERED_MOST: Final = 1024  # verified tokens of an issuer, since clients show the same again


class Unanswered(Exception):
    """An issuer that has not said what it should."""


@define(eq=False)
class _Known:
    """An issuer, and what it has said."""

    issuer: Issuer
    way: Way | None
    keys_url: str = ""
    keys: tuple[Key, ...] = ()
    _discovered: float = -inf  # when it was asked the last time, in trio's time
    _asked: float = -inf
    _verified: dict[str, None] = field(factory=dict)
    _asking: trio.Lock = field(factory=trio.Lock)

    async def prepare(self, token: Token) -> None:
        """Ask the issuer for what is missing to verify a token."""
        if self.keys_url and self._is_signed(token):
            return
        async with self._asking:
            try:
                if not self.keys_url:
                    await self._discover()
                if self.keys_url and not self._is_signed(token):
                    await self._fetch()
            except Unanswered as error:
                log.error("oidc authenticator: %s: %s", self.issuer.url, error)

    def verify(self, text: str, token: Token) -> None:
        """Raises Unsigned."""
        if text in self._verified:
            return
        token.verify(self.keys, self.issuer.algorithms)
        if len(self._verified) >= _REMEMBERED_MOST:
            self._verified.clear()
        self._verified[text] = None

    def _is_signed(self, token: Token) -> bool:
        try:
            token.verify(self.keys, self.issuer.algorithms)
        except Unsigned:
            return False
        return True

    async def _discover(self) -> None:
        now = trio.current_time()
        if now < self._discovered + DISCOVERY_AGAIN_SECONDS:
            return
        self._discovered = now
        url = self.issuer.discovery_url or self.issuer.url.removesuffix("/") + _WELL_KNOWN
        document = await self._get(url)
        said = document.get("issuer")
        if said != self.issuer.url:
            raise Unanswered(
                "oidc: issuer did not match the issuer returned by provider, expected "
                f'"{self.issuer.url}" got "{said}"'
            )
        keys_url = document.get("jwks_uri")
        if not isinstance(keys_url, str) or not keys_url.startswith("https://"):
            raise Unanswered("oidc: the provider names no keys")
        self.keys_url = keys_url

    async def _fetch(self) -> None:
        now = trio.current_time()
        if now < self._asked + KEYS_AGAIN_SECONDS:
            return
        self._asked = now
        document = await self._get(self.keys_url)
        try:
            self.keys = read_keys(document)
        except ValueError as error:
            raise Unanswered(f"oidc: failed to decode keys: {error}") from None
        self._verified.clear()  # by keys that may be no more

    async def _get(self, url: str) -> Json:
        if self.way is None:
            raise Unanswered("there is no way to issuers from here")
        try:
            parts = urlsplit(url)
            host = parts.netloc if parts.port else f"{parts.netloc}:443"
            endpoint = Endpoint(f"https://{host}", self.issuer.certificate_authority)
            with trio.fail_after(SECONDS):
                request = Request("GET", parts.path or "/", (), {"accept": "application/json"})
                response = await self.way(endpoint)(request)
                body = await read_all(response)
            if response.status != 200:
                raise Unanswered(f"Get {url}: status {response.status}")
            found = loads(body)
        except trio.TooSlowError:
            raise Unanswered(f"Get {url}: context deadline exceeded") from None
        except (OSError, ValueError) as error:
            raise Unanswered(f"Get {url}: {error}") from None
        if not isinstance(found, dict):
            raise Unanswered(f"Get {url}: the answer is no object")
        return found


@define(eq=False)
class IssuedTokens:
    """Recognizes the tokens of configured issuers; `configure` has it know others."""

    way: Way | None
    world: World
    anonymous: Anonymous = Anonymous()
    _known: Mapping[str, _Known] = field(factory=dict)

    def configure(self, configuration: Configuration) -> None:
        """From now on it is as configured; of an issuer that stays as it was, the keys stay."""
        before = {one.issuer: one for one in self._known.values()}
        self._known = {
            issuer.url: before.get(issuer) or _Known(issuer, self.way)
            for issuer in configuration.issuers
        }
        if configuration.anonymous is not None:
            self.anonymous = configuration.anonymous

    async def ask(self, token: str, _audiences: Sequence[str]) -> None:
        """Have what is needed to recognize a token."""
        found = self._issuer_of(token)
        if found is not None:
            await found[0].prepare(found[1])

    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized | None:
        """The user that a configured issuer says. Raises BadToken."""
        found = self._issuer_of(token)
        if found is None:
            return None
        known, read = found
        if not known.keys_url:
            raise BadToken("oidc: authenticator not initialized")
        try:
            self._check(known, token, read)
        except Unsigned as error:
            raise BadToken(f"oidc: verify token: {error}") from None
        return of_the_api(known.issuer.rules.user(read.claims), audiences)

    def _issuer_of(self, token: str) -> tuple[_Known, Token] | None:
        """By what the token itself says; that is not to be believed yet."""
        if not self._known or token.count(".") != 2:
            return None
        try:
            read = read_token(token)
        except Unreadable:
            return None
        said = read.claims.get("iss")
        if said == _GOOGLE:
            said = f"https://{said}"
        known = self._known.get(said) if isinstance(said, str) else None
        return None if known is None else (known, read)

    def _check(self, known: _Known, text: str, token: Token) -> None:
        """Raises Unsigned for a token that is not for us, not now, or not of its issuer."""
        audiences, said = known.issuer.audiences, token.claims.get("aud")
        listed = said if isinstance(said, list) else [said] if isinstance(said, str) else []
        if len(audiences) == 1 and audiences[0] not in listed:
            raise Unsigned(f'oidc: expected audience "{audiences[0]}" got {_quoted(listed)}')
        now = self.world.now()
        expires = _moment(token.claims.get("exp"))
        if expires < now:
            told = expires.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
            raise Unsigned(f"oidc: token is expired (Token Expiry: {told})")
        if "nbf" in token.claims:
            begins = _moment(token.claims["nbf"])
            if now + timedelta(seconds=_NBF_LEEWAY_SECONDS) < begins:
                raise Unsigned(
                    f"oidc: current time {now:%Y-%m-%d %H:%M:%S +0000 UTC} before the nbf (not "
                    f"before) time: {begins:%Y-%m-%d %H:%M:%S +0000 UTC}"
                )
        known.verify(text, token)
        if not set(audiences) & {one for one in listed if isinstance(one, str)}:
            wanted = _quoted(sorted(audiences))
            raise Unsigned(f"oidc: expected audience in {wanted} got {_quoted(listed)}")


def _moment(said: Any) -> datetime:
    """A time of a token; long ago where it says none. Raises Unsigned."""
    if said is None:
        return datetime(1, 1, 1, tzinfo=UTC)
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        raise Unsigned("oidc: failed to unmarshal claims: a time is no number")
    try:
        return datetime.fromtimestamp(int(said), UTC)
    except (OverflowError, ValueError, OSError):
        raise Unsigned("oidc: failed to unmarshal claims: a time is out of range") from None


def _quoted(texts: Sequence[Any]) -> str:
    return "[" + " ".join(f'"{one}"' for one in texts) + "]"
