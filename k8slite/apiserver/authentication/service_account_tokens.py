"""Tokens of service accounts that are made on request: they expire, and go with what they are for.

A token names its account, its audiences and, when bound, a pod, a Secret or a node; it is good
while these exist with the same UIDs. Mirrors `pkg/serviceaccount/claims.go` and `jwt.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from attrs import define, field

from k8slite.apiserver.authentication.authenticator import API_AUDIENCES, BadToken, Recognized
from k8slite.apiserver.authentication.authenticator import ISSUER as ISSUER
from k8slite.apiserver.authentication.token_uses import STALE, VALID, TokenUses
from k8slite.apiserver.authentication.web_tokens import WebTokens
from k8slite.apiserver.storage import Storage
from k8slite.messages import User
from k8slite.objects.meta import parse_timestamp, timestamp
from k8slite.world import World

Json = dict[str, Any]

LEAST_SECONDS: Final = 600  # upstream refuses shorter lives
MOST_SECONDS: Final = 1 << 32
DEFAULT_SECONDS: Final = 3600
# A pod's own token, asked for this long, is good for a year, but its use is noted after that time.
EXTENDED_SECONDS: Final = 3607
_EXTENSION_SECONDS: Final = 365 * 24 * 3600
# How long after its mark a deleted object still counts (upstream: jwt.DefaultLeeway).
_LEEWAY: Final = timedelta(minutes=1)
_INVALIDATED: Final = "service account token has been invalidated"
_EXTRA: Final = "authentication.kubernetes.io/"


@define(eq=False)
class TokenIssuer:
    """Makes tokens and recognizes them."""

    tokens: WebTokens
    storage: Storage
    world: World
    issuer: str = ISSUER
    uses: TokenUses = field(factory=TokenUses)

    def issue(
        self, account: Json, seconds: int, audiences: Sequence[str], bound: Mapping[str, Json]
    ) -> tuple[str, str]:
        """A token for a service account, and when it is said to expire (RFC 3339).

        `bound` has references (name, uid) by `pod`, `secret` and `node`.
        """
        now = self.world.now()
        issued = int(now.timestamp())
        metadata = account["metadata"]
        private: Json = {"namespace": metadata["namespace"], **bound}
        private["serviceaccount"] = _reference(account)
        life = seconds
        if "pod" in bound and seconds == EXTENDED_SECONDS and set(audiences) <= set(API_AUDIENCES):
            private["warnafter"] = issued + seconds
            life = _EXTENSION_SECONDS
        claims = {
            "aud": list(audiences),
            "exp": issued + life,
            "iat": issued,
            "iss": self.issuer,
            "jti": self.world.uid(),
            "kubernetes.io": dict(sorted(private.items())),
            "nbf": issued,
            "sub": _subject(metadata["namespace"], metadata["name"]),
        }
        return self.tokens.signed(claims), timestamp(now + timedelta(seconds=seconds))

    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized | None:
        """The account that a token of ours stands for. Raises BadToken."""
        claims = self.tokens.read(token)
        if claims is None or claims.get("iss") != self.issuer:
            return None
        said = claims.get("aud", ())
        found = tuple(one for one in said if one in audiences)
        if not found:
            raise BadToken(
                f"token audiences {_listed(said)} is invalid for the target audiences "
                f"{_listed(audiences)}"
            )
        now = self.world.now().timestamp()
        if now >= claims.get("exp", 0):
            raise BadToken("service account token has expired")
        if now < claims.get("nbf", 0):
            raise BadToken("service account token is not valid yet")
        private = claims.get("kubernetes.io", {})
        user = self._account(private, claims)
        annotations = {}
        self.uses.add(VALID)
        late = int(now) - private.get("warnafter", int(now))
        if late > 0:
            self.uses.add(STALE)
            told = f"subject: {claims['sub']}, seconds after warning threshold: {late}"
            annotations["authentication.k8s.io/stale-token"] = told
        return Recognized(user, found, annotations)

    def _account(self, private: Json, claims: Json) -> User:
        namespace, account = private.get("namespace", ""), private.get("serviceaccount", {})
        name = account.get("name", "")
        found = self.storage.find("serviceaccounts/", namespace, name)
        if found is None:
            raise BadToken(f'serviceaccounts "{name}" not found')
        uid = found["metadata"]["uid"]
        if uid != account.get("uid"):
            raise BadToken(f"service account UID ({uid}) does not match claim ({account['uid']})")
        if self._is_gone(found):
            raise BadToken("service account has been deleted")
        extra = {f"{_EXTRA}credential-id": (f"JTI={claims.get('jti', '')}",)}
        self._must_exist(private, "secret", "secrets/", namespace)
        self._must_exist(private, "pod", "pods/", namespace)
        if "pod" not in private:
            self._must_exist(private, "node", "nodes/", "")
        for part in ("pod", "node"):
            for key in ("name", "uid"):
                value = private.get(part, {}).get(key)
                if value:
                    extra[f"{_EXTRA}{part}-{key}"] = (value,)
        return account_user(namespace, name, uid, extra)

    def _must_exist(self, private: Json, part: str, prefix: str, namespace: str) -> None:
        """Raises BadToken where what a token is bound to is not there any more."""
        claimed = private.get(part)
        if claimed is None:
            return
        found = self.storage.find(prefix, namespace, claimed["name"])
        if found is None or self._is_gone(found):
            raise BadToken(_INVALIDATED)
        uid = found["metadata"]["uid"]
        if uid != claimed["uid"]:
            told = "Secret" if part == "secret" else part
            raise BadToken(
                f"{told} UID ({uid}) does not match service account {part} ref claim "
                f"({claimed['uid']})"
            )

    def _is_gone(self, obj: Json) -> bool:
        marked = obj["metadata"].get("deletionTimestamp")
        return marked is not None and parse_timestamp(marked) < self.world.now() - _LEEWAY


def account_user(namespace: str, name: str, uid: str, extra: Mapping[str, tuple[str, ...]]) -> User:
    """Who a service account is to authorization."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return User(_subject(namespace, name), groups, uid, extra)


def _subject(namespace: str, name: str) -> str:
    return f"system:serviceaccount:{namespace}:{name}"


def _reference(obj: Json) -> Json:
    return {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}


def _listed(texts: Sequence[str]) -> str:
    return "[" + " ".join(f'"{text}"' for text in texts) + "]"
