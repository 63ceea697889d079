"""What a test can do with a cluster and ask of it: async functions that run where the cluster is.

`cluster` makes of each of them a blocking method and one that is awaited. Objects are named as for
kubectl: `deployment/web`; what is wrong with a name or a manifest is a ValueError, what the API
refuses is its error (`k8slite.NotFound`), and what was waited for in vain is a Timeout.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import trio
from attrs import define, field

from k8slite.client.client import APPLY_PATCH, Client
from k8slite.client.resource import (
    CUSTOM_RESOURCE_DEFINITIONS,
    EVENTS,
    NAMESPACES,
    PODS,
    SERVICE_ACCOUNTS,
    Resource,
)
from k8slite.controllers.identity.serviceaccount import ServiceAccountController
from k8slite.kubelet.runtimes import stages
from k8slite.live.embedded import Embedded
from k8slite.live.request_log import Logged
from k8slite.messages import read_all
from k8slite.objects.codec import dumps, loads
from k8slite.objects.errors import NotFound
from k8slite.sim.manifests import documents
from k8slite.store.memory import MemoryStore
from k8slite.testing import stage_definition
from k8slite.testing.conditions import Condition, holds, seen
from k8slite.testing.fault_operations import FaultOperations
from k8slite.testing.naming import named, resource_of
from k8slite.testing.node_operations import NodeOperations
from k8slite.testing.snapshots import Snapshot, restore

Json = dict[str, Any]
Objects = list[Json]
Requests = list[Logged]
Manifest = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Mapping[str, Any]]

WAIT_SECONDS: Final = 10.0  # how long things are waited for, unless a test says otherwise
# While blocking code waits for something that is perhaps not in the cluster, it looks so often.
LOOK_SECONDS: Final = 0.1
_STAGES: Final = str(stage_definition.DEFINITION["metadata"]["name"])
_MANAGER: Final = "k8slite-testing"


class Timeout(AssertionError):
    """What was waited for has not come; the text says what there was instead."""


@define(eq=False)
class Operations(NodeOperations, FaultOperations):
    """All of it, on one cluster."""

    embedded: Embedded
    _client: Client = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._client = self.embedded.cluster.client(_MANAGER)

    # Objects

    async def get(self, what: str, namespace: str = "default") -> Json:
        """One object, `TYPE/NAME`. Raises NotFound."""
        resource, name = self._one(what)
        return await self._client.get(resource, name, namespace if resource.namespaced else "")

    async def list(
        self, what: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> Objects:
        """The objects of a TYPE, in one namespace or in all; with selectors, if they are given."""
        resource, name = named(self.embedded.cluster.api.storage.kinds, what)
        if name:
            raise ValueError(f"a list is of a type, such as 'pods'; get({what!r}) reads one object")
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        given = {name: value for name, value in selectors.items() if value}
        found = await self._client.list(resource, namespace, **given)
        items: Objects = found["items"]
        kind = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [{**kind, **one} for one in items]

    async def apply(self, what: Manifest, namespace: str = "default") -> Objects:
        """Apply manifests as `kubectl apply --server-side` does, and return what is there then.

        `what` is a path (of a file, or a directory with *.yaml, *.yml and *.json), a YAML text, an
        object or several. Definitions of custom resources are waited for. Raises ValueError.
        """
        return [await self._apply(obj, namespace) for obj in _manifests(what)]

    async def delete(
        self,
        what: str,
        namespace: str = "default",
        *,
        wait: bool = True,
        timeout_seconds: float = WAIT_SECONDS,
    ) -> None:
        """Delete an object and, unless told otherwise, wait until it is gone.

        Raises NotFound, or Timeout when a finalizer keeps it.
        """
        resource, name = self._one(what)
        where = namespace if resource.namespaced else ""
        await self._client.delete(resource, name, where, {"propagationPolicy": "Background"})
        if wait:
            await self.wait_for(what, "delete", namespace, timeout_seconds=timeout_seconds)

    async def namespace(self, name: str = "") -> str:
        """A new namespace, ready for pods; a name is found where none is given."""
        metadata = {"name": name} if name else {"generateName": "test-"}
        made = await self._client.create(NAMESPACES, {"metadata": metadata})
        found: str = made["metadata"]["name"]
        if self.embedded.cluster.settings.runs(ServiceAccountController.name):
            await self._wait_for(SERVICE_ACCOUNTS, "default", found, "create", WAIT_SECONDS)
        return found

    async def create_token(
        self, account: str, namespace: str = "default", *, seconds: int = 3600
    ) -> str:
        """A bearer token for a service account, to ask as it; good for so long."""
        review = {"spec": {"expirationSeconds": seconds}}
        made = await self._client.create(
            SERVICE_ACCOUNTS, review, namespace, name=account, subresource="token"
        )
        token: str = made["status"]["token"]
        return token

    async def logs(
        self, pod: str, namespace: str = "default", *, container: str = "", previous: bool = False
    ) -> str:
        """What a pod's container has printed (the only one, unless it is named)."""
        path = PODS.path(namespace, pod.removeprefix("pod/"), "log")
        parameters = {"container": container} if container else {}
        if previous:
            parameters["previous"] = "true"
        response = await self._client.request("GET", path, parameters=parameters)
        return (await read_all(response)).decode(errors="replace")

    # Waiting

    async def wait_for(
        self,
        what: str,
        condition: Condition = "create",
        namespace: str = "default",
        *,
        timeout_seconds: float = WAIT_SECONDS,
    ) -> Json:
        """Wait until an object `TYPE/NAME` is as it should be; returns it ({} once it is gone).

        The condition is "create", "delete", the type of a condition ("Ready", "Ready=False"),
        "phase=..." or a function that gets the object. Raises Timeout.
        """
        resource, name = self._one(what)
        return await self._wait_for(resource, name, namespace, condition, timeout_seconds)

    async def now(self) -> float:
        """Seconds by the cluster's clock, for deadlines."""
        return trio.current_time()

    async def revision(self) -> int:
        """The newest revision."""
        return self.embedded.cluster.store.revision

    async def changed(self, revision: int) -> int:
        """Wait for a revision above that one, but not for long; returns the newest."""
        store = self.embedded.cluster.store
        with trio.move_on_after(LOOK_SECONDS):
            await store.wait(revision + 1)
        return store.revision

    async def ready(self) -> None:
        """Wait until every component has synced. A cluster can be used before."""
        await self.embedded.ready.wait()

    # Events and requests

    async def events(
        self, on: str = "", namespace: str = "", *, reason: str = "", type: str = ""
    ) -> Objects:
        """The events that there are, on one object (`pod/web`) or on all, oldest first."""
        wanted = named(self.embedded.cluster.api.storage.kinds, on) if on else None
        found = []
        for event in (await self._client.list(EVENTS, namespace))["items"]:
            of = event.get("involvedObject") or {}
            if wanted is not None and of.get("kind") != wanted.resource.kind:
                continue
            if wanted is not None and wanted.name and of.get("name") != wanted.name:
                continue
            if reason in ("", event.get("reason")) and type in ("", event.get("type")):
                found.append(event)
        return sorted(found, key=lambda one: int(one["metadata"]["resourceVersion"]))

    async def assert_event(
        self,
        reason: str,
        on: str = "",
        namespace: str = "",
        *,
        message: str = "",
        type: str = "",
        timeout_seconds: float = WAIT_SECONDS,
    ) -> Json:
        """Wait for an event, whose message a regular expression finds; returns it.

        Raises Timeout, which tells the events that there were.
        """
        store = self.embedded.cluster.store
        with trio.move_on_after(timeout_seconds):
            while True:
                revision = store.revision
                for event in await self.events(on, namespace, reason=reason, type=type):
                    if re.search(message, event.get("message") or ""):
                        return event
                await store.wait(revision + 1)
        told = [
            f"  {one.get('type')} {one.get('reason')}: {one.get('message')}"
            for one in await self.events(on, namespace)
        ]
        raise Timeout("\n".join([f"no event {reason} on {on or 'anything'}; there are:", *told]))

    async def requests(self, method: str = "", path: str = "", *, user_agent: str = "") -> Requests:
        """What came in over the socket, oldest first: the method, and what regular expressions
        find in the path and the user agent."""
        return [
            one
            for one in self.embedded.requests.all()
            if method in ("", one.method)
            and re.search(path, one.path)
            and re.search(user_agent, one.user_agent)
        ]

    async def assert_request(
        self, method: str, path: str = "", *, user_agent: str = "", times: int | None = None
    ) -> Requests:
        """The requests that `requests` finds: at least one or, if it is said, so many.

        Raises AssertionError, which tells the requests that there were.
        """
        found = await self.requests(method, path, user_agent=user_agent)
        if (times is None and found) or len(found) == times:
            return found
        wanted = "at least one" if times is None else f"{times} times"
        told = [f"  {one.method} {one.path} {one.status}" for one in self.embedded.requests.all()]
        head = f"{len(found)} requests {method} {path!r}, wanted: {wanted}; there were:"
        raise AssertionError("\n".join([head, *told]))

    async def forget_requests(self) -> None:
        """Begin the log of requests anew."""
        self.embedded.requests.clear()

    # Time and revisions

    async def advance(
        self, *, seconds: float = 0.0, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> None:
        """Move the cluster's clock forward, deadline by deadline, and let all that is due happen.

        Raises ValueError for a negative time.
        """
        await self.embedded.advance(seconds + 60 * (minutes + 60 * (hours + 24 * days)))

    async def snapshot(self, revision: int | None = None) -> Snapshot:
        """The cluster's state, now or at a revision of the last minutes.

        Raises Compacted or FutureRevision.
        """
        store = self.embedded.cluster.store
        assert isinstance(store, MemoryStore)
        return Snapshot(store.copy(revision), self.embedded.clock.ahead_seconds)

    async def restore(self, snapshot: Snapshot) -> None:
        """Bring back the objects of a snapshot, as new writes: watches see them change."""
        await restore(self.embedded.cluster, snapshot)

    # The rest

    def _one(self, what: str) -> tuple[Resource, str]:
        resource, name = named(self.embedded.cluster.api.storage.kinds, what)
        if not name:
            raise ValueError(f"{what!r} is a type without a name; say it as '{what}/NAME'")
        return resource, name

    async def _apply(self, obj: Json, namespace: str) -> Json:
        if (obj["apiVersion"], obj["kind"]) == stage_definition.NAMED:
            stages.check(obj)
            if await self._find(CUSTOM_RESOURCE_DEFINITIONS, _STAGES, "") is None:
                await self._apply(stage_definition.DEFINITION, "")
        group, _, version = str(obj["apiVersion"]).rpartition("/")
        kind = self.embedded.cluster.api.storage.kinds.by_kind(group, version, obj["kind"])
        if kind is None:
            raise ValueError(
                f"the cluster knows no {obj['kind']} in {obj['apiVersion']}; "
                "apply its CustomResourceDefinition first"
            )
        metadata = obj.get("metadata") or {}
        name = metadata.get("name")
        if not name:
            raise ValueError(f"a {obj['kind']} without metadata.name cannot be applied")
        where = metadata.get("namespace", namespace) if kind.namespaced else ""
        response = await self._client.request(
            "PATCH",
            resource_of(kind).path(where, name),
            parameters={"fieldManager": _MANAGER, "force": "true"},
            body=dumps(obj),
            content_type=APPLY_PATCH,
        )
        found: Json = loads(await read_all(response))
        if kind.kind == "CustomResourceDefinition":
            return await self.wait_for(f"crd/{name}", "Established")
        return found

    async def _wait_for(
        self, resource: Resource, name: str, namespace: str, condition: Condition, seconds: float
    ) -> Json:
        wanted, store = holds(condition), self.embedded.cluster.store
        obj: Json | None = None
        with trio.move_on_after(seconds):
            while True:
                revision = store.revision
                obj = await self._find(resource, name, namespace)
                if wanted(obj):
                    return obj or {}
                await store.wait(revision + 1)
        of = f"{resource.plural}/{name}" + (f" in {namespace}" if resource.namespaced else "")
        aim = condition if isinstance(condition, str) else "as the function wants it"
        raise Timeout(f"{of} is not {aim!r} after {seconds:g} s: {seen(obj)}")

    async def _find(self, resource: Resource, name: str, namespace: str) -> Json | None:
        try:
            where = namespace if resource.namespaced else ""
            return await self._client.get(resource, name, where)
        except NotFound:
            return None


def _manifests(what: Manifest) -> Objects:
    if isinstance(what, Mapping):
        return documents([what])
    if isinstance(what, str) and ("\n" in what or ": " in what or what.lstrip().startswith("{")):
        return documents(what)
    if not isinstance(what, str | os.PathLike):
        if not isinstance(what, Iterable):
            raise ValueError(f"{what!r} is no manifest: give a path, a text, an object or a list")
        return documents(what)
    path = Path(what)
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix in (".yaml", ".yml", ".json"))
        if not files:
            raise ValueError(f"{path} has no *.yaml, *.yml or *.json")
        return [obj for file in files for obj in documents(file.read_text())]
    try:
        return documents(path.read_text())
    except FileNotFoundError:
        where = Path.cwd()
        raise ValueError(f"there is no manifest {path} (looked for from {where})") from None
