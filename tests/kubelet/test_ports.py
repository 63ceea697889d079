"""What listens at the ports of imagined pods: for requests, probes and hooks."""

from __future__ import annotations

import pytest
import trio

from k8slite.messages import Request
from tests.kubelet.fleet import container, settle
from tests.kubelet.test_interpreting import shell

WEB = {"name": "web", "containerPort": 80}


async def ask(scene, pod, port, path="/", *, tls=False, **more):
    address = scene.status(pod)["podIP"]
    asked = Request("GET", path, **more)
    return await scene.fleet.runtime.request(address, port, asked, tls=tls)


async def test_a_declared_port_answers_as_long_as_its_container_runs(autojump_clock, scene):
    says = {"k8slite.dev/exit-after.first": "10s", "k8slite.dev/http.second": "hi"}
    await scene.create(
        "p",
        says,
        containers=[container("first", ports=[WEB]), container("second", ports=[WEB])],
        restartPolicy="Never",
    )
    answer = await ask(scene, "p", 80)
    assert answer.body == b"k8slite: pod default/p, container first, port 80\n"
    with pytest.raises(ConnectionRefusedError, match=r":81: connect: connection refused"):
        await ask(scene, "p", 81)
    await trio.sleep(11)
    with pytest.raises(ConnectionRefusedError):
        await ask(scene, "p", 80)


@pytest.mark.parametrize(
    ("probe", "why"),
    [
        ({"tcpSocket": {"port": 80}}, "dial tcp {ip}:80: connect: connection refused"),
        (
            {"httpGet": {"path": "/x", "port": "web"}},
            'Get "http://{ip}:80/x": dial tcp {ip}:80: connect: connection refused',
        ),
        ({"httpGet": {"port": "no"}}, "couldn't find port: no"),
        ({"exec": {"command": ["cat", "/no"]}}, "cat: /no: No such file or directory\n"),
        (
            {"exec": {"command": ["sleep", "9"]}},
            'command timed out: "sleep 9" timed out after 1s',
        ),
        ({"grpc": {"port": 80}}, "timeout: failed to connect service"),
    ],
)
async def test_a_probe_of_a_command_gives_the_true_answer(autojump_clock, scene, probe, why):
    each = {"periodSeconds": 1, "failureThreshold": 2, "timeoutSeconds": 1}
    probe = {**probe, **each}
    await scene.create("p", containers=shell("sleep 600", ports=[WEB], readinessProbe=probe))
    await trio.sleep(7)
    await settle()
    assert not scene.ready("p")
    ip = scene.status("p")["podIP"]
    told = next(one for one in scene.events("p") if one.startswith("Unhealthy"))
    assert told.startswith(f"Unhealthy: Readiness probe failed: {why.format(ip=ip)}")


@pytest.mark.parametrize("command", [{}, {"command": ["sleep", "600"]}])
async def test_hooks_over_http_are_called(autojump_clock, scene, command):
    """Of whatever runs in a container; who is not there is a failure, any answer is none."""
    await scene.create("web", containers=[container("c", ports=[WEB])])
    ip = scene.status("web")["podIP"]
    good = {"httpGet": {"host": ip, "port": 80, "path": "/echo"}}
    bad = {"httpGet": {"host": ip, "port": 81}}
    hooks = {"good": (good, good), "unstarted": (bad, good), "unstopped": (good, bad)}
    for name, (post, pre) in hooks.items():
        lifecycle = {"postStart": post, "preStop": pre}
        containers = [container("c", lifecycle=lifecycle, **command)]
        await scene.create(name, containers=containers, restartPolicy="Never")
        await trio.sleep(1)
    assert scene.ready("good") and scene.ready("unstopped")
    assert not scene.ready("unstarted")
    assert "FailedPostStartHook: PostStartHook failed" in scene.events("unstarted")
    for name in ("good", "unstopped"):
        await scene.delete(name)
        await trio.sleep(40)
    failures = {
        name: "FailedPreStopHook: PreStopHook failed" in scene.events(name) for name in hooks
    }
    assert failures == {"good": False, "unstarted": False, "unstopped": True}
