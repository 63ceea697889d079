"""The ways to prove who one is, in upstream's order: a front proxy's word, a certificate, a token;
then nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from attrs import Factory, evolve, frozen

from k8slite.apiserver.authentication.anonymous import Anonymous
from k8slite.apiserver.authentication.front_proxy import FrontProxy, NotAllowed
from k8slite.apiserver.authentication.token_uses import TokenUses
from k8slite.messages import Request, User
from k8slite.objects.errors import Unauthorized

UNAUTHENTICATED: Final = "system:unauthenticated"
ANONYMOUS: Final = User("system:anonymous", (UNAUTHENTICATED,))
AUTHENTICATED: Final = "system:authenticated"
# Whom a token of a service account is for where nobody said otherwise, and who issues it.
ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
API_AUDIENCES: Final = (ISSUER,)
_INVALID: Final = "invalid bearer token"


class BadToken(Exception):
    """A token of ours that is not good, or no more; its text says why, `annotations` what the audit
    log is to say of it."""

    def __init__(self, why: str, annotations: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.annotations: Mapping[str, str] = annotations or {}


@frozen
class Recognized:
    """A token's owner, and for which of the audiences asked about the token is."""

    user: User
    audiences: tuple[str, ...]
    annotations: Mapping[str, str] = Factory(dict)  # for the audit log
    warnings: tuple[str, ...] = ()  # for the client


class TokenAuthenticator(Protocol):
    """Recognizes one sort of bearer token."""

    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized | None:
        """None when it is not one of ours. Raises BadToken."""
        ...


class RemoteTokens(TokenAuthenticator, Protocol):
    """A sort of which somebody else has to be asked first."""

    @property
    def anonymous(self) -> Anonymous:
        """Who may ask as nobody, as it is configured together with these tokens."""
        ...

    async def ask(self, token: str, audiences: Sequence[str]) -> None:
        """Have what is needed to recognize a token."""
        ...


@frozen
class StaticTokens:
    """Tokens that never change (upstream: --token-auth-file); for the API server only."""

    users: Mapping[str, User]

    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized | None:
        user = self.users.get(token)
        return None if user is None else of_the_api(user, audiences)


@frozen
class Authenticator:
    """Finds out who asks."""

    sorts: tuple[TokenAuthenticator, ...] = ()
    front_proxy: FrontProxy = FrontProxy()
    remote: RemoteTokens | None = None  # the last of the sorts
    uses: TokenUses = Factory(TokenUses)

    async def ask(self, request: Request) -> None:
        """Have what is needed to recognize a request."""
        token = _bearer(request)
        if token and self.remote is not None:
            await self.remote.ask(token, API_AUDIENCES)

    async def ask_about(self, token: str, audiences: Sequence[str]) -> None:
        """Have what is needed to recognize a token."""
        if self.remote is not None:
            await self.remote.ask(token, audiences)

    def user(self, request: Request) -> User:
        """The user, with the group that every authenticated one is in. Raises Unauthorized."""
        return self.recognized(request).user

    def recognized(self, request: Request) -> Recognized:
        """As `user`, with what is to be said of the way in which that was found out."""
        peer = request.peer
        user = peer.user
        if peer.front_proxy is not None:
            user = self._played(request) or user
        if user is not None:
            return Recognized(_authenticated(user), API_AUDIENCES)
        token = _bearer(request)
        if not token:
            # The certificate of a front proxy is no user's.
            if peer.front_proxy is not None or not self._anonymous(request.path):
                raise Unauthorized("Unauthorized")
            return Recognized(ANONYMOUS, API_AUDIENCES)
        try:
            return self.owner(token, API_AUDIENCES)
        except BadToken as reason:
            raise Unauthorized("Unauthorized") from reason

    def _anonymous(self, path: str) -> bool:
        return self.remote is None or self.remote.anonymous.may_ask(path)

    def _played(self, request: Request) -> User | None:
        try:
            return self.front_proxy.user(request)
        except NotAllowed:
            return None  # there may be other proofs

    def owner(self, token: str, audiences: Sequence[str]) -> Recognized:
        """Whose token this is. Raises BadToken, with all that is to be said of it."""
        complaints, annotations = [_INVALID], dict[str, str]()
        for sort in (*self.sorts, self.remote) if self.remote is not None else self.sorts:
            try:
                found = sort.recognize(token, audiences)
            except BadToken as reason:
                complaints.append(str(reason))
                annotations |= reason.annotations
                continue
            if found is not None:
                return evolve(found, user=_authenticated(found.user))
        listed = ", ".join(complaints)
        raise BadToken(f"[{listed}]" if len(complaints) > 1 else listed, annotations)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def of_the_api(user: User, audiences: Sequence[str]) -> Recognized | None:
    """The owner of a token that says nothing of audiences: it is for the API server."""
    found = tuple(one for one in API_AUDIENCES if one in audiences)
    return Recognized(user, found) if found else None


def _authenticated(user: User) -> User:
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups:
        return user
    if user.name == ANONYMOUS.name:
        return user  # whom a front proxy has not found out either
    return evolve(user, groups=(*user.groups, AUTHENTICATED))
