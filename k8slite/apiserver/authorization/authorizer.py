"""The rules: masters may do all, every authenticated user may, others may see public paths.

Role-based rules are not evaluated yet; the roles themselves are served. Mirrors upstream's
AlwaysAllow mode for authenticated users and the bootstrap role `system:public-info-viewer`.
"""

from __future__ import annotations

from typing import Final

from k8slite.apiserver.request_info import RequestInfo
from k8slite.messages import User
from k8slite.objects.errors import Forbidden

_PUBLIC: Final = frozenset(("/healthz", "/livez", "/readyz", "/version", "/version/"))
_PUBLIC_PREFIXES: Final = ("/livez/", "/readyz/", "/healthz/")
_UNAUTHENTICATED: Final = "system:unauthenticated"


def allowed(user: User, info: RequestInfo) -> bool:
    """Whether the user may do this."""
    if _UNAUTHENTICATED not in user.groups:
        return True
    if info.is_resource or info.verb not in ("get", "head"):
        return False
    return info.path in _PUBLIC or info.path.startswith(_PUBLIC_PREFIXES)


def authorize(user: User, info: RequestInfo) -> None:
    """Raises Forbidden with upstream's message."""
    if not allowed(user, info):
        raise refusal(user, info)


def refusal(user: User, info: RequestInfo) -> Forbidden:
    """Upstream's `responsewriters.ForbiddenMessage`."""
    if not info.is_resource:
        return Forbidden(
            f'forbidden: User "{user.name}" cannot {info.verb} path "{info.path}"', details={}
        )
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    qualified = f"{resource}.{info.group}" if info.group else resource
    subject = f'{qualified} "{info.name}"' if info.name else qualified
    where = f' in the namespace "{info.namespace}"' if info.namespace else " at the cluster scope"
    details = {"kind": info.resource}
    if info.name:
        details["name"] = info.name
    if info.group:
        details["group"] = info.group
    return Forbidden(
        f'{subject} is forbidden: User "{user.name}" cannot {info.verb} resource "{resource}" in '
        f'API group "{info.group}"{where}',
        details=details,
    )
