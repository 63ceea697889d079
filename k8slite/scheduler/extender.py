"""Programs elsewhere that have a say in scheduling, asked over HTTP (upstream: `extender.go`).

They are asked after the plugins: `filterVerb` takes nodes away, `prioritizeVerb` adds to scores,
`preemptVerb` takes away nodes that others would have to leave, or their pods, `bindVerb` binds the
pod. One that manages resources is asked only about pods that request them; one
that may be ignored is passed over when it does not answer.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import trio
from attrs import frozen

from k8slite.messages import Handler, Request, read_all
from k8slite.objects.cel.times import duration_of
from k8slite.objects.codec import dumps, loads
from k8slite.scheduler.plugin import SCORE_MOST, Status
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.victims import Candidate

Json = dict[str, Any]

TIMEOUT_SECONDS: Final = 5.0  # upstream: `DefaultExtenderTimeout`
EXTENDER_SCORE_MOST: Final = 10  # upstream: `MaxExtenderPriority`


# From a URL without path, authorities ("": those that this machine trusts) and whether certificates
# are checked, to the way there.
Reach = Callable[[str, str, bool], Handler]


class ExtenderFailed(Exception):
    """An extender did not answer, or said that it cannot."""


@frozen
class Extender:
    """One program."""

    origin: str  # http:// or https://HOST:PORT
    path: str
    handler: Handler
    filter_verb: str = ""
    prioritize_verb: str = ""
    bind_verb: str = ""
    preempt_verb: str = ""
    weight: int = 1
    timeout_seconds: float = TIMEOUT_SECONDS
    takes_names: bool = False  # it knows the nodes itself (`nodeCacheCapable`)
    managed_resources: tuple[str, ...] = ()
    ignorable: bool = False

    def is_interested(self, pod: PodInfo) -> bool:
        """Whether it has a say about a pod."""
        if not self.managed_resources:
            return True
        spec = pod.pod.spec
        return any(
            resource in quantities
            for one in (*spec.containers, *spec.init_containers)
            for quantities in (one.resources.requests, one.resources.limits)
            for resource in self.managed_resources
        )

    async def filter(
        self, pod: Json, nodes: Mapping[str, Json]
    ) -> tuple[list[str], dict[str, Status]]:
        """The names of the nodes that stay, and why others do not. Raises ExtenderFailed."""
        found = await self._ask(self.filter_verb, self._arguments(pod, nodes))
        if error := found.get("error"):
            raise ExtenderFailed(str(error))
        if self.takes_names and found.get("nodenames") is not None:
            names = [str(name) for name in found["nodenames"]]
        else:
            items = _lowered(found.get("nodes") or {}).get("items") or ()
            names = [str(one["metadata"]["name"]) for one in items]
        if unknown := [name for name in names if name not in nodes]:
            raise ExtenderFailed(f"extender claims a filtered node {unknown[0]!r} not in the input")
        refused = {
            name: Status((str(why),), unresolvable)
            for key, unresolvable in (("failednodes", False), ("failedandunresolvablenodes", True))
            for name, why in (found.get(key) or {}).items()
        }
        return names, refused

    async def prioritize(self, pod: Json, nodes: Mapping[str, Json]) -> dict[str, int]:
        """What it adds to the score of each node. Raises ExtenderFailed."""
        found = await self._ask(self.prioritize_verb, self._arguments(pod, nodes))
        scale = self.weight * (SCORE_MOST // EXTENDER_SCORE_MOST)
        scores = [_lowered(one) for one in found.get("items", ())]
        return {str(one["host"]): int(one["score"]) * scale for one in scores}

    async def preempt(
        self, pod: Json, candidates: Sequence[Candidate], documents: Mapping[str, Json]
    ) -> list[Candidate]:
        """The candidates that stay, perhaps with fewer pods; `documents` are the pods by UID.

        Raises ExtenderFailed.
        """
        arguments: Json = {"Pod": pod, "NodeNameToVictims": None, "NodeNameToMetaVictims": None}
        key = "NodeNameToMetaVictims" if self.takes_names else "NodeNameToVictims"
        arguments[key] = {
            one.node_name: {
                "Pods": [
                    {"UID": victim.uid} if self.takes_names else documents.get(victim.uid, {})
                    for victim in one.victims
                ],
                "NumPDBViolations": one.violations,
            }
            for one in candidates
        }
        found = await self._ask(self.preempt_verb, arguments)
        left = found.get("nodenametometavictims") or {}
        by_name = {one.node_name: one for one in candidates}
        return [self._left(name, by_name, _lowered(left[name] or {})) for name in sorted(left)]

    def _left(self, name: str, known: Mapping[str, Candidate], found: Json) -> Candidate:
        if name not in known:
            raise ExtenderFailed(f"nodeinfo not found for node name {name!r}")
        victims = {one.uid: one for one in known[name].victims}
        uids = [str(_lowered(one).get("uid")) for one in found.get("pods") or ()]
        if unknown := [uid for uid in uids if uid not in victims]:
            raise ExtenderFailed(
                f"extender: {self.origin}{self.path} claims to preempt pod (UID: {unknown[0]}) on "
                f"node: {name}, but the pod is not found on that node"
            )
        return Candidate(
            name, tuple(victims[uid] for uid in uids), int(found.get("numpdbviolations") or 0)
        )

    async def bind(self, pod: PodInfo, node_name: str) -> None:
        """Have it bind a pod. Raises ExtenderFailed."""
        arguments = {
            "PodName": pod.name.name,
            "PodNamespace": pod.name.namespace,
            "PodUID": pod.uid,
            "Node": node_name,
        }
        found = await self._ask(self.bind_verb, arguments)
        if error := found.get("error"):
            raise ExtenderFailed(str(error))

    def _arguments(self, pod: Json, nodes: Mapping[str, Json]) -> Json:
        if self.takes_names:
            return {"Pod": pod, "Nodes": None, "NodeNames": list(nodes)}
        return {"Pod": pod, "Nodes": {"items": list(nodes.values())}, "NodeNames": None}

    async def _ask(self, verb: str, body: Json) -> Json:
        """Its answer, names of fields in small letters; a list is under "items"."""
        url = f"{self.origin}{self.path}/{verb}"
        request = Request(
            "POST",
            f"{self.path}/{verb}",
            headers={"content-type": "application/json"},
            body=dumps(body),
        )
        try:
            with trio.fail_after(self.timeout_seconds):
                response = await self.handler(request)
                raw = await read_all(response)
        except Exception as error:  # whatever keeps the answer from us is the extender's failure
            raise ExtenderFailed(f'Post "{url}": {error!r}') from error
        if response.status != 200:
            raise ExtenderFailed(
                f"failed {verb} with extender at URL {url}, code {response.status}"
            )
        try:
            found = loads(raw)
        except ValueError as error:
            raise ExtenderFailed(f"{url}: {error}") from None
        return {"items": found} if isinstance(found, list) else _lowered(found)


def extender_of(found: Mapping[str, Any], reach: Reach | None) -> Extender:
    """Read one from the configuration. Raises ValueError."""
    if reach is None:
        raise ValueError("extenders: there is no way out of this cluster")
    prefix = str(found.get("urlPrefix") or "")
    parts = urlsplit(prefix)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"extenders: Invalid value: {prefix!r}: urlPrefix is not a URL")
    if found.get("prioritizeVerb") and (found.get("weight") or 0) <= 0:
        raise ValueError("extenders: must have a positive weight applied to it")
    tls = found.get("tlsConfig") or {}
    origin = f"{parts.scheme}://{parts.netloc}"
    timeout = found.get("httpTimeout")
    return Extender(
        origin,
        parts.path.rstrip("/"),
        reach(origin, _ca_bundle(tls), not tls.get("insecure", False)),
        found.get("filterVerb") or "",
        found.get("prioritizeVerb") or "",
        found.get("bindVerb") or "",
        found.get("preemptVerb") or "",
        found.get("weight") or 1,
        _seconds(str(timeout)) if timeout else TIMEOUT_SECONDS,
        bool(found.get("nodeCacheCapable")),
        tuple(one["name"] for one in found.get("managedResources") or ()),
        bool(found.get("ignorable")),
    )


def binder_of(extenders: Sequence[Extender], pod: PodInfo) -> Extender | None:
    """The extender that binds a pod, if one does."""
    for one in extenders:
        if one.bind_verb and one.is_interested(pod):
            return one
    return None


def _ca_bundle(tls: Mapping[str, Any]) -> str:

    return base64.b64decode(tls.get("caData") or "").decode()


def _seconds(text: str) -> float:
    """Raises ValueError."""
    return duration_of(text).nanoseconds / 1e9


def _lowered(found: Any) -> Json:
    """As upstream reads JSON: the case of a field's name does not matter."""
    if not isinstance(found, dict):
        raise ExtenderFailed("the answer is not an object")
    return {key.lower(): value for key, value in found.items()}
