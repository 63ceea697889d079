"""Being taken for somebody else, by the headers Impersonate-*.

Each part of who one wants to be must be allowed: the verb `impersonate` on users, groups,
serviceaccounts, uids and userextras. Mirrors `apiserver/pkg/endpoints/filters/impersonation.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote

from k8slite.apiserver.authentication.authenticator import ANONYMOUS, AUTHENTICATED
from k8slite.apiserver.request_info import RequestInfo
from k8slite.messages import Request, User
from k8slite.objects.errors import BadRequest

# Raises Forbidden where the user may not.
Authorize = Callable[[User, RequestInfo], None]

_GROUP: Final = "authentication.k8s.io"
_ACCOUNT: Final = "system:serviceaccount:"
_EXTRA: Final = "impersonate-extra-"


def impersonated(user: User, request: Request, authorize: Authorize) -> User:
    """Whom the user is taken for. Raises Forbidden, or BadRequest for parts without a name."""
    headers = request.headers
    for key in headers:
        if key.startswith("impersonate-"):
            break
    else:
        return user
    name, uid = headers.get("impersonate-user", ""), headers.get("impersonate-uid", "")
    groups = request.values("impersonate-group")
    extra = {
        unquote(key.removeprefix(_EXTRA)): request.values(key)
        for key in headers
        if key.startswith(_EXTRA)
    }
    if not name:
        if groups or uid or extra:
            raise BadRequest("requested [{Group  }] without impersonating a user")
        return user
    for info in _wanted(name, uid, groups, extra):
        authorize(user, info)
    if name == ANONYMOUS.name:
        return User(name, groups or ANONYMOUS.groups, uid, extra)
    if name.startswith(_ACCOUNT) and not groups:
        namespace = name.removeprefix(_ACCOUNT).partition(":")[0]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    if AUTHENTICATED not in groups and "system:unauthenticated" not in groups:
        groups = (*groups, AUTHENTICATED)
    return User(name, groups, uid, extra)


def _wanted(
    name: str, uid: str, groups: tuple[str, ...], extra: dict[str, tuple[str, ...]]
) -> Iterator[RequestInfo]:
    """What has to be allowed, in upstream's order."""
    if name.startswith(_ACCOUNT) and name.count(":") == _ACCOUNT.count(":") + 1:
        namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
        yield _impersonate("serviceaccounts", account, namespace=namespace)
    else:
        yield _impersonate("users", name)
    for group in groups:
        yield _impersonate("groups", group)
    for key, values in extra.items():
        for value in values:
            yield _impersonate("userextras", value, group=_GROUP, subresource=key)
    if uid:
        yield _impersonate("uids", uid, group=_GROUP)


def _impersonate(
    resource: str, name: str, *, group: str = "", namespace: str = "", subresource: str = ""
) -> RequestInfo:
    version = "v1" if group else ""
    return RequestInfo(
        "impersonate", "", True, group, version, namespace, resource, name, subresource
    )
