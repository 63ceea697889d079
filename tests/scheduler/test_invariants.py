"""Whatever comes and goes in whatever order: no node is ever promised more than it has."""

from __future__ import annotations

from typing import Any

import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from k8slite.objects.quantity import milli, whole
from tests.client.fake_api import Commit
from tests.scheduler.schedulable import Cluster

Json = dict[str, Any]
NODES = {"node-0": (1000, 512, 3), "node-1": (2000, 1024, 4), "node-2": (500, 2048, 2)}

POD = st.fixed_dictionaries(
    {
        "cpu": st.sampled_from(["", "100m", "500m", "1", "1500m"]),
        "memory": st.sampled_from(["", "128Mi", "512Mi", "1Gi"]),
        "ports": st.sampled_from([(), (), (80,), (80, 443)]),
        "priority": st.integers(0, 2),
    }
)
STEP = st.one_of(
    *[st.tuples(st.just("add"), st.integers(0, 9), POD)] * 3,
    st.tuples(st.just("remove"), st.integers(0, 9)),
    st.tuples(st.just("replace"), st.integers(0, 9), POD),
    st.tuples(st.just("end"), st.integers(0, 9)),
    st.tuples(st.just("refuse"), st.integers(0, 9)),
    st.tuples(st.just("relist")),
    st.tuples(st.just("hold")),
    st.tuples(st.just("release")),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.1, 2.0, 20.0])),
)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.lists(POD, min_size=3, max_size=10), st.lists(STEP, min_size=5, max_size=40))
def test_nodes_are_never_overcommitted_and_what_fits_is_bound(
    pods: list[Json], steps: list[Any]
) -> None:
    first = [("add", i, pod) for i, pod in enumerate(pods)]
    trio.run(_run, [*first, *steps], clock=trio.testing.MockClock(autojump_threshold=0))


async def _run(steps: list[Any]) -> None:
    cluster = Cluster()
    for name, (milli_cpu, mebibytes, pods) in NODES.items():
        cluster.add_node(name, cpu=f"{milli_cpu}m", memory=f"{mebibytes}Mi", pods=pods)
    cluster.api.on_commit.append(lambda commit: _check(cluster, commit))
    async with cluster.scheduling():
        for step in steps:
            await _take(cluster, *step)
        cluster.api.held = False
        cluster.api.wake()
        cluster.refusals.clear()
        await trio.sleep(60)
        for pod in cluster.api.list("/api/v1/pods"):
            if not pod["spec"].get("nodeName") and pod["status"]["phase"] == "Pending":
                fitting = [name for name in NODES if _fits(cluster, pod, name)]
                assert not fitting, (pod["metadata"]["name"], fitting)


async def _take(cluster: Cluster, what: str, *arguments: Any) -> None:
    if what == "wait":
        return await trio.sleep(arguments[0])
    if what in ("hold", "release"):
        cluster.api.held = what == "hold"
        return cluster.api.wake()
    if what == "relist":
        return cluster.api.expire_watches()
    name = f"pod-{arguments[0]}"
    exists = cluster.api.get(f"/api/v1/namespaces/default/pods/{name}") is not None
    if what == "refuse":
        cluster.refusals[name] = 1
    elif what == "add" and not exists:
        cluster.add_pod(name, **arguments[1])
    elif what == "replace" and exists:
        cluster.add_pod(name, **arguments[1])  # another UID, one event
    elif what == "remove" and exists:
        cluster.remove_pod(name)
    elif what == "end" and exists:
        cluster.end_pod(name)
    return None


def _check(cluster: Cluster, commit: Commit) -> None:
    for name in NODES:
        taken = _taken(cluster, name)
        assert all(have <= most for have, most in zip(_sums(taken), NODES[name], strict=True)), name
        ports = [port for pod in taken for port in _ports(pod)]
        assert len(set(ports)) == len(ports), name


def _fits(cluster: Cluster, pod: Json, name: str) -> bool:
    taken = _taken(cluster, name)
    ports = {port for other in taken for port in _ports(other)}
    sums = _sums([*taken, pod])
    enough = all(have <= most for have, most in zip(sums, NODES[name], strict=True))
    return enough and ports.isdisjoint(_ports(pod))


def _taken(cluster: Cluster, name: str) -> list[Json]:
    return [
        pod
        for pod in cluster.api.list("/api/v1/pods")
        if pod["spec"].get("nodeName") == name and pod["status"]["phase"] == "Pending"
    ]


def _sums(pods: list[Json]) -> tuple[int, int, int]:
    requests = [pod["spec"]["containers"][0]["resources"]["requests"] for pod in pods]
    cpu = sum(milli(one.get("cpu", 0)) for one in requests)
    mebibytes = sum(whole(one.get("memory", 0)) for one in requests) // 2**20
    return cpu, mebibytes, len(pods)


def _ports(pod: Json) -> list[int]:
    return [port["hostPort"] for port in pod["spec"]["containers"][0]["ports"]]
