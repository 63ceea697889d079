"""Who a front proxy says that asks: it shows a certificate of its authority and names the user in
headers.

Mirrors `apiserver/pkg/authentication/request/headerrequest` and, for the certificate's subject,
`request/x509`.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from attrs import evolve, field, frozen

from k8slite.messages import Request, User

USER_HEADER: Final = "X-Remote-User"
GROUP_HEADER: Final = "X-Remote-Group"
UID_HEADER: Final = "X-Remote-Uid"
EXTRA_PREFIX: Final = "X-Remote-Extra-"


class NotAllowed(Exception):
    """A certificate of the authority that is not of an allowed front proxy."""


@frozen
class FrontProxy:
    """Whom to believe, and in which headers."""

    allowed_names: tuple[str, ...] = ()  # common names of certificates; any, where there are none
    username_headers: tuple[str, ...] = (USER_HEADER,)
    group_headers: tuple[str, ...] = (GROUP_HEADER,)
    extra_prefixes: tuple[str, ...] = (EXTRA_PREFIX,)
    uid_headers: tuple[str, ...] = (UID_HEADER,)
    # In lower case, the standard ones among them: nobody else's must get to whom we pass on to.
    _names: frozenset[str] = field(init=False)
    _prefixes: tuple[str, ...] = field(init=False)

    @_names.default
    def _all_names(self) -> frozenset[str]:
        ours = (USER_HEADER, GROUP_HEADER, UID_HEADER)
        given = (*self.username_headers, *self.group_headers, *self.uid_headers)
        return frozenset(one.lower() for one in (*ours, *given))

    @_prefixes.default
    def _all_prefixes(self) -> tuple[str, ...]:
        return tuple(one.lower() for one in (EXTRA_PREFIX, *self.extra_prefixes))

    def user(self, request: Request) -> User | None:
        """Who asks; None where no front proxy says so. Raises NotAllowed."""
        common_name = request.peer.front_proxy
        if common_name is None:
            return None
        if self.allowed_names and common_name not in self.allowed_names:
            raise NotAllowed(f"x509: subject with cn={common_name} is not in the allowed list")
        name = _first(request, self.username_headers)
        if not name:
            return None
        groups = [one for header in self.group_headers for one in request.values(header.lower())]
        return User(
            name,
            tuple(one for one in groups if one),
            _first(request, self.uid_headers),
            self._extra(request),
        )

    def cleared(self, request: Request) -> Request:
        """The request without what only a front proxy may say."""
        for key in request.headers:
            if key in self._names or key.startswith(self._prefixes):
                break
        else:
            return request
        kept = {
            key: value
            for key, value in request.headers.items()
            if key not in self._names and not key.startswith(self._prefixes)
        }
        return evolve(request, headers=kept)

    def _extra(self, request: Request) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for prefix in self.extra_prefixes:
            for header in request.headers:
                if header.startswith(prefix.lower()):
                    key = unquote(header.removeprefix(prefix.lower()))
                    found[key] = (*found.get(key, ()), *request.values(header))
        return found


def _first(request: Request, headers: tuple[str, ...]) -> str:
    """The first line that says something, of the first header that has one."""
    for header in headers:
        values = request.values(header.lower())
        if values and values[0]:
            return values[0]
    return ""
