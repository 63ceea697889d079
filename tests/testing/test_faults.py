"""A test's own clients are struck by faults, as operators in the field are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes.client import CoreV1Api, V1ConfigMap, V1ObjectMeta
from kubernetes.client.exceptions import ApiException

import k8slite.testing
from k8slite.testing import Cluster

AGENT = "OpenAPI-Generator"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with k8slite.testing.start(nodes=0) as cluster:
        yield cluster


def create(cluster: Cluster, name: str) -> None:
    core = CoreV1Api(cluster.clients.kubernetes())
    core.create_namespaced_config_map("default", V1ConfigMap(metadata=V1ObjectMeta(name=name)))


def test_the_second_write_is_refused(cluster: Cluster) -> None:
    cluster.arm_faults([{"fault": "refuse", "process": AGENT, "write": 2, "status": 409}])
    create(cluster, "one")
    with pytest.raises(ApiException) as caught:
        create(cluster, "two")
    assert caught.value.status == 409
    create(cluster, "two")
    (struck,) = cluster.faults()["struck"]
    assert struck["fault"] == "refuse"
    assert struck["what"].startswith(f"write 2 of {AGENT}, POST ")
    assert [(one["name"], one["writes"]) for one in cluster.faults()["clients"]] == [(AGENT, 3)]
    cluster.heal_faults()
    assert cluster.faults()["plan"] == []


def test_a_plan_is_a_file_or_text_too(cluster: Cluster, tmp_path: Path) -> None:
    text = f"- {{fault: refuse, process: {AGENT}, write: 1, status: 503}}\n"
    (tmp_path / "plan.yaml").write_text(text)
    for plan in (text, tmp_path / "plan.yaml"):
        cluster.arm_faults(plan)
        assert cluster.faults()["plan"][0]["status"] == 503
    with pytest.raises(ValueError, match="is no fault; `fault` must be one of"):
        cluster.arm_faults([{"fault": "nonsense"}])
