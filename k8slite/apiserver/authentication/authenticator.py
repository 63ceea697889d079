"""The ways to prove who one is, in upstream's order: certificate, then token, then nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from attrs import Factory, evolve, frozen

from k8slite.messages import Request, User
from k8slite.objects.errors import Unauthorized

ANONYMOUS: Final = User("system:anonymous", ("system:unauthenticated",))
AUTHENTICATED: Final = "system:authenticated"


class TokenAuthenticator(Protocol):
    """Recognizes one sort of bearer token."""

    def authenticate(self, token: str) -> User | None:
        """The token's owner, or None when it is not one of ours or no longer valid."""
        ...


@frozen
class Authenticator:
    """Finds out who asks."""

    # Tokens that never change, from the cluster's data directory (upstream: --token-auth-file).
    static_tokens: Mapping[str, User] = Factory(dict)
    issuers: tuple[TokenAuthenticator, ...] = ()

    def user(self, request: Request) -> User:
        """The user, with the group that every authenticated one is in. Raises Unauthorized."""
        if request.peer.user is not None:
            return _authenticated(request.peer.user)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ANONYMOUS
        token = token.strip()
        known = self.static_tokens.get(token)
        if known is not None:
            return _authenticated(known)
        for issuer in self.issuers:
            found = issuer.authenticate(token)
            if found is not None:
                return _authenticated(found)
        raise Unauthorized("Unauthorized")


def _authenticated(user: User) -> User:
    if AUTHENTICATED in user.groups:
        return user
    return evolve(user, groups=(*user.groups, AUTHENTICATED))
