"""Whether a user may do what a request asks for: masters all, nodes their own, all else by roles.

Mirrors the order of upstream's authorizers: the privileged group, nodes, then RBAC (with
`--authorization-mode=Node,RBAC`). The kubelets of this process are masters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.authorization.node import NodeAuthorizer
from k8slite.apiserver.authorization.rbac import Found, Rbac
from k8slite.apiserver.request_info import RequestInfo
from k8slite.messages import User
from k8slite.objects.errors import Forbidden

Json = dict[str, Any]

MASTERS: Final = "system:masters"
EVERYTHING: Final = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)


@frozen
class Authorizer:
    """Decides by the roles in the store, and by what belongs to a node."""

    rbac: Rbac
    nodes: NodeAuthorizer

    def decide(self, user: User, info: RequestInfo) -> tuple[bool, str]:
        """Whether the user may do this, and why, as far as there is something to say."""
        if MASTERS in user.groups:
            return True, ""
        by_node, why = self.nodes.decide(user, info)
        if by_node:
            return True, ""
        allowed, reason = self.rbac.decide(user, info)
        return allowed, reason if allowed else "\n".join(one for one in (why, reason) if one)

    def authorize(
        self, user: User, info: RequestInfo, decided: Callable[[bool, str], None] | None = None
    ) -> None:
        """Raises Forbidden with upstream's message; `decided` is told before."""
        allowed, reason = self.decide(user, info)
        if decided is not None:
            decided(allowed, reason)
        if not allowed:
            raise refusal(user, info, reason)

    def rules(self, user: User, namespace: str) -> tuple[list[Json], Found]:
        """Every rule that the user has in a namespace, and what was found on the way."""
        found = self.rbac.found(user, namespace)
        first = EVERYTHING if MASTERS in user.groups else ()
        return [*first, *(rule for rule, _ in found.rules)], found


def refusal(user: User, info: RequestInfo, reason: str = "") -> Forbidden:
    """Upstream's `responsewriters.ForbiddenMessage`."""
    why = f": {reason}" if reason else ""
    if not info.is_resource:
        return Forbidden(
            f'forbidden: User "{user.name}" cannot {info.verb} path "{info.path}"{why}', details={}
        )
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    qualified = f"{info.resource}.{info.group}" if info.group else info.resource
    subject = f'{qualified} "{info.name}"' if info.name else qualified
    where = f' in the namespace "{info.namespace}"' if info.namespace else " at the cluster scope"
    details = {"kind": info.resource}
    if info.name:
        details["name"] = info.name
    if info.group:
        details["group"] = info.group
    return Forbidden(
        f'{subject} is forbidden: User "{user.name}" cannot {info.verb} resource "{resource}" in '
        f'API group "{info.group}"{where}{why}',
        details=details,
    )
