"""Empties namespaces that are being deleted, and then lets them go.

The pods go first, so that nothing they rely on vanishes under them (upstream's
OrderedNamespaceDeletion); then everything else that discovery shows. Only when nothing is left does
the namespace lose the finalizer `kubernetes`, with which the API server removes it. What is left,
and why, is in the namespace's conditions. Upstream: `pkg/controller/namespace`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

import trio

from k8slite.client.resource import NAMESPACES, PODS, Resource
from k8slite.controllers.controller import Context, Controller
from k8slite.controllers.machinery.discovery import Discovery, discover, read
from k8slite.controllers.machinery.namespace_conditions import Findings
from k8slite.kinds.core.models import Namespace, Pod
from k8slite.objects.codec import dumps
from k8slite.objects.errors import ApiError, MethodNotAllowed, NotFound
from k8slite.objects.meta import Name, timestamp

Json = dict[str, Any]

FINALIZER: Final = "kubernetes"
# What was under way when the namespace began to go has arrived by then. Upstream gives several API
# servers 5 s to notice the deletion; here there is one, which has noticed already.
SETTLE_SECONDS: Final = 0.5
FINALIZER_SECONDS: Final = 15  # upstream's guess of how long finalizers take
RECHECK_MOST_SECONDS: Final = 5.0  # between two looks; upstream waits half of its estimate
METADATA_LIST: Final = (
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
)
_BY_NAMESPACE: Final = "namespace"


class NamespaceController(Controller):
    """Deletes all content of Terminating namespaces."""

    name: ClassVar[str] = "namespace-controller"
    workers: ClassVar[int] = 10

    def __init__(self, context: Context, settle_seconds: float = SETTLE_SECONDS) -> None:
        super().__init__(context)
        self._settle_seconds = settle_seconds
        self._noticed: dict[str, float] = {}  # by UID, in trio's time
        self._namespaces = self.mirrors.of(NAMESPACES, Namespace)
        self._pods = self.mirrors.of(PODS, Pod)
        self._pods.add_index(_BY_NAMESPACE, lambda pod: (pod.metadata.namespace,))
        self.watch(self._namespaces, self._of_namespace)
        self.watch(self._pods, self._of_pod)

    async def reconcile(self, name: Name) -> None:
        """Bring a namespace's deletion as far as it goes now."""
        try:
            namespace = await self.client.get(NAMESPACES, name.name)
        except NotFound:
            return
        metadata = namespace["metadata"]
        finalizers = (namespace.get("spec") or {}).get("finalizers") or []
        if "deletionTimestamp" not in metadata or FINALIZER not in finalizers:
            return
        if not self._settled(name, metadata["uid"]):
            return
        status = namespace.setdefault("status", {})
        if status.get("phase") != "Terminating":
            status["phase"] = "Terminating"
            namespace = await self.client.update(NAMESPACES, namespace, subresource="status")
        findings = Findings()
        estimate_seconds = await self._empty(name.name, findings)
        namespace = await self._report(namespace, findings)
        if findings.errors or findings.discovery:
            raise ContentRemains(f"{name.name}: {findings.errors or findings.discovery}")
        if findings.remaining:
            self.queue.add_after(name, min(estimate_seconds / 2 + 1, RECHECK_MOST_SECONDS))
            return
        namespace["spec"]["finalizers"] = [one for one in finalizers if one != FINALIZER]
        try:
            await self.client.update(NAMESPACES, namespace, subresource="finalize")
        except NotFound:
            return

    def _settled(self, name: Name, uid: str) -> bool:
        """Whether enough time has passed since the deletion was noticed; else come again."""
        now = trio.current_time()
        due = self._noticed.setdefault(uid, now) + self._settle_seconds
        if now < due:
            self.queue.add_after(name, due - now)
            return False
        return True

    async def _report(self, namespace: Json, findings: Findings) -> Json:
        """Write the conditions, if they differ."""
        status = namespace.setdefault("status", {})
        now = timestamp(self.world.now())
        conditions = findings.conditions(status.get("conditions") or (), now)
        if conditions is None:
            return namespace
        status["conditions"] = conditions
        return await self.client.update(NAMESPACES, namespace, subresource="status")

    async def _empty(self, namespace: str, findings: Findings) -> float:
        """Delete what there is; how many seconds the rest may take, by upstream's guess."""
        found = await self._discover(findings)
        resources = [one for one in found.with_verbs("delete", "list") if one.namespaced]
        pods = [one for one in resources if (one.group, one.plural) == ("", PODS.plural)]
        for resource in pods:
            estimate_seconds = await self._clear(resource, namespace, findings)
            if findings.remaining or findings.errors:
                return estimate_seconds
        deletable = {one.resource for one in found.served if "deletecollection" in one.verbs}
        estimate_seconds = 0.0
        for resource in resources:
            if resource in pods:
                continue
            seconds = await self._clear(
                resource, namespace, findings, one_by_one=resource not in deletable
            )
            estimate_seconds = max(estimate_seconds, seconds)
        return estimate_seconds

    async def _discover(self, findings: Findings) -> Discovery:
        found = await discover(self.client)
        findings.discovery += [(one.group_version, one.message) for one in found.failures]
        return found

    async def _clear(
        self, resource: Resource, namespace: str, findings: Findings, *, one_by_one: bool = False
    ) -> float:
        """Delete a namespace's objects of one resource, and count what stays."""
        label = f"{resource.plural}.{resource.group}"
        try:
            items = await self._list(resource, namespace)
            if items:
                if one_by_one or not await self._delete_collection(resource, namespace):
                    await self._delete_each(resource, namespace, items)
                items = await self._list(resource, namespace)
        except ApiError as error:
            findings.errors.append(error.message)
            return 0.0
        if not items:
            return 0.0
        findings.resources[label] = len(items)
        seconds = 0.0
        for item in items:
            metadata = item["metadata"]
            seconds = max(seconds, metadata.get("deletionGracePeriodSeconds") or 0)
            for finalizer in metadata.get("finalizers") or ():
                findings.finalizers[finalizer] = findings.finalizers.get(finalizer, 0) + 1
                seconds = max(seconds, FINALIZER_SECONDS)
        return seconds

    async def _list(self, resource: Resource, namespace: str) -> list[Json]:
        try:
            found = await read(self.client, resource.path(namespace), METADATA_LIST)
        except (NotFound, MethodNotAllowed):
            return []  # it went out of service since discovery
        return found.get("items") or []

    async def _delete_collection(self, resource: Resource, namespace: str) -> bool:
        """Whether the API could do it."""
        options = dumps({"propagationPolicy": "Background"})
        try:
            await self.client.request("DELETE", resource.path(namespace), body=options)
        except (NotFound, MethodNotAllowed):
            return False
        return True

    async def _delete_each(
        self, resource: Resource, namespace: str, items: Iterable[Mapping[str, Any]]
    ) -> None:
        for item in items:
            options = {"propagationPolicy": "Background"}
            try:
                await self.client.delete(resource, item["metadata"]["name"], namespace, options)
            except (NotFound, MethodNotAllowed):
                continue

    def _of_namespace(self, old: Namespace | None, new: Namespace | None) -> Iterable[Name]:
        if old is not None and (new is None or old.metadata.uid != new.metadata.uid):
            self._noticed.pop(old.metadata.uid, None)
        if new is None or new.metadata.deletion_timestamp is None:
            return ()
        return (new.metadata.full_name,)

    def _of_pod(self, old: Pod | None, new: Pod | None) -> Iterable[Name]:
        """A namespace on its way out, when its last pod has gone."""
        if old is None or new is not None:
            return ()
        key = Name("", old.metadata.namespace)
        namespace = self._namespaces.get(key)
        if namespace is None or namespace.metadata.deletion_timestamp is None:
            return ()
        left = self._pods.indexed(_BY_NAMESPACE, old.metadata.namespace)
        return () if left else (key,)


class ContentRemains(Exception):
    """A namespace cannot be emptied, for reasons that may pass."""
