"""What a fresh cluster holds before anybody asked for anything.

Written through the store directly, each object expected absent, so that starting again adds only
what is missing. Facts are in `manifests/bootstrap`; what follows from the table of kinds (API
services) or from this server's address (the `kubernetes` Service) is made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import define

from k8slite.apiserver.service_addresses import IP_ADDRESSES, ip_address
from k8slite.apiserver.storage import Storage
from k8slite.kinds.apiregistration.local_services import local_service
from k8slite.objects import codec
from k8slite.objects.meta import timestamp
from k8slite.store.store import Put
from k8slite.world import World

Json = dict[str, Any]

NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
_RBAC: Final = "rbac.authorization.k8s.io"
_RBAC_META: Final = {
    "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
}
_FLOW_META: Final = {"annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}, "generation": 1}


@define(eq=False)
class Bootstrap:
    """Brings a store to the state of a fresh cluster."""

    storage: Storage
    world: World
    address: str  # where clients reach this server: an IP address
    port: int
    service_cidr: str = "10.96.0.0/16"

    async def run(self) -> None:
        """Add what is missing."""
        store = self.storage.store
        # Where another server of this store was faster, its object stays.
        await store.put_all(
            [self._put(key, obj) for key, obj in self._objects() if store.get(key) is None]
        )
        await self._renew_endpoints()

    def _objects(self) -> Iterator[tuple[str, Json]]:
        yield from self._namespaces()
        yield from self._kubernetes_service()
        yield from self._roles()
        yield from self._flow_control()
        yield from self._priority_classes()
        yield from self._api_services()

    def _put(self, key: str, obj: Json) -> Put:
        metadata = obj["metadata"]
        metadata.setdefault("uid", self.world.uid())
        metadata.setdefault("creationTimestamp", timestamp(self.world.now()))
        tail = codec.stored_tail(obj)
        return Put(key, lambda revision: codec.stored(tail, revision), expect=0)

    def _key(self, group: str, plural: str, name: str, namespace: str = "") -> str:
        return self.storage.preferred(group, plural).key(namespace, name)

    def _namespaces(self) -> Iterator[tuple[str, Json]]:
        for name in NAMESPACES:
            yield (
                self._key("", "namespaces", name),
                {
                    "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
                    "spec": {"finalizers": ["kubernetes"]},
                    "status": {"phase": "Active"},
                },
            )
        since = self.world.now().strftime("%Y-%m-%d")
        name = "kube-apiserver-legacy-service-account-token-tracking"
        yield (
            self._key("", "configmaps", name, "kube-system"),
            {"metadata": {"name": name, "namespace": "kube-system"}, "data": {"since": since}},
        )

    def _kubernetes_service(self) -> Iterator[tuple[str, Json]]:
        first = f"{self.service_cidr.rpartition('.')[0]}.1"
        metadata = {"name": "kubernetes", "namespace": "default"}
        labels = {"component": "apiserver", "provider": "kubernetes"}
        port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": self.port}
        spec = {
            "clusterIP": first,
            "clusterIPs": [first],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [port],
            "sessionAffinity": "None",
            "type": "ClusterIP",
        }
        yield (
            self._key("", "services", "kubernetes", "default"),
            {
                "metadata": {**metadata, "labels": labels},
                "spec": spec,
                "status": {"loadBalancer": {}},
            },
        )
        if self.storage.kinds.find("networking.k8s.io", "v1", "ipaddresses") is not None:
            yield IP_ADDRESSES + first, ip_address(first, "default", "kubernetes", self.world)
            yield self._key("networking.k8s.io", "servicecidrs", "kubernetes"), self._service_cidr()
        yield self._key("", "endpoints", "kubernetes", "default"), self._endpoints()
        yield (
            self._key("discovery.k8s.io", "endpointslices", "kubernetes", "default"),
            self._endpoint_slice(),
        )

    def _service_cidr(self) -> Json:
        ready = {
            "type": "Ready",
            "status": "True",
            "lastTransitionTime": timestamp(self.world.now()),
            "reason": "",
            "message": "Kubernetes default Service CIDR is ready",
        }
        return {
            "metadata": {"name": "kubernetes"},
            "spec": {"cidrs": [self.service_cidr]},
            "status": {"conditions": [ready]},
        }

    def _endpoints(self) -> Json:
        labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
        port = {"name": "https", "port": self.port, "protocol": "TCP"}
        return {
            "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
            "subsets": [{"addresses": [{"ip": self.address}], "ports": [port]}],
        }

    def _endpoint_slice(self) -> Json:
        return {
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "generation": 1,
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [self.address], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": self.port, "protocol": "TCP"}],
        }

    async def _renew_endpoints(self) -> None:
        """After a restart at another address the `kubernetes` Service leads there."""
        for key, wanted, parts in (
            (
                self._key("", "endpoints", "kubernetes", "default"),
                self._endpoints(),
                ("subsets",),
            ),
            (
                self._key("discovery.k8s.io", "endpointslices", "kubernetes", "default"),
                self._endpoint_slice(),
                ("endpoints", "ports"),
            ),
        ):
            stored = self.storage.store.get(key)
            if stored is None:
                continue
            obj = codec.loads(stored.value)
            if all(obj.get(part) == wanted[part] for part in parts):
                continue
            tail = codec.stored_tail({**obj, **{part: wanted[part] for part in parts}})
            await self.storage.store.put(
                key,
                lambda revision, tail=tail: codec.stored(tail, revision),  # type: ignore[misc]
                expect=stored.revision,
            )

    def _roles(self) -> Iterator[tuple[str, Json]]:
        facts = _facts("roles.json")
        for name, role in facts["clusterRoles"].items():
            labels = {**_RBAC_META["labels"], **role.get("labels", {})}
            obj: Json = {"metadata": {**_RBAC_META, "name": name, "labels": labels}}
            if "aggregates" in role:
                selectors = [{"matchLabels": labels} for labels in role["aggregates"]]
                obj["aggregationRule"] = {"clusterRoleSelectors": selectors}
                obj["rules"] = None
            else:
                obj["rules"] = [_rule(text) for text in role["rules"]]
            yield self._key(_RBAC, "clusterroles", name), obj
        for name, subjects in facts["clusterRoleBindings"].items():
            binding: Json = {
                "metadata": {**_RBAC_META, "name": name},
                "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
            }
            if subjects:
                binding["subjects"] = [_subject(text) for text in subjects]
            yield self._key(_RBAC, "clusterrolebindings", name), binding
        for full_name, rules in facts["roles"].items():
            namespace, _, name = full_name.partition("/")
            yield (
                self._key(_RBAC, "roles", name, namespace),
                {
                    "metadata": {**_RBAC_META, "name": name, "namespace": namespace},
                    "rules": [_rule(text) for text in rules],
                },
            )
        for full_name, bound in facts["roleBindings"].items():
            namespace, _, name = full_name.partition("/")
            yield (
                self._key(_RBAC, "rolebindings", name, namespace),
                {
                    "metadata": {**_RBAC_META, "name": name, "namespace": namespace},
                    "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": bound["role"]},
                    "subjects": [_subject(text) for text in bound["subjects"]],
                },
            )

    def _flow_control(self) -> Iterator[tuple[str, Json]]:
        facts, group = _facts("flowcontrol.json"), "flowcontrol.apiserver.k8s.io"
        now = timestamp(self.world.now())
        for name, spec in facts["flowSchemas"].items():
            level = spec["priorityLevelConfiguration"]["name"]
            dangling = {
                "type": "Dangling",
                "status": "False",
                "lastTransitionTime": now,
                "reason": "Found",
                "message": "This FlowSchema references the PriorityLevelConfiguration object "
                f'named "{level}" and it exists',
            }
            yield (
                self._key(group, "flowschemas", name),
                {
                    "metadata": {**_FLOW_META, "name": name},
                    "spec": spec,
                    "status": {"conditions": [dangling]},
                },
            )
        for name, spec in facts["priorityLevels"].items():
            yield (
                self._key(group, "prioritylevelconfigurations", name),
                {"metadata": {**_FLOW_META, "name": name}, "spec": spec, "status": {}},
            )

    def _priority_classes(self) -> Iterator[tuple[str, Json]]:
        for name, value, description in _PRIORITY_CLASSES:
            yield (
                self._key("scheduling.k8s.io", "priorityclasses", name),
                {
                    "metadata": {"name": name, "generation": 1},
                    "value": value,
                    "preemptionPolicy": "PreemptLowerPriority",
                    "description": description,
                },
            )

    def _api_services(self) -> Iterator[tuple[str, Json]]:
        now = timestamp(self.world.now())
        for group, versions in self.storage.kinds.groups().items():
            if group == "apiregistration.k8s.io":
                continue  # the aggregator's own group is not registered with it
            for version in versions:
                service = local_service(group, version, "onstart", now)
                name = service["metadata"]["name"]
                yield self._key("apiregistration.k8s.io", "apiservices", name), service


def default_rules(cluster_role: str) -> list[Json]:
    """The rules that a cluster role has in a fresh cluster."""
    return [_rule(text) for text in _facts("roles.json")["clusterRoles"][cluster_role]["rules"]]


def _facts(file_name: str) -> Json:
    """One file of `manifests/bootstrap`: in the wheel beside the package, else in the checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "manifests", package.parent / "manifests"):
        path = folder / "bootstrap" / file_name
        if path.exists():
            found: Json = codec.loads(path.read_bytes())
            return found
    raise FileNotFoundError(f"manifests/bootstrap/{file_name} is not installed with k8slite")


def _rule(text: str) -> Json:
    """`get,list apps deployments web` or `get /healthz /version` as a policy rule."""
    verbs, *rest = text.split(" ")
    if rest[0].startswith("/") or rest == ["*"]:
        return {"verbs": verbs.split(","), "nonResourceURLs": rest}
    groups, resources, *names = rest
    rule = {
        "verbs": verbs.split(","),
        "apiGroups": ["" if group == "core" else group for group in groups.split(",")],
        "resources": resources.split(","),
    }
    return {**rule, "resourceNames": names[0].split(",")} if names else rule


def _subject(text: str) -> Json:
    """`Group system:masters` or `ServiceAccount kube-system/x`."""
    kind, _, name = text.partition(" ")
    if kind == "ServiceAccount":
        namespace, _, name = name.partition("/")
        return {"kind": kind, "name": name, "namespace": namespace}
    return {"apiGroup": _RBAC, "kind": kind, "name": name}


_PRIORITY_CLASSES: Final = (
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another "
        "node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
)
