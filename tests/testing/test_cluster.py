"""A cluster in this process: what a test can do with it, and what is left of it."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

import k8slite.testing
from k8slite import NotFound
from k8slite.live.data_directory import DirectoryInUse
from k8slite.live.loop import Stopped
from k8slite.sim.outcome import Order
from k8slite.sim.scenario import play_once
from k8slite.testing import AsyncCluster, Cluster
from k8slite.testing.clients import NotInstalled
from tests.simulation.scenarios import Web

Json = dict[str, Any]

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: nginx}]
"""
WIDGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wg]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: first}
spec: {size: 3}
"""


def config_map(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with k8slite.testing.start() as cluster:
        yield cluster


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    return cluster.namespace()


def test_apply_takes_texts_objects_and_paths(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster.apply(WEB, namespace)
    ready = cluster.wait_for("deployment/web", "Available", namespace)
    assert ready["status"]["readyReplicas"] == 2
    cluster.apply(config_map("one", a="b"), namespace)
    cluster.apply(config_map("one", a="c"), namespace)
    assert cluster.get("configmap/one", namespace)["data"] == {"a": "c"}
    (tmp_path / "b.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\n")
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: key}\n")
    assert [one["kind"] for one in cluster.apply(tmp_path, namespace)] == ["Secret", "ConfigMap"]
    cluster.apply(str(tmp_path / "b.yaml"), namespace)
    names = [one["metadata"]["name"] for one in cluster.list("cm", namespace)]
    assert names == ["kube-root-ca.crt", "one", "two"]


def test_custom_resources_are_applied_with_their_definition(
    cluster: Cluster, namespace: str
) -> None:
    cluster.apply(WIDGETS, namespace)
    for name in ("widget/first", "wg/first", "widgets.example.com/first"):
        assert cluster.get(name, namespace)["spec"] == {"size": 3}


def test_deleting_waits_and_says_what_keeps_an_object(cluster: Cluster, namespace: str) -> None:
    cluster.apply(config_map("one"), namespace)
    cluster.delete("cm/one", namespace)
    with pytest.raises(NotFound):
        cluster.get("cm/one", namespace)
    kept = config_map("kept")
    kept["metadata"]["finalizers"] = ["example.com/keep"]
    cluster.apply(kept, namespace)
    with pytest.raises(k8slite.testing.Timeout, match=r"configmaps/kept in .* is not 'delete'"):
        cluster.delete("cm/kept", namespace, timeout_seconds=0.1)


def test_what_was_waited_for_in_vain_is_told(cluster: Cluster, namespace: str) -> None:
    pod = {"containers": [{"name": "web", "image": "nginx"}], "nodeSelector": {"a": "b"}}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stuck"}, "spec": pod}, namespace
    )
    cluster.wait_for("pod/stuck", "PodScheduled=False", namespace)
    with pytest.raises(AssertionError, match=r"not 'Ready' after 0.1 s: PodScheduled=False"):
        cluster.wait_for("pod/stuck", "Ready", namespace, timeout_seconds=0.1)
    with pytest.raises(AssertionError, match=r"still \[\] after 0.1 s"):
        cluster.wait_until(lambda: cluster.list("jobs", namespace), timeout_seconds=0.1)


def test_a_function_can_be_waited_for(cluster: Cluster, namespace: str) -> None:
    cluster.apply(WEB, namespace)
    found = cluster.wait_for(
        "deployment/web", lambda one: one["status"].get("readyReplicas") == 2, namespace
    )
    assert found["metadata"]["name"] == "web"
    assert cluster.wait_until(lambda: cluster.list("pods", namespace, labels="app=web"))


def test_bad_names_and_manifests_are_explained(cluster: Cluster) -> None:
    for what, why in (
        ("gadgets/x", "knows no resource 'gadgets'"),
        ("pods", "'pods' is a type without a name"),
    ):
        with pytest.raises(ValueError, match=why):
            cluster.get(what)
    with pytest.raises(ValueError, match="a list is of a type"):
        cluster.list("pods/web")
    for manifest, why in (
        ("missing.yaml", "there is no manifest missing.yaml"),
        ("a: [", "is no YAML"),
        ("a: b", "not an object with apiVersion and kind"),
        ({"apiVersion": "example.com/v9", "kind": "Gadget"}, "apply its CustomResourceDefinition"),
        ({"apiVersion": "v1", "kind": "Pod"}, "without metadata.name"),
    ):
        with pytest.raises(ValueError, match=why):
            cluster.apply(manifest)  # type: ignore[arg-type]


def test_events_and_requests_are_asserted(cluster: Cluster, namespace: str) -> None:
    from kubernetes.client import CoreV1Api

    cluster.apply(WEB, namespace)
    event = cluster.assert_event("SuccessfulCreate", "rs", namespace, message="Created pod: web-")
    assert event["type"] == "Normal"
    with pytest.raises(AssertionError, match=r"(?s)no event Nothing on rs; .*SuccessfulCreate: Cr"):
        cluster.assert_event("Nothing", "rs", namespace, timeout_seconds=0.1)
    cluster.forget_requests()
    api = cluster.clients.kubernetes()
    CoreV1Api(api).delete_namespaced_pod(
        cluster.list("pods", namespace)[0]["metadata"]["name"], namespace
    )
    (request,) = cluster.assert_request("DELETE", f"/namespaces/{namespace}/pods/web-", times=1)
    assert request.status == 200 and "python" in request.user_agent
    with pytest.raises(AssertionError, match=r"(?s)0 requests PATCH .* there were:\n  DELETE /api"):
        cluster.assert_request("PATCH")


def test_options_that_cannot_be_are_explained() -> None:
    for options, why in (
        ({"version": "1.12"}, "Kubernetes 1.12 is not known, only 1.30 to 1.37"),
        ({"version": "new"}, "Kubernetes new is not known"),
        ({"nodes": -1}, "nodes is how many there are, and not -1"),
        ({"controllers": ("*", "-deploy")}, '"deploy" is not in the list of known controllers: '),
        ({"controllers": "*"}, "controllers is a sequence of names"),
    ):
        with pytest.raises(ValueError, match=why):
            k8slite.testing.start(**options)  # type: ignore[arg-type]


def test_a_client_that_is_not_installed_is_named(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kr8s", None)
    with pytest.raises(NotInstalled, match="pip install kr8s"):
        cluster.clients.kr8s()


def test_a_stopped_cluster_says_so() -> None:
    cluster = k8slite.testing.start(nodes=0)
    cluster.stop()
    cluster.stop()
    with pytest.raises(Stopped, match="was stopped; start another one"):
        cluster.list("pods")


def test_without_tls_everybody_is_the_administrator() -> None:
    import urllib.request

    with k8slite.testing.start(tls=False, nodes=0) as cluster:
        assert cluster.url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{cluster.url}/api/v1/namespaces/kube-system") as answer:
            assert answer.status == 200
        assert cluster.clients.kubernetes().call_api


def test_a_data_directory_keeps_the_cluster_and_takes_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "data"
    with k8slite.testing.start(data_dir=path, nodes=0) as cluster:
        cluster.apply(config_map("kept", a="b"))
        with pytest.raises(DirectoryInUse, match="give each a directory of its own"):
            k8slite.testing.start(data_dir=path)
    with k8slite.testing.start(data_dir=path, nodes=0) as cluster:
        assert cluster.get("cm/kept")["data"] == {"a": "b"}


# Hosts


async def use(cluster: AsyncCluster) -> None:
    assert len(await cluster.list("nodes")) == 1
    await cluster.apply(WEB)
    await cluster.wait_for("deployment/web", "Available")

    async def two() -> bool:
        return len(await cluster.list("pods")) == 2

    assert await cluster.wait_until(two)
    snapshot = await cluster.snapshot()
    await cluster.delete("deployment/web")
    async with cluster.fork(snapshot) as other, cluster.past(snapshot) as then:
        assert await other.list("deployments") and await then.list("deployments")
        assert not await cluster.list("deployments")


async def test_in_trio() -> None:
    async with k8slite.testing.running(nodes=1) as cluster:
        await use(cluster)
        with trio.move_on_after(0.05) as scope:
            await cluster.wait_for("pod/never")
        assert scope.cancelled_caught


def test_in_asyncio() -> None:
    async def main() -> None:
        async with k8slite.testing.running(nodes=1) as cluster:
            await use(cluster)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(cluster.wait_for("pod/never"), 0.05)

    asyncio.run(main())


# What is left


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_two_hundred_clusters_leave_nothing() -> None:
    api_only: Json = {"nodes": 0, "controllers": (), "scheduler": False}

    def one(number: int) -> None:
        with k8slite.testing.start(**({} if number % 10 == 0 else api_only)) as cluster:
            cluster.apply(config_map("one"))
            with socket.create_connection(("127.0.0.1", int(cluster.url.rpartition(":")[2]))):
                pass

    for number in range(20):
        one(number)
    gc.collect()
    threads, files, objects = threading.active_count(), open_files(), len(gc.get_objects())
    for number in range(200):
        one(number)
    gc.collect()
    assert threading.active_count() <= threads  # an idle one of before may have ended
    assert open_files() == files
    assert len(gc.get_objects()) < objects + 2_000  # one cluster alone has tens of thousands


def test_a_script_that_forgets_is_told_at_its_end(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import k8slite.testing\nk8slite.testing.start(nodes=0)\n")
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0
    assert ran.stderr.startswith(f"k8slite: the k8slite cluster started at {script}:2 was not")


def test_writes_of_a_test_do_not_reach_another_cluster() -> None:
    with k8slite.testing.start(nodes=0) as one, k8slite.testing.start(nodes=0) as other:
        one.apply(config_map("mine"))
        assert one.get("cm/mine") and not [
            found for found in other.list("cm") if found["metadata"]["name"] == "mine"
        ]


def test_a_simulated_run_beside_a_live_cluster_is_what_its_seed_says() -> None:
    order = Order(seed=7)
    alone = play_once(Web(), order)
    with k8slite.testing.start(nodes=2) as cluster:
        cluster.apply(WEB)
        beside = play_once(Web(), order)
        cluster.wait_for("deployment/web", "Available")
    assert (alone.error, alone.violations) == ("", ())
    assert beside == alone


def test_the_first_pod_is_taken_at_once() -> None:
    """Also while the controllers are still on their way (here they never come but for one)."""
    with k8slite.testing.start(nodes=1, controllers=("service-account-controller",)) as first:
        first.apply(POD)
    with k8slite.testing.start(nodes=1, controllers=("service-account-controller",)) as second:
        second.apply(POD)
        assert second.get("pod/first")["spec"]["serviceAccountName"] == "default"


POD = """
apiVersion: v1
kind: Pod
metadata: {name: first}
spec: {containers: [{name: c, image: example.com/c}]}
"""
