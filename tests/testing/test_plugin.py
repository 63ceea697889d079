"""The pytest plugin in projects of other people."""

from __future__ import annotations

from tests.testing.conftest import Project

CONFIG_MAP = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}'

FIXTURES = f"""
import os
import subprocess
import pathlib
import k8slite

CONFIG_MAP = {CONFIG_MAP}
SEEN = []


def test_a_namespace(k8slite_cluster, k8slite_namespace, k8slite_kubeconfig, k8slite_url):
    assert pathlib.Path(k8slite.__file__).is_relative_to(os.environ["PYTHONPATH"])
    k8slite_cluster.apply(CONFIG_MAP, k8slite_namespace)
    assert k8slite_cluster.get("cm/one", k8slite_namespace)["metadata"]["name"] == "one"
    assert k8slite_url == k8slite_cluster.url and k8slite_url in k8slite_kubeconfig.read_text()
    SEEN.append(k8slite_namespace)


def test_another_one(k8slite_cluster, k8slite_namespace):
    assert SEEN and k8slite_namespace not in SEEN
    names = {{one["metadata"]["name"] for one in k8slite_cluster.list("cm", k8slite_namespace)}}
    assert "one" not in names
    k8slite_cluster.wait_for(f"namespace/{{SEEN[0]}}", "delete")


def test_it_is_clean(k8slite_fresh_cluster, k8slite_cluster):
    assert k8slite_fresh_cluster.url != k8slite_cluster.url
    assert len(k8slite_fresh_cluster.list("nodes")) == 3
"""

MARKED = """
import pytest


@pytest.mark.k8slite(version="1.31", nodes=1, controllers=("*", "-deployment-controller"))
def test_as_it_was_chosen(k8slite_fresh_cluster, k8slite_cluster):
    assert len(k8slite_fresh_cluster.list("nodes")) == 1
    assert len(k8slite_cluster.list("nodes")) == 2
    from kubernetes.client import VersionApi

    old = VersionApi(k8slite_fresh_cluster.clients.kubernetes()).get_code()
    new = VersionApi(k8slite_cluster.clients.kubernetes()).get_code()
    assert (old.minor, new.minor) == ("31", "35")


@pytest.mark.k8slite(nodes=1)
def test_in_vain(k8slite_cluster):
    pass


@pytest.mark.k8slite(version="1.12")
def test_too_old(k8slite_fresh_cluster):
    pass


@pytest.mark.k8slite(nods=1)
def test_no_such_option(k8slite_fresh_cluster):
    pass
"""

CLIENTS = """
import asyncio

def test_blocking_clients(k8slite_kubernetes, k8slite_lightkube, k8slite_kr8s, k8slite_namespace):
    from kubernetes.client import CoreV1Api, V1ConfigMap, V1ObjectMeta
    from lightkube.resources.core_v1 import ConfigMap

    made = V1ConfigMap(metadata=V1ObjectMeta(name="one"), data={"a": "b"})
    CoreV1Api(k8slite_kubernetes).create_namespaced_config_map(k8slite_namespace, made)
    assert k8slite_lightkube.get(ConfigMap, "one").data == {"a": "b"}
    assert "one" in {found.name for found in k8slite_kr8s.get("configmaps")}


def test_an_awaited_client(k8slite_kubernetes_asyncio):
    async def main():
        from kubernetes_asyncio.client import CoreV1Api

        async with await k8slite_kubernetes_asyncio() as api:
            return len((await CoreV1Api(api).list_node()).items)

    assert asyncio.run(main()) == 3
"""

FORGOTTEN = """
import unittest
import k8slite.testing
import pytest


def test_forgets():
    k8slite.testing.start(nodes=0)


def test_stops():
    with k8slite.testing.start(nodes=0) as cluster:
        assert cluster.list("namespaces")


class Suite(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = k8slite.testing.start(nodes=0)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()

    def test_one(self):
        self.assertTrue(self.cluster.list("namespaces"))

    def test_two(self):
        self.assertTrue(self.cluster.list("namespaces"))


@pytest.fixture(scope="session")
def wide(k8slite_namespace):
    return k8slite_namespace


def test_too_wide(wide):
    pass
"""


def test_fixtures(project: Project) -> None:
    outcome = project({"test_it.py": FIXTURES})
    assert outcome.counts == {"passed": 3}, outcome.text


def test_a_marker_and_a_configuration_choose(project: Project) -> None:
    ini = "[pytest]\nk8slite_version = 1.35\nk8slite_nodes = 2\n"
    outcome = project({"test_it.py": MARKED, "pytest.ini": ini})
    assert outcome.counts == {"passed": 1, "errors": 3}, outcome.text
    assert "k8slite_cluster is shared" in outcome.text
    assert "Kubernetes 1.12 is not known, only 1.30 to 1.37" in outcome.text
    assert "unexpected keyword argument 'nods'" in outcome.text


def test_clients_of_other_packages(project: Project) -> None:
    ini = "[pytest]\nfilterwarnings =\n    error\n    ignore::DeprecationWarning\n"
    ini += "    ignore:Kubernetes version:UserWarning\n"  # kr8s lags behind
    outcome = project({"test_it.py": CLIENTS, "pytest.ini": ini})
    assert outcome.counts == {"passed": 2}, outcome.text


def test_a_cluster_that_is_forgotten_is_told_and_stopped(project: Project) -> None:
    outcome = project({"test_it.py": FORGOTTEN})
    assert outcome.counts == {"passed": 4, "errors": 2}, outcome.text
    assert "test_it.py:8 was not stopped (it is now)" in outcome.text
    assert "k8slite_namespace lives for one test" in outcome.text


def test_each_worker_has_a_cluster_of_its_own(project: Project) -> None:
    outcome = project({"test_a.py": FIXTURES, "test_b.py": FIXTURES}, "-n2", "--dist=loadfile")
    assert outcome.counts == {"passed": 6}, outcome.text
