"""A kubelet writes its own node, its lease, and what is on its node, and nothing else.

Mirrors upstream's plugin NodeRestriction (`plugin/pkg/admission/noderestriction`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.admission.node_labels import forbidden_labels
from k8slite.apiserver.admission.node_tokens import check_token
from k8slite.apiserver.admission.refusal import forbidden
from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.authorization.authorizer import Authorizer
from k8slite.apiserver.authorization.node import node_name
from k8slite.apiserver.storage import Storage
from k8slite.kinds.core.references import MIRROR, config_map_names, secret_names
from k8slite.messages import User
from k8slite.objects.errors import NotFound
from k8slite.objects.fields import quoted

Json = dict[str, Any]

_LEASES: Final = "kube-node-lease"
# What a kubelet may write of a claim's status.
_CLAIM_STATUS: Final = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses")


@frozen
class NodeRestriction:
    """Upstream's plugin of that name."""

    storage: Storage
    authorizer: Authorizer
    resources: Sequence[str] = (
        "pods",
        "nodes",
        "persistentvolumeclaims",
        "serviceaccounts",
        "leases.coordination.k8s.io",
        "csinodes.storage.k8s.io",
        "resourceslices.resource.k8s.io",
    )
    operations: Sequence[str] = ("CREATE", "UPDATE", "DELETE")
    subresources: bool = True

    def sleeps(self, user: User, resource: str, operation: str) -> bool:
        """Whether that is no node."""
        return node_name(user) is None

    async def mutate(self, attributes: Attributes) -> None:
        user = attributes.asked.user
        node = node_name(user)
        if node is None:
            return
        if not node:
            what = f"could not determine node from user {quoted(user.name)}"
            raise forbidden(attributes, what)
        why = _RULES[attributes.asked.kind.plural](self, node, attributes)
        if why:
            raise forbidden(attributes, why)

    # Each returns why not, or "".

    def _pod(self, node: str, attributes: Attributes) -> str:
        asked, operation = attributes.asked, attributes.operation
        if asked.subresource == "status":
            return _pod_status(node, attributes)
        if asked.subresource == "eviction":
            if self._node_of(asked.namespace, asked.name) != node:
                return f"node {node} can only evict pods with spec.nodeName set to itself"
            return ""
        if asked.subresource:
            return (
                f"unexpected pod subresource {quoted(asked.subresource)}, "
                "only 'status' and 'eviction' are allowed"
            )
        if operation == "CREATE":
            return self._new_pod(node, attributes.new or {})
        if operation == "DELETE":
            if (attributes.old or {})["spec"].get("nodeName") != node:
                return f"node {quoted(node)} can only delete pods with spec.nodeName set to itself"
            return ""
        return (
            f"unexpected operation {quoted(operation)}, node {quoted(node)} can only create and "
            "delete mirror pods"
        )

    def _new_pod(self, node: str, pod: Json) -> str:
        """A mirror pod stands for one that the node runs by itself; it can claim nothing."""
        metadata, spec = pod["metadata"], pod["spec"]
        itself = f"node {quoted(node)}"
        if MIRROR not in (metadata.get("annotations") or {}):
            return (
                f"pod does not have {quoted(MIRROR)} annotation, {itself} can only create mirror "
                "pods"
            )
        if spec.get("nodeName") != node:
            return f"{itself} can only create pods with spec.nodeName set to itself"
        wrong = self._owners(node, metadata.get("ownerReferences") or [])
        if wrong:
            return wrong
        volumes = spec.get("volumes") or ()
        sources = [
            source for one in volumes for source in (one.get("projected") or {}).get("sources", ())
        ]
        referred = {
            "a service account": bool(spec.get("serviceAccountName")),
            "secrets": any(secret_names(spec)),
            "configmaps": any(config_map_names(spec)),
            "clustertrustbundles": any("clusterTrustBundle" in one for one in sources),
            "persistentvolumeclaims": any("persistentVolumeClaim" in one for one in volumes),
        }
        for what, found in referred.items():
            if found:
                return f"{itself} can not create pods that reference {what}"
        return ""

    def _owners(self, node: str, owners: list[Json]) -> str:
        may = f"node {quoted(node)} can only create pods with"
        if len(owners) > 1:
            return f"{may} a single owner reference set to itself"
        if not owners or (
            [owners[0].get(key) for key in ("apiVersion", "kind", "name")] != ["v1", "Node", node]
        ):
            return f"{may} an owner reference set to itself"
        owner = owners[0]
        if not owner.get("controller"):
            return f"{may} a controller owner reference set to itself"
        if owner.get("blockOwnerDeletion"):
            return f"node {quoted(node)} must not set blockOwnerDeletion on an owner reference"
        known = self.storage.find("nodes/", "", node)
        if known is None:
            details = {"name": node, "kind": "nodes"}
            raise NotFound(f"nodes {quoted(node)} not found", details=details)
        uid = known["metadata"]["uid"]
        if owner.get("uid") != uid:
            return f"node {node} UID mismatch: expected {owner.get('uid', '')} got {uid}"
        return ""

    def _node(self, node: str, attributes: Attributes) -> str:
        new, old, asked = attributes.new, attributes.old, attributes.asked
        name = asked.name or ((new or {}).get("metadata") or {}).get("name", "")
        itself = f"node {quoted(node)}"
        if name != node:
            return f"{itself} is not allowed to modify node {quoted(name)}"
        if new is None:
            return ""
        spec, before = new.get("spec") or {}, (old or {}).get("spec") or {}
        source = spec.get("configSource")
        if old is None:
            if source is not None:
                return f"{itself} is not allowed to create pods with a non-nil configSource"
            wrong = forbidden_labels(new, None)
            if wrong:
                return f"{itself} is not allowed to set the following labels: {', '.join(wrong)}"
            return ""
        if source is not None and source != before.get("configSource"):
            return f"{itself} is not allowed to update configSource to a new non-nil configSource"
        if (spec.get("taints") or []) != (before.get("taints") or []):
            return f"{itself} is not allowed to modify taints"
        owners = [one["metadata"].get("ownerReferences") or [] for one in (new, old)]
        if owners[0] != owners[1]:
            return f"{itself} is not allowed to modify ownerReferences"
        wrong = forbidden_labels(new, old)
        return f"is not allowed to modify labels: {', '.join(wrong)}" if wrong else ""

    def _claim(self, node: str, attributes: Attributes) -> str:
        if attributes.asked.subresource != "status" or attributes.operation != "UPDATE":
            return "may only update PVC status"
        new, old = (_claim_view(one or {}) for one in (attributes.new, attributes.old))
        changed = [
            part for part in ("metadata", "spec", "status") if new.get(part) != old.get(part)
        ]
        if not changed:
            return ""
        return (
            f"node {quoted(node)} is not allowed to update fields other than status.capacity and "
            f"status.conditions: {', '.join(changed)}"
        )

    def _account(self, node: str, attributes: Attributes) -> str:
        if attributes.operation != "CREATE" or attributes.asked.subresource != "token":
            return ""
        return check_token(self.storage, self.authorizer, node, attributes)

    def _lease(self, node: str, attributes: Attributes) -> str:
        if attributes.asked.namespace != _LEASES:
            return f"can only access leases in the {quoted(_LEASES)} system namespace"
        if _name(attributes) != node:
            return "can only access node lease with the same name as the requesting node"
        return ""

    def _csi_node(self, node: str, attributes: Attributes) -> str:
        if _name(attributes) != node:
            return "can only access CSINode with the same name as the requesting node"
        return ""

    def _slice(self, node: str, attributes: Attributes) -> str:
        if attributes.operation == "UPDATE":
            return ""
        is_new = attributes.operation == "CREATE"
        spec = ((attributes.new if is_new else attributes.old) or {})["spec"]
        if spec.get("nodeName") != node:
            does = "create" if is_new else "delete"
            return f"can only {does} ResourceSlice with the same NodeName as the requesting node"
        return ""

    def _node_of(self, namespace: str, name: str) -> str:
        pod = self.storage.find("pods/", namespace, name)
        if pod is None:
            raise NotFound(f"pods {quoted(name)} not found", details={"name": name, "kind": "pods"})
        return str(pod["spec"].get("nodeName", ""))


def _pod_status(node: str, attributes: Attributes) -> str:
    new, old = attributes.new, attributes.old
    if new is None or old is None:
        return f"unexpected operation {quoted(attributes.operation)}"
    itself = f"node {quoted(node)}"
    if old["spec"].get("nodeName") != node:
        return f"{itself} can only update pod status for pods with spec.nodeName set to itself"
    if (new["metadata"].get("labels") or {}) != (old["metadata"].get("labels") or {}):
        return f"{itself} cannot update labels through pod status"
    for part, told in _NOT_OF_NODES:
        if ((new.get("status") or {}).get(part)) != ((old.get("status") or {}).get(part)):
            return f"{itself} cannot update {told}"
    return ""


def _name(attributes: Attributes) -> str:
    new = attributes.new or {}
    if attributes.operation == "CREATE":
        return str((new.get("metadata") or {}).get("name", ""))
    return attributes.asked.name


def _claim_view(claim: Json) -> Json:
    """A claim without what a kubelet may change of it."""
    left_out = ("resourceVersion", "managedFields")
    return {
        "metadata": {k: v for k, v in claim.get("metadata", {}).items() if k not in left_out},
        "spec": claim.get("spec"),
        "status": {k: v for k, v in (claim.get("status") or {}).items() if k not in _CLAIM_STATUS},
    }


_NOT_OF_NODES: Final = (
    ("resourceClaimStatuses", "resource claim statues"),  # upstream's spelling
    ("extendedResourceClaimStatus", "extended resource claim status"),
)
_RULES: Final[Mapping[str, Callable[[NodeRestriction, str, Attributes], str]]] = {
    "pods": NodeRestriction._pod,
    "nodes": NodeRestriction._node,
    "persistentvolumeclaims": NodeRestriction._claim,
    "serviceaccounts": NodeRestriction._account,
    "leases": NodeRestriction._lease,
    "csinodes": NodeRestriction._csi_node,
    "resourceslices": NodeRestriction._slice,
}
