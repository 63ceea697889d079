"""Containers that come into a pod, or get other resources, while it runs."""

from __future__ import annotations

import trio

from k8slite.client.resource import PODS
from tests.kubelet.fleet import NAMESPACE, container, settle
from tests.kubelet.test_logs import text


async def change(scene, **spec):
    def apply(pod):
        pod["spec"].update(spec)
        pod["metadata"]["generation"] = pod["metadata"].get("generation", 1) + 1

    scene.api.change(PODS.path(NAMESPACE, "web"), apply)
    await settle()


def looks(name, script):
    return container(name, command=["sh", "-c", script])


async def test_an_ephemeral_container_runs_beside_the_others(autojump_clock, scene):
    await scene.create("web")
    await change(scene, ephemeralContainers=[looks("debugger", "echo here; sleep 5; exit 3")])
    (debugger,) = scene.status("web")["ephemeralContainerStatuses"]
    assert "running" in debugger["state"] and scene.ready("web")
    assert (await text(scene, "web", "debugger"))[1] == "here\n"
    await trio.sleep(6)
    (debugger,) = scene.status("web")["ephemeralContainerStatuses"]
    assert debugger["state"]["terminated"]["exitCode"] == 3
    assert scene.phase("web") == "Running" and scene.ready("web")
    await trio.sleep(1000)
    (debugger,) = scene.status("web")["ephemeralContainerStatuses"]
    assert debugger["restartCount"] == 0
    await change(scene, ephemeralContainers=[looks("debugger", ""), looks("more", "sleep 1000")])
    assert len(scene.status("web")["ephemeralContainerStatuses"]) == 2
    await scene.delete("web")
    assert scene.pod("web") is None


async def test_it_runs_while_init_containers_do(autojump_clock, scene):
    await scene.create("web", initContainers=[looks("init", "sleep 1000")])
    await change(scene, ephemeralContainers=[looks("debugger", "sleep 1000")])
    (debugger,) = scene.status("web")["ephemeralContainerStatuses"]
    assert "running" in debugger["state"] and scene.phase("web") == "Pending"


async def test_new_resources_restart_a_container_only_where_it_says_so(autojump_clock, scene):
    policy = [
        {"resourceName": "cpu", "restartPolicy": "NotRequired"},
        {"resourceName": "memory", "restartPolicy": "RestartContainer"},
    ]

    def sized(cpu, memory):
        requests = {"cpu": cpu, "memory": memory}
        return [container("c", resizePolicy=policy, resources={"requests": requests})]

    await scene.create("web", containers=sized("1", "1Gi"))
    await change(scene, containers=sized("2", "1Gi"))
    await trio.sleep(1)
    assert scene.container("web")["restartCount"] == 0
    assert scene.container("web")["resources"] == {"requests": {"cpu": "2", "memory": "1Gi"}}
    await change(scene, containers=sized("2", "2Gi"))
    await trio.sleep(1)
    assert scene.container("web")["restartCount"] == 1 and scene.ready("web")
    assert "Killing: Container c resize requires restart" in scene.events("web")
