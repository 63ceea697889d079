"""The resource metrics API, metrics.k8s.io: what pods and nodes use right now.

Upstream it is an API server of its own (metrics-server), which asks the kubelets from time to time;
here they are asked when somebody wants to know. Only pods that run are told of.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from k8slite.apiserver.selection import select
from k8slite.apiserver.storage import Storage
from k8slite.apiserver.verbs import Call
from k8slite.kinds.metrics import GROUP, VERSION
from k8slite.messages import Handler, Request, Response, read_all
from k8slite.objects.codec import dumps, loads
from k8slite.objects.errors import MethodNotAllowed, NotFound
from k8slite.objects.fields import quoted
from k8slite.objects.meta import timestamp
from k8slite.objects.quantity import BINARY, of_milli, of_whole
from k8slite.world import World

Json = dict[str, Any]

WINDOW: Final = "10s"  # over which kubelets measure
_NANO: Final = 1_000_000  # of a thousandth
_KIBIBYTE: Final = 1024


@frozen
class ResourceMetrics:
    """Answers for both resources of the group."""

    storage: Storage
    world: World
    kubelet: Handler  # asked with the node's name in a header

    async def serve(self, call: Call) -> Response:
        """GET of one object or of a list."""
        if call.info.verb not in ("get", "list"):
            text = "the server does not allow this method on the requested resource"
            raise MethodNotAllowed(text, details={})
        nodes = call.kind.plural == "nodes"
        found = await (self._nodes(call) if nodes else self._pods(call))
        now = self.world.now()
        if call.info.verb == "list":
            return call.response(200, call.form.list(call.kind, found, 0, now))
        if not found:
            name = call.info.name
            kind = call.kind.group_resource
            raise NotFound(f"{kind} {quoted(name)} not found", details={"name": name})
        return call.response(200, call.form.object(call.kind, found[0], now))

    async def _nodes(self, call: Call) -> list[bytes]:
        now = self.world.now()
        found = []
        for node in self._objects(call, "nodes"):
            summary = await self._ask(node["metadata"]["name"])
            if summary is not None:
                usage = _usage(summary["node"])
                found.append(dumps({**_about(node, "NodeMetrics", now), "usage": usage}))
        return found

    async def _pods(self, call: Call) -> list[bytes]:
        now = self.world.now()
        # The kubelets of the pods' nodes, each asked once.
        by_node: dict[str, dict[str, list[Json]]] = {}
        found = []
        for pod in self._objects(call, "pods"):
            node = pod["spec"].get("nodeName", "")
            if not node or (pod.get("status") or {}).get("phase") != "Running":
                continue
            if node not in by_node:
                pods = ((await self._ask(node)) or {"pods": []})["pods"]
                by_node[node] = {one["podRef"]["uid"]: one["containers"] for one in pods}
            containers = by_node[node].get(pod["metadata"]["uid"])
            if containers:
                usages = [{"name": one["name"], "usage": _usage(one)} for one in containers]
                found.append(dumps({**_about(pod, "PodMetrics", now), "containers": usages}))
        return found

    def _objects(self, call: Call, plural: str) -> Iterable[Json]:
        """The pods or nodes that a request is about."""
        info, request = call.info, call.request
        kind = self.storage.kinds.find("", "v1", plural)
        assert kind is not None, "pods and nodes are always there"
        if info.name:
            found = self.storage.find(kind.prefix, info.namespace, info.name)
            return [found] if found is not None else []
        fields = request.parameter("fieldSelector")
        fits = select(kind, request.parameter("labelSelector"), fields).matcher(kind)
        prefix = f"{kind.prefix}{info.namespace}/" if info.namespace else kind.prefix
        return [obj for stored, obj in self.storage.every(prefix) if fits(stored)]

    async def _ask(self, node: str) -> Json | None:
        """A kubelet's summary, None where it has none to give."""
        try:
            response = await self.kubelet(
                Request("GET", "/stats/summary", (), {"x-node-name": node})
            )
        except ConnectionError:
            return None
        if response.status != 200:
            return None
        found: Json = loads(await read_all(response))
        return found


def _about(obj: Json, kind: str, now: datetime) -> Json:
    metadata = {
        key: obj["metadata"][key]
        for key in ("name", "namespace", "labels")
        if key in obj["metadata"]
    }
    return {
        "kind": kind,
        "apiVersion": f"{GROUP}/{VERSION}",
        "metadata": {**metadata, "creationTimestamp": timestamp(now)},
        "timestamp": timestamp(now),
        "window": WINDOW,
    }


def _usage(stats: Json) -> Json:
    milli = -(-stats["cpu"]["usageNanoCores"] // _NANO)
    kibibytes = stats["memory"]["workingSetBytes"] // _KIBIBYTE
    return {"cpu": of_milli(milli), "memory": of_whole(kibibytes * _KIBIBYTE, BINARY)}
