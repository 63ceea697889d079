"""Scheduling decisions a second: 5,000 nodes in 3 zones, 10,000 pods of 10 templates.

`alone`: decisions and what they change, without API and writes. `end to end`: pods are created in a
whole cluster (API server, store in memory) until all are bound; processor time of everything.
"""

from __future__ import annotations

import random
import time
from typing import Any

import trio
import trio.testing

from k8slite.client.client import Client
from k8slite.client.resource import NODES, PODS, SERVICE_ACCOUNTS
from k8slite.cluster import Cluster, Settings
from k8slite.kinds.core.models import Node, Pod
from k8slite.objects.structure import structure
from k8slite.scheduler.configuration import DEFAULT_SCHEDULER, Configuration
from k8slite.scheduler.plugin import Setting
from k8slite.scheduler.pod_info import PodInfo
from k8slite.scheduler.profiles import frameworks_of
from k8slite.scheduler.snapshot import NodeInfo, Snapshot
from k8slite.sim.world import SimulatedWorld
from k8slite.store.memory import MemoryStore
from tests.benchmarks.figure import show

Json = dict[str, Any]

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
TEMPLATES = 10


def main(*, short: bool) -> None:
    nodes, pods = (500, 1000) if short else (5000, 10000)
    for name, more, goal in CASES:
        rate = _alone(nodes, pods, more)
        show(f"scheduler alone, {name}", rate, "decisions/CPU s", goal, nodes=nodes, pods=pods)
    nodes, pods = (500, 1000) if short else (1000, 5000)
    clock = trio.testing.MockClock(autojump_threshold=0)
    rate = trio.run(_end_to_end, nodes, pods, clock=clock)
    show("scheduler end to end", rate, "pods/CPU s", None, nodes=nodes, pods=pods)


def _alone(nodes: int, pods: int, more: Json) -> float:
    snapshot = Snapshot()
    setting = Setting(snapshot, random.Random(0))
    framework = frameworks_of(Configuration(), setting)[DEFAULT_SCHEDULER]
    for i in range(nodes):
        snapshot.put_node(structure(_node(i), Node))
    waiting = [structure(_pod(i, more), Pod) for i in range(pods)]
    began = time.process_time()
    for pod in waiting:
        info = PodInfo.of(pod)
        found = framework.decide(info)
        assert isinstance(found, NodeInfo), found
        snapshot.assume(info, found)
    return pods / (time.process_time() - began)


async def _end_to_end(nodes: int, pods: int) -> float:
    settings = Settings(nodes=0, controllers=())
    cluster = Cluster(MemoryStore(), SimulatedWorld(0), settings)
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run)
        client = cluster.client("bench")
        # No controller runs that would make it.
        account = {"metadata": {"name": "default"}}
        await client.create(SERVICE_ACCOUNTS, account, "default")
        for i in range(nodes):
            await client.create(NODES, {**_node(i), "apiVersion": "v1", "kind": "Node"})
        began = time.process_time()
        for i in range(pods):
            await client.create(PODS, _pod(i, {}), "default")
        await _all_bound(client)
        taken = time.process_time() - began
        nursery.cancel_scope.cancel()
    return pods / taken


async def _all_bound(client: Client) -> None:
    found = await client.list(PODS, "default", fieldSelector="spec.nodeName=", limit=1)
    if found["items"]:
        await trio.sleep(1)
        await _all_bound(client)


def _node(i: int) -> Json:
    return {
        "metadata": {
            "name": f"n{i}",
            "uid": f"node-{i}",
            "labels": {HOST: f"n{i}", ZONE: f"z{i % 3}"},
        },
        "spec": {},
        "status": {"allocatable": {"cpu": "16", "memory": "64Gi", "pods": "110"}},
    }


def _pod(i: int, more: Json) -> Json:
    app = f"app-{i % TEMPLATES}"
    resources = {"requests": {"cpu": f"{100 + 50 * (i % TEMPLATES)}m", "memory": "200Mi"}}
    container = {"name": "main", "image": "app", "resources": resources}
    # No kubelet runs that would say that the nodes are ready.
    spec = {"containers": [container], "tolerations": [{"operator": "Exists"}]}
    return {
        "metadata": {
            "name": f"p{i}",
            "namespace": "default",
            "uid": f"pod-{i}",
            "labels": {"app": app},
        },
        "spec": {**spec, **_of_app(more, app)},
    }


def _of_app(more: Any, app: str) -> Any:
    if isinstance(more, dict):
        return {key: _of_app(value, app) for key, value in more.items()}
    if isinstance(more, list):
        return [_of_app(one, app) for one in more]
    return app if more == "APP" else more


_SELECTOR = {"labelSelector": {"matchLabels": {"app": "APP"}}}
_AWAY = {
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{**_SELECTOR, "topologyKey": HOST}]
        }
    }
}
_SPREAD = {
    "topologySpreadConstraints": [
        {
            **_SELECTOR,
            "maxSkew": 1,
            "topologyKey": ZONE,
            "whenUnsatisfiable": "DoNotSchedule",
        }
    ]
}
CASES: list[tuple[str, Json, float]] = [
    ("plain pods", {}, 2000),
    ("anti-affinity and zone spreading", {**_AWAY, **_SPREAD}, 300),
]
