"""A pod's surroundings: what its containers find in variables and files, and when it is fetched.

A pod that refers to nothing has them at once. Others wait until what they refer to was fetched;
while something is not there, they wait on (upstream: FailedMount, CreateContainerConfigError), and
it is looked for again. Files of ConfigMaps and the like are fetched anew when a command looks at
them, at most once a minute, as a kubelet syncs a pod.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import trio
from attrs import evolve

from k8slite.client.client import Client
from k8slite.client.resource import (
    CONFIG_MAPS,
    PERSISTENT_VOLUME_CLAIMS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from k8slite.kinds.core.references import containers_of
from k8slite.kubelet.contents import (
    Contents,
    Key,
    Missing,
    files_of,
    is_surrounded,
    modes_of,
    references,
    sub_path,
    variables,
    wanted_tokens,
)
from k8slite.kubelet.node import NodeShape
from k8slite.kubelet.pod import Container, EnvVar
from k8slite.kubelet.pod_worker import PodWorker
from k8slite.kubelet.restarting import Tell
from k8slite.kubelet.runtimes.box import Below, Mount
from k8slite.kubelet.runtimes.host_files import node_hosts
from k8slite.kubelet.timers import Timers
from k8slite.kubelet.writing import Write, Writers
from k8slite.objects.errors import ApiError, NotFound
from k8slite.objects.meta import Name

T = TypeVar("T")
Json = dict[str, Any]
Tree = MutableMapping[str, bytes]

RETRY_SECONDS: Final = 0.5  # until what was missing is looked for again; doubles (upstream)
RETRY_MOST_SECONDS: Final = 122.0  # upstream: maxDurationBeforeRetry of volumes' operations
REFRESH_SECONDS: Final = 60.0  # upstream: syncFrequency
_TOKEN_SECONDS: Final = 3600  # where a projection does not say (upstream: its default)


class Surroundings(Write):
    """Those of one pod; fetched by the fleet's writers."""

    def __init__(
        self,
        client: Client,
        document: Callable[[], Json | None],
        claims: dict[str, Tree],
        allocatable: dict[str, str],
        fetched: Callable[[str], None],
        again: Callable[[float], None],
    ) -> None:
        super().__init__()
        self.ready = False  # the volumes are there
        self._client = client
        self._document = document
        self._claims = claims  # files of claims, by their uids, and of nodes
        self._allocatable = allocatable
        self._fetched = fetched  # told what is missing
        self._look_again = again  # has it written once more, later
        self._contents = Contents()
        self._trees: dict[str, Tree] = {}
        self._modes: dict[str, dict[str, int]] = {}
        self._media: dict[str, str] = {}
        self._kept: dict[str, bool] = {}  # volumes whose files come from the API
        self._refreshed_seconds = 0.0
        self._retry_seconds = RETRY_SECONDS
        self._retrying = False

    def __repr__(self) -> str:
        return "surroundings of a pod"

    async def write(self) -> None:
        """Fetch everything; the fleet is told."""
        pod = self._document()
        if pod is None:
            return
        await self._fetch(pod)
        self._retrying = False
        complaint = ""
        try:
            self._fill(pod)
            self.ready = True
        except Missing as missing:
            complaint = str(missing)
            self._retry()
        self._fetched(complaint)

    async def refresh(self) -> None:
        """See that files are not older than they may be."""
        now = trio.current_time()
        if not any(self._kept.values()) or now < self._refreshed_seconds + REFRESH_SECONDS:
            return
        pod = self._document()
        if pod is None:
            return
        try:
            await self._fetch(pod)
            self._fill(pod)
        except (ApiError, Missing):
            self._refreshed_seconds = now  # what was there stays

    def container(self, container: Container) -> Container:
        """A container with all its variables. Raises Missing."""
        pod, found = self._of(container)
        values = self._looked_for(lambda: variables(pod, found, self._contents))
        env = tuple(EnvVar(name, value) for name, value in values.items())
        return evolve(container, env=env)

    def mounts(self, container: Container) -> tuple[Mount, ...]:
        """Where it sees which files."""
        pod, found = self._of(container)
        values = self._looked_for(lambda: variables(pod, found, self._contents))
        mounts: list[Mount] = []
        for mount in found.get("volumeMounts") or ():
            tree = self._trees.get(mount["name"])
            if tree is None:
                continue
            below = self._looked_for(partial(sub_path, mount, values))
            path = mount["mountPath"].rstrip("/") + "/"
            only_read = self._kept[mount["name"]] or bool(mount.get("readOnly"))
            if "" in tree:  # it is but one file
                mounts.append(Mount(path.rstrip("/"), tree, only_read))
                continue
            modes, medium = self._modes[mount["name"]], self._media[mount["name"]]
            if below and below in tree:
                own = {"": tree[below]}
                mounts.append(Mount(path.rstrip("/"), own, only_read, modes, f"{below}", medium))
                continue
            if below and not only_read:
                tree.setdefault(f"{below}/", b"")
            part = Below(tree, f"{below}/") if below else tree
            inside = f"{below}/" if below else ""
            mounts.append(Mount(path, part, only_read, modes, inside, medium))
        return tuple(mounts)

    def _looked_for(self, find: Callable[[], T]) -> T:
        """What is found; what is missing is looked for again, later. Raises Missing."""
        try:
            return find()
        except Missing:
            self._retry()
            raise

    def _retry(self) -> None:
        if self._retrying:
            return
        self._retrying = True
        self._look_again(self._retry_seconds)
        self._retry_seconds = min(2 * self._retry_seconds, RETRY_MOST_SECONDS)

    def _of(self, container: Container) -> tuple[Json, Json]:
        pod = self._document()
        if pod is None:
            raise Missing("pod not found")
        return pod, next(one for one in containers_of(pod["spec"]) if one["name"] == container.name)

    async def _fetch(self, pod: Json) -> None:
        namespace = pod["metadata"]["namespace"]
        found: dict[Key, Json | None] = {}
        for plural, name in references(pod, given=True):
            try:
                found[plural, name] = await self._client.get(_RESOURCES[plural], name, namespace)
            except NotFound:
                found[plural, name] = None
        services = list((await self._client.list(SERVICES, namespace))["items"])
        if namespace != "default":
            try:
                services.append(await self._client.get(SERVICES, "kubernetes", "default"))
            except NotFound:
                pass
        tokens = await self._tokens(pod)
        self._contents = Contents(found, services, self._allocatable, tokens)
        self._refreshed_seconds = trio.current_time()

    async def _tokens(self, pod: Json) -> dict[str, str]:
        """Tokens of its service account, bound to it; none where the API server signs none."""
        metadata, account = pod["metadata"], pod["spec"].get("serviceAccountName") or "default"
        bound = {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
        found: dict[str, str] = {}
        for audience, wanted in wanted_tokens(pod, given=True).items():
            spec = {
                "audiences": [audience] if audience else [],
                "expirationSeconds": wanted.get("expirationSeconds", _TOKEN_SECONDS),
                "boundObjectRef": bound,
            }
            with suppress(NotFound):
                answer = await self._client.create(
                    SERVICE_ACCOUNTS,
                    {"spec": spec},
                    metadata["namespace"],
                    name=account,
                    subresource="token",
                )
                found[audience] = answer["status"]["token"]
        return found

    def _fill(self, pod: Json) -> None:
        """Put files where they belong. Raises Missing, with upstream's text."""
        for volume in pod["spec"].get("volumes") or ():
            name = volume["name"]
            try:
                files = files_of(pod, volume, self._contents)
            except Missing as missing:
                text = f'MountVolume.SetUp failed for volume "{name}" : {missing}'
                raise Missing(text) from None
            self._kept[name] = files is not None
            self._modes.setdefault(name, {}).update(modes_of(pod, volume, files))
            self._media[name] = (volume.get("emptyDir") or {}).get("medium", "")
            tree = self._trees.setdefault(name, self._written(pod, volume))
            if files is not None:
                tree.clear()
                tree.update(files)

    def _written(self, pod: Json, volume: Json) -> Tree:
        """The tree of a volume that containers write: a claim's outlives the pod, and a node's."""
        if "hostPath" in volume:
            node = pod["spec"].get("nodeName", "")
            files = self._claims.setdefault(f"node/{node}", {"etc/hosts": node_hosts().encode()})
            path = volume["hostPath"]["path"].strip("/")
            return {"": files[path]} if path in files else Below(files, f"{path}/" if path else "")
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
        found = self._contents.objects.get(("persistentvolumeclaims", claim))
        return self._claims.setdefault(found["metadata"]["uid"], {}) if found else {}


class Surrounding:
    """Gives pods their surroundings; one for all pods of a fleet."""

    def __init__(
        self,
        client: Client,
        document: Callable[[Name], Json | None],
        writers: Writers,
        timers: Timers,
    ) -> None:
        self._client = client
        self._document = document
        self._writers = writers
        self._timers = timers
        self._claims: dict[str, Tree] = {}

    def surround(self, shape: NodeShape, worker: PodWorker, tell: Tell, sync: Sync) -> None:
        """Have a pod wait for what it refers to, if it refers to anything; `sync` follows."""
        name = worker.pod.metadata.full_name

        def document() -> Json | None:
            found = self._document(name)
            if found is None or found["metadata"]["uid"] != worker.pod.metadata.uid:
                return None
            addresses = [{"ip": one} for one in worker.addresses]
            status = {
                "hostIP": worker.host.address,
                "hostIPs": [{"ip": worker.host.address}],
                "podIP": worker.addresses[0] if worker.addresses else "",
                "podIPs": addresses,
            }
            return {**found, "status": status}

        def fetched(complaint: str) -> None:
            if document() is None:
                return  # it has gone meanwhile
            if complaint:
                tell(worker.pod, None, "Warning", "FailedMount", complaint)
            worker.surrounded(self._timers.now())
            sync()

        def again(seconds: float) -> None:
            self._timers.after(seconds, lambda: self._writers.queue(found))

        pod = document()
        if pod is None or worker.pod.terminal or not is_surrounded(pod):
            return
        allocatable = {
            "cpu": shape.cpu,
            "memory": shape.memory,
            "ephemeral-storage": shape.ephemeral_storage,
        }
        found = Surroundings(self._client, document, self._claims, allocatable, fetched, again)
        worker.surroundings = found
        self._writers.queue(found)


Sync = Callable[[], None]
_RESOURCES: Final = {
    "configmaps": CONFIG_MAPS,
    "persistentvolumeclaims": PERSISTENT_VOLUME_CLAIMS,
    "secrets": SECRETS,
}
