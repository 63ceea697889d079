"""What cannot be is refused in words that say what to do; what fails in a container is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import k8slite.testing
from k8slite.live.data_directory import DirectoryInUse
from k8slite.testing import Cluster, Process, Timeout

Json = dict[str, Any]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with k8slite.testing.start(nodes=1, tls=False) as cluster:
        yield cluster


def pod(name: str, image: str) -> Json:
    containers = [{"name": "main", "image": image}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": containers, "restartPolicy": "Never"},
    }


def is_ready(one: Json) -> bool:
    return any(status["ready"] for status in one["status"].get("containerStatuses") or ())


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ("- {fault: explode}", "`fault` must be one of crash, time-travel"),
        ("- {fault: refuse, process: me, write: many}", "value of the wrong type in: write"),
        ("- {fault: refuse, process: me, write: 1, colour: red}", "unknown fields: colour"),
        ("- {fault: crash, process: kube-scheduler}", "can strike it in a simulation only"),
        ("a: [", "it is no YAML"),
        ("hello", "a plan is a list of faults"),
    ],
)
def test_a_bad_plan(cluster: Cluster, tmp_path: Path, plan: str, why: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(plan)
    with pytest.raises(ValueError, match=why):
        cluster.arm_faults(path)
    assert cluster.faults()["plan"] == []


def test_what_is_no_manifest(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="7 is no manifest: give a path, a text, an object or a"):
        cluster.apply(7)  # type: ignore[arg-type]


@pytest.mark.parametrize("nodes", [-1, "3", 2.5])
def test_no_number_of_nodes(nodes: Any) -> None:
    with pytest.raises(ValueError, match=f"nodes is how many there are, and not {nodes!r}"):
        k8slite.testing.start(nodes=nodes)


def test_what_is_no_program(cluster: Cluster) -> None:
    def blocking(process: Process) -> int:
        return 0

    async def web(process: Process) -> None: ...

    with pytest.raises(TypeError, match=r"blocking.* is no async function: `async def"):
        cluster.image("example.com/blocking")(blocking)  # type: ignore[type-var]
    with pytest.raises(TypeError, match=r"is no image's name: @cluster.image\('example.com"):
        cluster.image(web)  # type: ignore[arg-type]


def test_a_program_that_raises_at_once_is_never_ready(cluster: Cluster) -> None:
    @cluster.image("example.com/broken")
    async def broken(process: Process) -> None:
        raise LookupError("there is no database")

    cluster.apply(pod("broken", "example.com/broken"), "default")
    found = cluster.wait_for(
        "pod/broken",
        lambda one: one["status"]["phase"] == "Failed" or is_ready(one),
        "default",
    )
    [status] = found["status"]["containerStatuses"]
    assert status["state"]["terminated"]["exitCode"] == 1
    with pytest.raises(Timeout, match=r"Ready=False, .*phase=Failed.*container main: Error"):
        cluster.wait_for("pod/broken", "Ready", "default", timeout_seconds=0)
    assert "LookupError: there is no database" in cluster.logs("broken", "default")


def test_an_image_that_nobody_has_registered() -> None:
    with k8slite.testing.start(nodes=1, tls=False) as cluster:
        cluster.refuse_unknown_images()
        cluster.apply(pod("unknown", "example.com/unknown"), "default")
        found = cluster.assert_event("Failed", "pod/unknown", "default")
        assert "say what it does with cluster.image('example.com/unknown')" in found["message"]


async def test_a_directory_that_is_in_use_and_a_cluster_that_was_not_entered(
    tmp_path: Path,
) -> None:
    async with k8slite.testing.running(data_dir=tmp_path, nodes=0):
        with pytest.raises(DirectoryInUse, match=f"data_dir {tmp_path} is in use"):
            async with k8slite.testing.running(data_dir=tmp_path):
                pass
    with pytest.raises(AttributeError, match=r"running.* has no apply: enter it first"):
        k8slite.testing.running().apply("a.yaml")
