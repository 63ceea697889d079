"""What a kubelet may: read what its pods need, write what is its own.

What is not told apart here goes by the rules of the cluster role `system:node`; NodeRestriction
(admission) looks at what is written. Mirrors `plugin/pkg/auth/authorizer/node`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import define

from k8slite.apiserver.authorization.node_graph import NodeGraph
from k8slite.apiserver.authorization.rules import allows
from k8slite.apiserver.request_info import RequestInfo
from k8slite.messages import User

Json = dict[str, Any]

NODES: Final = "system:nodes"
_PREFIX: Final = "system:node:"
_LEASES: Final = "kube-node-lease"
_OWN: Final = ("get", "create", "update", "patch", "delete")

# Whether it may, and why not, as far as there is something to say.
Decision = tuple[bool, str]


def node_name(user: User) -> str | None:
    """The node that a user is: None for who is none, "" for one that cannot be told."""
    if not user.name.startswith(_PREFIX) or NODES not in user.groups:
        return None
    return user.name.removeprefix(_PREFIX)


@define(eq=False)
class NodeAuthorizer:
    """Decides for nodes, and has no opinion of others."""

    graph: NodeGraph
    rules: Sequence[Json]  # of the cluster role system:node

    def decide(self, user: User, info: RequestInfo) -> Decision:
        """Whether a node may do this."""
        node = node_name(user)
        if node is None:
            return False, ""
        if not node:
            return False, f'unknown node for user "{user.name}"'
        told = _TOLD_APART.get((info.group, info.resource)) if info.is_resource else None
        if told is not None:
            return told(self, node, info)
        return any(allows(rule, info) for rule in self.rules), ""

    def _related(self, node: str, info: RequestInfo) -> Decision:
        if not info.name:
            return False, "No Object name found"
        if self.graph.related(node, info.resource, info.namespace, info.name):
            return True, ""
        return False, f"no relationship found between node '{node}' and this object"

    def _get(self, node: str, info: RequestInfo) -> Decision:
        if info.verb != "get":
            return False, "can only get individual resources of this type"
        if info.subresource:
            return False, "cannot get subresource"
        return self._related(node, info)

    def _read(self, node: str, info: RequestInfo) -> Decision:
        """A single Secret or ConfigMap, also by list and watch."""
        if info.verb not in ("get", "list", "watch"):
            return False, "can only read resources of this type"
        if info.subresource:
            return False, "cannot read subresource"
        if not info.namespace:
            return False, "can only read namespaced object of this type"
        return self._related(node, info)

    def _claim(self, node: str, info: RequestInfo) -> Decision:
        if info.subresource != "status":
            return self._get(node, info)
        if info.verb not in ("update", "patch"):
            return False, "can only get/update/patch this type"
        return self._related(node, info)

    def _account(self, node: str, info: RequestInfo) -> Decision:
        if info.verb == "get" and not info.subresource:
            return self._related(node, info)  # for image pull credentials of that account
        if info.verb != "create" or not info.name:
            return False, "can only create tokens for individual service accounts"
        if info.subresource != "token":
            return False, "can only create token subresource of serviceaccount"
        return self._related(node, info)

    def _lease(self, node: str, info: RequestInfo) -> Decision:
        if info.verb not in _OWN:
            return False, "can only get, create, update, patch, or delete a node lease"
        if info.namespace != _LEASES:
            return False, f'can only access leases in the "{_LEASES}" system namespace'
        # Which one is created is seen in its body only, by NodeRestriction.
        if info.verb != "create" and info.name != node:
            return False, "can only access node lease with the same name as the requesting node"
        return True, ""

    def _csi_node(self, node: str, info: RequestInfo) -> Decision:
        if info.verb not in _OWN:
            return False, "can only get, create, update, patch, or delete a CSINode"
        if info.subresource:
            return False, "cannot authorize CSINode subresources"
        if info.verb != "create" and info.name != node:
            return False, "can only access CSINode with the same name as the requesting node"
        return True, ""

    def _slice(self, node: str, info: RequestInfo) -> Decision:
        if info.subresource:
            return False, "cannot authorize ResourceSlice subresources"
        if info.verb == "create":
            return True, ""
        if info.verb in ("get", "update", "patch", "delete"):
            return self._related(node, info)
        if info.verb not in ("watch", "list", "deletecollection"):
            return False, (
                "only the following verbs are allowed for a ResourceSlice: get, watch, list, "
                "create, update, patch, delete, deletecollection"
            )
        if info.selects("nodeName", node) or info.selects("spec.nodeName", node):
            return True, ""
        return False, (
            "can only list/watch/deletecollection resourceslices with nodeName field selector"
        )

    def _node(self, node: str, info: RequestInfo) -> Decision:
        if info.subresource == "status":
            return info.verb in ("update", "patch"), ""
        if info.subresource:
            return False, ""
        if info.verb in ("create", "update", "patch"):
            return True, ""
        if info.verb not in ("get", "list", "watch"):
            return False, ""
        # By its name, not by the graph: a kubelet looks for its node before it makes it.
        if info.name == node:
            return True, ""
        if not info.name:
            return False, f"node '{node}' cannot read all nodes, only its own Node object"
        return False, f"node '{node}' cannot read '{info.name}', only its own Node object"

    def _pod(self, node: str, info: RequestInfo) -> Decision:
        if info.subresource == "status":
            return info.verb in ("update", "patch"), ""
        if info.subresource:
            return info.subresource == "eviction" and info.verb == "create", ""
        if info.verb == "get":
            return self._get(node, info)
        if info.verb in ("list", "watch"):
            if info.selects("spec.nodeName", node):
                return True, ""
            if info.name:
                return self._related(node, info)
            return False, "can only list/watch pods with spec.nodeName field selector"
        return info.verb in ("create", "delete"), ""


_TOLD_APART: Final[
    Mapping[tuple[str, str], Callable[[NodeAuthorizer, str, RequestInfo], Decision]]
] = {
    ("", "configmaps"): NodeAuthorizer._read,
    ("", "nodes"): NodeAuthorizer._node,
    ("", "persistentvolumeclaims"): NodeAuthorizer._claim,
    ("", "persistentvolumes"): NodeAuthorizer._get,
    ("", "pods"): NodeAuthorizer._pod,
    ("", "secrets"): NodeAuthorizer._read,
    ("", "serviceaccounts"): NodeAuthorizer._account,
    ("coordination.k8s.io", "leases"): NodeAuthorizer._lease,
    ("resource.k8s.io", "resourceclaims"): NodeAuthorizer._get,
    ("resource.k8s.io", "resourceslices"): NodeAuthorizer._slice,
    ("storage.k8s.io", "csinodes"): NodeAuthorizer._csi_node,
    ("storage.k8s.io", "volumeattachments"): NodeAuthorizer._get,
}
