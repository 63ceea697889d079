"""A kubelet refuses a pod whose host ports others have."""

from __future__ import annotations

import pytest

from tests.kubelet.fleet import container


def with_port(port, address="", protocol="TCP"):
    found = {"containerPort": port, "hostPort": port, "protocol": protocol}
    return [{**container("c"), "ports": [{**found, **({"hostIP": address} if address else {})}]}]


async def test_a_port_that_is_taken(autojump_clock, scene):
    await scene.create("a", containers=with_port(80))
    await scene.create("b", containers=with_port(80))
    assert scene.phase("a") == "Running"
    status = scene.status("b")
    why = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
    assert (status["phase"], status["reason"]) == ("Failed", "NodePorts")
    assert status["message"] == f"Pod was rejected: {why}"
    assert why in " ".join(scene.events("b"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (with_port(80), with_port(81)),
        (with_port(80), with_port(80, protocol="UDP")),
        (with_port(80, "10.0.0.1"), with_port(80, "10.0.0.2")),
    ],
)
async def test_ports_that_do_not_meet(autojump_clock, scene, one, other):
    await scene.create("a", containers=one)
    await scene.create("b", containers=other)
    assert (scene.phase("a"), scene.phase("b")) == ("Running", "Running")


async def test_a_port_is_free_again_when_its_pod_has_gone(autojump_clock, scene):
    await scene.create("a", containers=with_port(80, "10.0.0.1"))
    await scene.create("b", containers=with_port(80))
    assert scene.phase("b") == "Failed"
    await scene.delete("a", gracePeriodSeconds=0)
    await scene.create("c", containers=with_port(80))
    assert scene.phase("c") == "Running"
